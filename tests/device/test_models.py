"""Every model on the GPU: exact where it is resumed, and the same as on the CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall.building import build_model
from rockfall.kit.states import load_model
from rockfall.registry import registry
from rockfall.run.directory import Record, RunDirectory
from rockfall.testing import check_model
from rockfall.testing.behaving import behaviour
from rockfall.testing.complaints import undisturbed
from rockfall.testing.rehearsal import copy_of, rehearse
from tests.device.agreement import ACTIONS, ROWS, Draws, disagreement
from tests.device.where import DEVICE, device, needs_a_gpu

pytestmark = [pytest.mark.device, pytest.mark.slow]

MODELS = [entry.full_name for entry in registry().models]
ON_CUDA = [entry.full_name for entry in registry().models if "cuda" in entry.spec.devices]
NOT_EXACT: dict[str, str] = {}
"""Model → why a run that is resumed on a GPU may end elsewhere, even with `deterministic`."""


@needs_a_gpu  # on the pretend device, tests/contract sees to it
@pytest.mark.parametrize("name", MODELS)
def test_conforms(name: str) -> None:
    """It trains, does what its spec says, is measured and drawn; it repeats and resumes to the bit;
    and its run opens and goes on on the CPU.
    """
    if name in NOT_EXACT:
        pytest.xfail(NOT_EXACT[name])
    check_model(name, device=DEVICE)


def begun_on_the_cpu(name: str, folder: Path) -> rockfall.Run:
    """Trained with preset `tiny`, in float32 as GPUs are compared in it."""
    return rockfall.train(
        name, preset="tiny", device="cpu", precision="float32", out=folder, listeners=[]
    )


@pytest.mark.parametrize("name", ON_CUDA)
def test_agrees_with_the_cpu(name: str, tmp_path: Path) -> None:
    """The same weights, inputs and random numbers give the same, but for rounding; and a run that
    was killed on the CPU goes on on the GPU.
    """
    spec = registry().models.find(name).spec
    if "cuda" not in spec.devices:
        pytest.skip(f"it computes on {', '.join(spec.devices)} alone")
    with undisturbed():
        run = begun_on_the_cpu(name, tmp_path)
        here = answers(run.model, run.record, "cpu")
        killed = copy_of(run.record, tmp_path)
        rehearse(killed, saves=(1).__eq__, dies_at=1)
        with device():
            check_agreement(run, here)
            check_goes_on(killed, run.step)


def check_agreement(run: rockfall.Run, here: list[tuple[str, Any]]) -> None:
    model = build_model(on_the_gpu(run.record))
    load_model(model, run.model.state_dict(), "its weights")
    with Draws() as draws:
        there = answers(model, run.record, "cuda")
    assert [method for method, _ in here] == [method for method, _ in there]
    for (method, one), (_, other) in zip(here, there, strict=True):
        rows = ACTIONS if method == "act" else ROWS if draws.count else 1.0
        where = disagreement(one, other, rows)
        assert not where, f"{method} gives another on the GPU: {where}"


def answers(model: Any, record: Record, device: str) -> list[tuple[str, Any]]:
    """All that its methods give for the same inputs, which are games of the CPU's for an agent: a
    GPU's begin otherwise.
    """
    source = rockfall.open_source(record.source)
    if not isinstance(source, rockfall.Environment):
        spec = registry().models.find(record.model).spec
        return behaviour(model, spec, source.to(torch.device(device)))
    batch = source.batch(256, device="cpu", seed=0)
    play = source.baseline("random", batch)
    for _ in range(9):
        batch.step(play(batch.observation))
    seen = batch.observation.clone()
    batch.close()
    with rockfall.eval_mode(model), torch.no_grad():
        return [("act", model.act(seen.to(device)))]


def on_the_gpu(record: Record) -> Record:
    return replace(record, device="cuda")


def check_goes_on(killed: RunDirectory, steps: int) -> None:
    resumed = rockfall.resume(killed.path, device="cuda", listeners=[])
    assert resumed.step == steps
    assert resumed.result is not None
