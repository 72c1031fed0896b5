"""`check_model`: what every registered model has to be and do."""

from __future__ import annotations

import contextlib
import copy
import functools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import torch
from PIL import Image

from rockfall.building import build_model
from rockfall.catalogue import Catalogue, Entry
from rockfall.kinds import require_kind
from rockfall.kit import checkpoint
from rockfall.kit.devices import choose_device
from rockfall.kit.randomness import random_state, seed_everything
from rockfall.kit.states import load_model
from rockfall.model import Model
from rockfall.model_pictures import CURVES, check_picture_name, draw_capability, with_pictures
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.run.run import Run
from rockfall.sources.info import SourceInfo
from rockfall.sources.opening import open_source
from rockfall.sources.source import Source
from rockfall.specs import DatasetSpec, EnvironmentSpec, ModelSpec, PictureSpec
from rockfall.testing.behaving import behaviour, check_named
from rockfall.testing.comparing import difference
from rockfall.testing.complaints import about, offline, undisturbed
from rockfall.testing.describing import after_json
from rockfall.testing.pretend import pretend_device
from rockfall.testing.rehearsal import copy_of, outcome, rehearse
from rockfall.testing.resuming import check_resume, check_resume_afresh
from rockfall.testing.settings import check_config
from rockfall.training import evaluate, open_run, resume, train

Seen = TypeVar("Seen")

SEED = 1
LONGEST = 20.0
"""CPU seconds that preset `tiny` may take; it is trained about six times over."""


def check_model(name: str, source: str | None = None, *, device: str = "cpu") -> None:
    """Check one registered model, on its default source or another.

    It is trained with preset `tiny` in a temporary folder. Raises AssertionError unless: its
    settings are described and its presets fit; it learns from what its spec says; the same seed
    gives the same run, whatever happens around it, and another seed another; it can do what its
    spec says, and its spec says all that it can do; to measure or to draw it changes nothing; a
    model loaded from its checkpoint does the same; and killed anywhere and resumed, it ends bit for
    bit where it would have, in another process too.

    device: "cpu", "cuda", or "pretend", which stands for CUDA where there is none: whatever a GPU
        would refuse is told (see `rockfall.testing.pretend`). A run of another device than the CPU
        uses deterministic algorithms alone, and must also open on the CPU, and go on. A model that
        does not compute there (`ModelSpec.devices`) must take the CPU beside it.
    """
    entry = registry().models.find(name)
    pretend = pretend_device() if device == "pretend" else contextlib.nullcontext()
    on = contextlib.nullcontext() if device == "cpu" else about(f"on {device} device")
    with about(f"model {entry.full_name}"), undisturbed(), tempfile.TemporaryDirectory() as folder:
        with on, pretend:
            where = "cuda" if device == "pretend" else device
            fits = torch.device(where).type in entry.spec.devices
            run = _check_on(where if fits else "auto", entry, source, Path(folder))
            killed = copy_of(run.record, Path(folder))
            rehearse(killed, saves=(1).__eq__, dies_at=1)
        if device != "cpu":
            with about("brought to the CPU"):
                _check_on_the_cpu(run, killed, entry, source)


def _check_on(device: str, entry: Entry[ModelSpec], source: str | None, folder: Path) -> Run:
    kind = entry.spec.load()
    check_config(kind, entry.spec.name)
    opened = _open(entry.spec, source).to(choose_device(device, entry.spec.devices))
    _check_building(kind, opened.info)
    with about("trained with preset tiny"):
        run = _train(entry, source, SEED, folder, device)
    _check_trained(run, entry, opened)
    expected = outcome(run.directory)
    moments = _check_repeated(run, entry, source, expected, folder)
    check_resume(run.record, expected, moments, folder)
    if device == "cpu":  # what it imports is the same on any device
        check_resume_afresh(run.record, expected, folder)
    return run


def _check_on_the_cpu(
    run: Run, killed: RunDirectory, entry: Entry[ModelSpec], source: str | None
) -> None:
    """It opens there, can do and be measured by the same; one that was killed goes on learning."""
    with mock.patch.object(torch.cuda, "is_available", return_value=False):
        opened = open_run(run.directory.path)
        behaviour(opened.model, entry.spec, _open(entry.spec, source))
        evaluate(opened)
    resume(killed.path, device="cpu", listeners=[])


def _open(spec: ModelSpec, source: str | None) -> Source:
    if source is not None:
        opened = open_source(source)
    else:
        with about(f"its default source {spec.default_source}"), offline():
            opened = open_source(spec.default_source)
    require_kind(spec, opened.info.name, opened.info.kinds)
    return opened


def _check_building(kind: Any, info: SourceInfo) -> None:
    with about("built from a description that went through JSON"):
        model = kind(kind.Config(**kind.presets["tiny"]), after_json(info))
    assert isinstance(model, Model), "it must have fit, state_dict and load_state_dict"


def _train(
    entry: Entry[ModelSpec], source: str | None, seed: int, folder: Path, device: str
) -> Run:
    started = time.process_time()
    run = train(
        entry.full_name,
        source,
        preset="tiny",
        seed=seed,
        device=device,
        deterministic=device != "cpu",
        out=folder,
        listeners=[],
    )
    used = time.process_time() - started
    assert used < LONGEST, f"it took {used:.0f} CPU seconds; make it smaller"
    return run


def _check_trained(run: Run, entry: Entry[ModelSpec], source: Source) -> None:
    _check_device(run)
    assert run.step > 0, "fit took no step: its loops must be run.steps() or run.epochs()"
    assert run.metrics, "fit logged nothing: show how it fares with run.log()"
    check_named(run.model, entry)
    given = behaviour(run.model, entry.spec, source)
    figures = _check_unchanged_by("evaluating it", run, lambda: evaluate(run))
    assert not difference((run.result or {})["figures"], figures), "evaluated again, it differs"
    _check_drawing(run, entry, source)
    state = checkpoint.read(run.directory.checkpoint("last"))["model"]
    _check_pickle_free(state)
    loaded = build_model(run.record)
    load_model(loaded, state, run.directory.path)
    assert not (where := difference(state, loaded.state_dict())), f"loaded, it differs in {where}"
    again = behaviour(loaded, entry.spec, source)
    for (method, one), (_, other) in zip(given, again, strict=True):
        assert not difference(one, other), f"loaded from its checkpoint, {method} gives another"
    _check_reopened(run)


def _check_device(run: Run) -> None:
    if isinstance(run.model, torch.nn.Module):
        tensors = {**dict(run.model.named_parameters()), **dict(run.model.named_buffers())}
        for name, tensor in tensors.items():
            found = tensor.device.type
            assert found == run.device.type, f"{name} is on {found}, and the run on {run.device}"


def _check_unchanged_by(what: str, run: Run, look: Callable[[], Seen]) -> Seen:
    """Whatever is looked at, the generators and the model stay as they were."""
    generators, state = random_state(), copy.deepcopy(run.model.state_dict())
    seen = look()
    assert not difference(generators, random_state()), f"{what} draws from the run's numbers"
    assert not (where := difference(state, run.model.state_dict())), f"{what} changes {where}"
    return seen


def _check_drawing(run: Run, entry: Entry[ModelSpec], source: Source) -> None:
    """What a finished run leaves to be seen can be drawn."""
    taken = {CURVES}
    for capability in with_pictures(entry.full_name):
        with about(f"it {capability.name}, but its pictures"):
            draw = functools.partial(draw_capability, run.model, capability.pictures, source)
            drawn = _check_unchanged_by("drawing them", run, draw)
            wanted = capability.compared
            assert not drawn or not wanted or wanted in drawn, f"there is no {wanted} to compare"
            for name, picture in drawn.items():
                check_picture_name(name, taken)
                taken.add(name)
                with about(name):
                    _check_picture(picture)


def _check_picture(picture: Any) -> None:
    if isinstance(picture, torch.Tensor):
        shape = tuple(picture.shape)
        assert picture.dtype == torch.uint8, f"a tensor must be uint8, not {picture.dtype}"
        assert len(shape) == 3, f"a tensor must be (C, H, W), not {shape}"
        assert shape[0] in (1, 3), f"a picture has 1 or 3 channels, not {shape[0]}"
    else:
        kind = type(picture).__name__
        assert isinstance(picture, Image.Image), f"it is a {kind}, neither an image nor a tensor"


def _check_reopened(run: Run) -> None:
    """Without its data, as on a machine to which only the run was brought."""
    found = registry()
    with (
        mock.patch.object(found, "datasets", Catalogue(DatasetSpec)),
        mock.patch.object(found, "pictures", Catalogue(PictureSpec)),
        mock.patch.object(found, "environments", Catalogue(EnvironmentSpec)),
        about("opened from run.json without its source"),
    ):
        open_run(run.directory.path)


def _check_pickle_free(state: Any) -> None:
    """Bytes that are a pickle are one, tensor or not: whoever reads them would unpickle them."""
    if isinstance(state, dict):
        state = list(state.values())
    if isinstance(state, list | tuple):
        for part in state:
            _check_pickle_free(part)
    elif hasattr(state, "numpy") or hasattr(state, "tobytes"):
        data = torch.as_tensor(state).detach().contiguous().reshape(-1)
        raw = data.view(torch.uint8) if data.numel() else data
        if data.dtype in (torch.uint8, torch.int8) and raw.numel() > 2:
            ends = (int(raw[0]), int(raw[-1]))
            assert ends != (0x80, ord(".")) or not 2 <= raw[1] <= 5, "its state holds a pickle"


def _check_repeated(
    run: Run, entry: Entry[ModelSpec], source: str | None, expected: dict[str, Any], folder: Path
) -> int:
    """The same seed under other circumstances, and another seed; returns the run's moments.

    The circumstances: other random numbers before, checkpoints on the way, no pictures.
    """
    again = rehearse(copy_of(run.record, folder), saves=_is_power_of_two)
    if where := difference(expected, outcome(again.directory)):
        plain = _train(entry, source, SEED, folder, run.record.device)
        if same_at := difference(expected, outcome(plain.directory)):
            raise AssertionError(f"with the same seed, another run has other {same_at}")
        raise AssertionError(
            f"{where} depends on random numbers drawn before the run, on when checkpoints are "
            "written, or on pictures being drawn"
        )
    if _draws(expected, SEED):
        other = outcome(_train(entry, source, SEED + 1, folder, run.record.device).directory)
        same = not difference(expected["checkpoint"]["model"], other["checkpoint"]["model"])
        assert not same, "it draws random numbers, but another seed gives the same model"
    return again.moment


def _is_power_of_two(moment: int) -> bool:
    return moment & (moment - 1) == 0


def _draws(expected: dict[str, Any], seed: int) -> bool:
    """Whether the run drew from the generators: a method may well be free of chance."""
    seed_everything(seed)
    return bool(difference(expected["checkpoint"]["random"], random_state()))
