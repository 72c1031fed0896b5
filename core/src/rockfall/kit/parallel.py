"""Processes that train one model together, each on a device of its own, and what they exchange.

Each has the whole model and a part of every batch. At the end of a backward pass the gradients are
averaged, weighted by the parts, before anything reads them: every process takes the step that one
with the whole batch would take, so that the weights stay the same everywhere. Batch normalisation
is synchronised: its statistics are those of the whole batch, in both directions.

Nothing is pickled: states travel as safetensors and JSON.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from rockfall.errors import Interrupted, RockfallError
from rockfall.kit import nest

__all__ = ["average", "moments"]

FEWEST = 2
"""Examples in a part of a batch: batch normalisation needs two."""
BUCKET = 2**23
"""Numbers that are averaged in one message, 32 MB."""
TIMEOUT = datetime.timedelta(minutes=30)
"""After which one that is waited for is given up."""
FAILED = "failed"
"""Under which a process that fails leaves word of it."""
BATCH_NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


class Lost(RockfallError):
    """Another process of the run failed or ended; in its own words, if it left any."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class World:
    """The processes of one run: this one's rank, from 0, and how many they are.

    weight: how much this one's mean over its part of the batch counts, in examples.
    repeated: how many of them have the very same part; more than one for a batch that is too small
        to be divided.
    rows, count: which of the latest batch, of so many examples, are this one's.
    """

    weight: float = 1.0
    repeated: int = 1
    rows: slice = slice(0, 0)
    count: int = 0

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    # What goes between the processes; the tests have another way than torch.distributed ------

    def sum_(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all. Raises Lost, as all below, if one has ended."""
        with self._listening():
            torch.distributed.all_reduce(tensor)

    def most_(self, tensor: Tensor) -> None:
        """Replace each number of a tensor by the greatest of all."""
        with self._listening():
            torch.distributed.all_reduce(tensor, torch.distributed.ReduceOp.MAX)

    def gather(self, state: Any) -> list[Any] | None:
        """What each has, in the order of ranks, for rank 0; None for the others."""
        with self._listening():
            if self.rank:
                _send(_packed(state), 0)
                return None
            return [state, *(_unpacked(_received(rank)) for rank in range(1, self.size))]

    def broadcast(self, state: Any) -> Any:
        """What rank 0 has, for all."""
        with self._listening():
            if self.rank:
                return _unpacked(_received(0))
            packed = _packed(state)
            for rank in range(1, self.size):
                _send(packed, rank)
            return state

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Inside, an error that comes of another's end is raised as what that one left."""
        try:
            yield
        except (RuntimeError, ValueError) as error:  # torch's are RuntimeErrors
            raise self.why() or error from error

    def why(self) -> Lost | None:
        """What is known of a failure elsewhere."""
        return None

    # What is made of it ---------------------------------------------------------------------

    def part(self, count: int) -> slice:
        """Which of a batch of `count` examples are this one's, and `weight` from now on: parts
        differ by one example at the most. All are, where there are fewer than `FEWEST` for each.
        """
        self.count = count
        if count < FEWEST * self.size:
            self.weight, self.repeated = count / self.size, self.size
            self.rows = slice(0, count)
        else:
            start, stop = (count * rank // self.size for rank in (self.rank, self.rank + 1))
            self.weight, self.repeated = float(stop - start), 1
            self.rows = slice(start, stop)
        return self.rows

    def average_(self, tensors: Iterable[Tensor]) -> None:
        """Replace each by its mean over all processes, weighted by their parts of the batch.

        What is shorter than float32 is summed up in float32. The weights travel along, so that
        nobody need know those of the others.
        """
        for bucket in _buckets(tensors):
            dtype = torch.promote_types(bucket[0].dtype, torch.float32)
            numbers = [each.reshape(-1).to(dtype) for each in bucket]
            flat = torch.cat([*numbers, numbers[0].new_ones(1)])
            flat = flat.mul_(self.weight) if self.weight else flat.zero_()
            self.sum_(flat)
            means = flat[:-1].div_(flat[-1]).split([each.numel() for each in bucket])
            for tensor, mean in zip(bucket, means, strict=True):
                tensor.copy_(mean.view(tensor.shape))

    def mean(self, value: float) -> float:
        """Of a number that each process has."""
        total = torch.tensor(float(value), dtype=torch.float64)
        self.sum_(total)
        return total.item() / self.size

    @contextlib.contextmanager
    def present(self) -> Iterator[None]:
        """While open, this is what `world` gives."""
        token = _present.set(self)
        try:
            yield
        finally:
            _present.reset(token)


ALONE = World(0, 1)
_present: ContextVar[World] = ContextVar("world", default=ALONE)


def world() -> World:
    """The processes that train together here and now; `ALONE` for one."""
    return _present.get()


class ProcessGroup(World):
    """Processes that torch.distributed joins: by gloo on CPUs, on CUDA by NCCL."""

    def __init__(self, rank: int, size: int, store: Any) -> None:
        super().__init__(rank, size)
        self._store = store
        torch.distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
            store=prefixed("group", store),
            rank=rank,
            world_size=size,
            timeout=TIMEOUT,
        )

    def tell(self, error: BaseException) -> None:
        """Leave word of what this one fails of, for those that wait for it."""
        if isinstance(error, Lost | Interrupted):  # they know
            return
        known = isinstance(error, RockfallError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        word = {"rank": self.rank, "message": text, "code": getattr(error, "exit_code", 1)}
        with contextlib.suppress(RuntimeError):
            if not self._store.check([FAILED]):
                self._store.set(FAILED, json.dumps(word))

    def why(self) -> Lost:
        word: dict[str, Any] | None = None
        with contextlib.suppress(RuntimeError):
            if self._store.check([FAILED]):
                word = json.loads(self._store.get(FAILED))
        if word is None:
            return Lost(
                "another process of this run has ended without a word; `rockfall resume` goes on "
                "from the last checkpoint"
            )
        return Lost(f"rank {word['rank']}: {word['message']}", int(word["code"]))

    def leave(self) -> None:
        torch.distributed.destroy_process_group()


# Gradients ----------------------------------------------------------------------------------


@contextlib.contextmanager
def averaged_gradients(world: World, parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """While open, every backward pass ends with `.grad` of what it reached averaged over the world.

    A parameter that a pass does not reach is left out: it must be the same ones everywhere.
    Gradients that are accumulated over several passes come out right, for the mean of what is the
    same everywhere is what it is. What `torch.autograd.grad` returns is not averaged.
    """
    places = {parameter: place for place, parameter in enumerate(parameters)}
    reached: list[nn.Parameter] = []

    def average() -> None:
        # The order in which a pass comes to them is nobody's promise.
        passed = sorted(reached, key=places.__getitem__)
        reached.clear()
        with torch.no_grad():
            world.average_([each.grad for each in passed if each.grad is not None])

    def reach(parameter: Any) -> None:
        if not reached:
            engine: Any = torch.autograd.Variable._execution_engine
            engine.queue_callback(average)
        reached.append(parameter)

    handles = []
    for parameter in places:
        learns = parameter.requires_grad
        parameter.requires_grad_(True)  # one that is frozen now may learn later
        handles.append(parameter.register_post_accumulate_grad_hook(reach))
        parameter.requires_grad_(learns)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Real tensors of one type and device, together of about so many numbers as one message has."""
    kinds: dict[Any, list[Tensor]] = {}
    sizes: Counter[Any] = Counter()
    for tensor in tensors:
        real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
        kind = real.dtype, real.device
        kinds.setdefault(kind, []).append(real)
        sizes[kind] += real.numel()
        if sizes[kind] >= BUCKET:
            yield kinds.pop(kind)
            del sizes[kind]
    yield from kinds.values()


# Statistics ---------------------------------------------------------------------------------


class _Total(torch.autograd.Function):
    """Numbers, summed over the world. Backward, each loss counts as its gradients are to count."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor, world: World) -> Tensor:
        ctx.world, ctx.weight = world, world.weight
        total = numbers.clone()
        world.sum_(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # This process's gradients will be multiplied by its weight when they are averaged.
        total = gradient * ctx.weight
        ctx.world.sum_(total)
        return total / ctx.weight, None


@contextlib.contextmanager
def synchronised_batch_norms(world: World, model: nn.Module) -> Iterator[None]:
    """While open, batch normalisation in training mode is by the statistics of the whole batch.

    As `nn.SyncBatchNorm`, which CUDA alone has, and which loses parts of unequal size.
    """
    layers: list[Any] = [each for each in model.modules() if isinstance(each, BATCH_NORMS)]
    for layer in layers:
        layer.forward = _Synchronised(world, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


class _Synchronised:
    """The forward pass of a layer of batch normalisation."""

    def __init__(self, world: World, layer: Any) -> None:
        self.world, self.layer = world, layer

    def __call__(self, inputs: Tensor) -> Tensor:
        layer = self.layer
        if not layer.training:
            return type(layer).forward(layer, inputs)  # type: ignore[no-any-return]
        over = [0, *range(2, inputs.ndim)]
        shape = [1, -1, *[1] * (inputs.ndim - 2)]
        values = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
        repeated = self.world.repeated
        count = values.new_full((1,), values.numel() / values.shape[1] / repeated)
        totals = self._total(torch.cat([values.sum(over) / repeated, count]))
        total = totals[-1].detach()
        mean = totals[:-1] / total
        centred = values - mean.view(shape)
        squares = self._total(centred.square().sum(over) / repeated)
        variance = squares / total
        outputs = centred * (variance + layer.eps).rsqrt().view(shape)
        if layer.affine:
            outputs = outputs * layer.weight.view(shape) + layer.bias.view(shape)
        if layer.track_running_stats:
            self._follow(mean.detach(), squares.detach() / (total - 1))
        normalised: Tensor = outputs.to(inputs.dtype)
        return normalised

    def _total(self, numbers: Tensor) -> Tensor:
        apply: Any = _Total.apply
        total: Tensor = apply(numbers, self.world)
        return total

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        layer = self.layer
        layer.num_batches_tracked.add_(1)
        share = 1 / layer.num_batches_tracked if layer.momentum is None else layer.momentum
        layer.running_mean.lerp_(mean.to(layer.running_mean.dtype), share)
        layer.running_var.lerp_(variance.to(layer.running_var.dtype), share)


@torch.no_grad()
def average(*tensors: Tensor) -> None:
    """Replace each by its mean over all processes that train together, weighted by their parts of
    the batch; in a run on one device, leave them as they are.

    What a backward pass leaves in `.grad` has been averaged. This is for gradients, and for other
    means over examples, that a method computes by itself.
    """
    if world().size > 1:
        world().average_(tensors)


def moments(rows: Tensor) -> tuple[int, Tensor, Tensor]:
    """How many, mean (…) and variance (…), of rows (N, …) of all processes that train together.

    In a run on one device, of these rows. For statistics of what each process sees of its own, such
    as an agent's observations. Chan, Golub and LeVeque 1983 say how they are combined.
    """
    here = len(rows), rows.mean(0), rows.var(0, correction=0)
    there = world()
    if there.size == 1:
        return here
    count, mean, variance = here
    totals = torch.cat([(mean * count).reshape(-1), mean.new_full((1,), count)]).double()
    there.sum_(totals)
    whole = (totals[:-1] / totals[-1]).view(mean.shape)
    squares = (variance.double() + (mean - whole).square()) * count
    there.sum_(squares)
    return int(totals[-1]), whole.to(mean.dtype), (squares / totals[-1]).to(mean.dtype)


# Messages -----------------------------------------------------------------------------------


def prefixed(name: str, store: Any) -> Any:
    """A store, of whose keys each begins with `name`."""
    stores: Any = torch.distributed
    return stores.PrefixStore(name, store)


def _packed(state: Any) -> Tensor:
    """A nested state as bytes, (N,) uint8."""
    tensors: dict[str, Tensor] = {}
    content = json.dumps(nest.flatten(state, tensors))
    there = {
        name: each.cpu().clone(memory_format=torch.contiguous_format)
        for name, each in tensors.items()
    }
    return torch.frombuffer(bytearray(save(there, {"content": content})), dtype=torch.uint8)


def _unpacked(packed: Tensor) -> Any:
    data = packed.numpy().tobytes()
    length = int.from_bytes(data[:8], "little")
    content = json.loads(data[8 : 8 + length])["__metadata__"]["content"]
    return nest.restore(json.loads(content), load(data))


def _send(packed: Tensor, rank: int) -> None:
    torch.distributed.send(torch.tensor([len(packed)]), rank)
    torch.distributed.send(packed, rank)


def _received(rank: int) -> Tensor:
    size = torch.zeros(1, dtype=torch.int64)
    torch.distributed.recv(size, rank)
    packed = torch.empty(int(size), dtype=torch.uint8)
    torch.distributed.recv(packed, rank)
    return packed


def same_as_first(world: World, states: dict[str, Any]) -> set[str]:
    """Which of some named states are, to the bit, what rank 0 has under that name."""
    digests = {name: _digest(state) for name, state in states.items()}
    first = world.broadcast(digests)
    return {name for name, digest in digests.items() if first.get(name) == digest}


def _digest(state: Any) -> str:
    return hashlib.sha256(_packed(state).numpy().data).hexdigest()
