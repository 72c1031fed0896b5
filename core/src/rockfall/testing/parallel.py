"""Two processes against one: a model that declares `parallel` learns the same on either.

Whatever is drawn for the examples of a batch is drawn for the whole batch by both processes, each
of which takes its part, so that they may be compared with one that has them all.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from rockfall.kit import checkpoint, nest
from rockfall.kit.parallel import world
from rockfall.kit.places import STORE
from rockfall.parallel import ParallelRun, require_parallel
from rockfall.registry import registry
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.run import Run
from rockfall.testing.complaints import about, undisturbed
from rockfall.testing.fresh import resume_afresh
from rockfall.training import resume, train

NEAR = 1e-4
"""How far weights may be apart, beside 1 or beside their own size: sums are rounded otherwise."""
DEVICES = 2


def check_parallel(name: str, source: str | None = None) -> None:
    """Check that a model which declares `parallel` learns in two processes what it does in one.

    It is trained with preset `tiny`, on its default source or another. Raises AssertionError if
    weights differ by 1e-4, UsageError for a model that does not declare it.

    Both are computed in float64, and draw the same numbers for the same examples. An agent's
    environments can't be divided as a batch is: both processes get them all.
    """
    entry = registry().models.find(name)
    with about(f"model {entry.full_name}"), undisturbed(), tempfile.TemporaryDirectory() as folder:
        run = train(entry.full_name, source, preset="tiny", seed=1, out=folder, listeners=[])
        require_parallel(run.model, entry.spec.name)
        compare(run.record, Path(folder))


def compare(record: Record, folder: Path) -> None:
    """Raise AssertionError unless two processes end with the weights of one, asked for the same."""
    with tempfile.TemporaryDirectory(dir=folder) as where:
        out = Path(where)
        alone = RunDirectory.create(out, "alone", "", replace(record, devices=1))
        together = RunDirectory.create(out, "together", "", replace(record, devices=DEVICES))
        with as_of_whole_batches():
            resume(alone.path, listeners=[])
        resume_together(together.path, inside=f"{__name__}:as_of_whole_batches")
        one, two = (checkpoint.read(run.checkpoint("last")) for run in (alone, together))
        assert len(two["ranks"]) == DEVICES - 1, "it did not learn in two processes"
        assert one["step"] == two["step"], f"{two['step']} steps, and alone {one['step']}"
        apart, name = farthest(one["model"], two["model"])
        assert apart < NEAR, f"learned by two processes, {name} differs by {apart:.2g}"


def resume_together(run: Path, devices: int = DEVICES, inside: str = "") -> None:
    """Resume a run in so many processes of their own, that find each other by a file beside it."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(devices) as threads:
        common = {"WORLD_SIZE": str(devices), STORE: f"{folder}/store"}

        def one(rank: int) -> None:
            ranked = {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            resume_afresh(run, server=rank, environ=ranked, inside=inside)

        for done in [threads.submit(one, rank) for rank in range(devices)]:
            done.result()


def farthest(first: Any, second: Any) -> tuple[float, str]:
    """By how much two states differ at most, and where: absolute, or relative where it is large."""
    ours: dict[str, Tensor] = {}
    theirs: dict[str, Tensor] = {}
    assert nest.flatten(first, ours) == nest.flatten(second, theirs), "they differ in plain values"
    found = [(0.0, "nothing")]
    for name, one in ours.items():
        difference = (one.double() - theirs[name].double()).abs() / one.double().abs().clamp(min=1)
        found.append((difference.max().item() if one.numel() else 0.0, name))
    return max(found)


@contextlib.contextmanager
def as_of_whole_batches() -> Iterator[None]:
    """While open, a `fit` draws for its part of a batch what it would draw for the whole batch, and
    computes in float64: Adam would make as long a step of a gradient that is nothing but rounding
    errors as of any other. An agent plays in all of the environments, each time alike.
    """
    interruptible = Run.interruptible

    @contextlib.contextmanager
    def learning(run: Run) -> Iterator[None]:
        if _plays(run):
            if isinstance(run, ParallelRun):
                run.generators = run.world.broadcast(run.generators)
            with interruptible(run):
                yield
            return
        module = run.model if isinstance(run.model, nn.Module) else nn.Module()
        module.double()
        with interruptible(run), Draws():
            yield
        module.float()

    with (
        mock.patch.object(Run, "interruptible", learning),
        mock.patch.object(ParallelRun, "own", Run.own),
        # One process alone draws pictures.
        mock.patch.object(Run, "picture"),
        mock.patch.object(Run, "leave_snapshots"),
    ):
        yield


def _plays(run: Run) -> bool:
    return run.record.info.get("action_space") is not None


def _doubled(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.dtype == torch.float32 else tensor


class Draws(TorchDispatchMode):
    """Random numbers by how many draws came before, and by the place of an example in its batch;
    float64 in place of float32.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = list(args), dict(kwargs or {})
        if kwargs.get("dtype") == torch.float32:
            kwargs["dtype"] = torch.float64
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        if any(each.dtype == torch.float64 for each in given) and not func._schema.is_mutable:
            args, kwargs = tree_map_only(Tensor, _doubled, (args, kwargs))
        result = func(*args, **kwargs)
        random = torch.Tag.nondeterministic_seeded in func.tags
        if not random or kwargs.get("generator") is not None or not isinstance(result, Tensor):
            return result
        name = func.overloadpacket.__name__
        self.count += 1
        draw = getattr(torch, "randn" if "normal" in name or "randn" in name else "rand")
        numbers = self._of_the_part(draw, result)
        match name:
            case "rand" | "rand_like" | "randn" | "randn_like":
                return result.copy_(numbers)
            case "uniform_":
                low, high = (args[1:] + [0.0, 1.0][len(args) - 1 :])[:2]
                return result.copy_(numbers * (high - low) + low)
            case "normal_":
                mean, deviation = (args[1:] + [0.0, 1.0][len(args) - 1 :])[:2]
                return result.copy_(numbers * deviation + mean)
            case "bernoulli_":
                return result.copy_(numbers < (args[1] if len(args) > 1 else 0.5))
            case "bernoulli":
                return result.copy_(numbers < args[0])
            case "random_" if result.dtype == torch.int64:
                return result.copy_(((numbers - 0.5) * 2.0**64).clamp(-(2.0**63), 2.0**62).long())
            case "randint":
                whole = [each for each in args if isinstance(each, int)]
                low, high = (0, *whole)[-2:]
                return result.copy_((numbers * (high - low)).floor() + low)
            case "randperm":  # the order of examples is nobody's noise
                return result
        raise AssertionError(
            f"it draws by {name}, by which one and two processes can't be compared"
        )

    def _of_the_part(self, draw: Any, like: Tensor) -> Tensor:
        together, seed = world(), torch.Generator().manual_seed(self.count)
        own = together.rows.stop - together.rows.start
        if like.ndim and own and len(like) % own == 0:
            each = like.numel() // own  # an example may have several rows
            found: Tensor = draw(together.count, each, generator=seed, dtype=torch.float64)
            return found[together.rows].reshape(like.shape)
        size = like.numel()
        found = draw(1, size, generator=seed, dtype=torch.float64)
        return found.reshape(like.shape)
