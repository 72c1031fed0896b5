"""The conformance kit over everything that is installed, ours and others'."""

from __future__ import annotations

import socket
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import pytest
import torch

import rockfall
from rockfall.errors import Unavailable
from rockfall.kit import checkpoint, graphs
from rockfall.registry import registry
from rockfall.testing import (
    check_dataset,
    check_environment,
    check_model,
    check_picture,
    check_registration,
    pretend_device,
)
from rockfall.testing.comparing import difference
from rockfall.testing.complaints import undisturbed

pytestmark = pytest.mark.long


def no_network(*_: object, **__: object) -> NoReturn:
    """What is not on this machine is not downloaded for a test."""
    raise OSError("tests stay off the network")


PLUGINS = sorted({plugin.distribution for plugin in registry().plugins})


@pytest.mark.parametrize("distribution", PLUGINS)
def test_plugin(distribution: str) -> None:
    check_registration(distribution)


MODELS = [entry.full_name for entry in registry().models]
FAST = ("dqn", "reinforce", "lenet5", "mlp", "vae", "painter", "evolve")
"""Models whose check on the pretend device need not wait for the slow tests."""


@pytest.mark.parametrize("name", MODELS)
def test_model(name: str) -> None:
    check_model(name)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name.partition(":")[2] in FAST else pytest.mark.slow)
        for name in MODELS
    ],
)
def test_model_on_the_pretend_device(name: str) -> None:
    check_model(name, device="pretend")


OTHERWISE = ("pqn", "reinforce", "rbm", "dbn")
"""Learn from the environment's tensor form, which is for a GPU and draws other numbers; or read the
learning rate of their own update from the device, which rounds otherwise.
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [entry.full_name for entry in registry().models if "cuda" in entry.spec.devices]
)
def test_model_learns_the_same_on_the_pretend_device(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit: a model's code does not ask where it is, and the device changes no number.

    Averages of weights do, in their last bit: they must not ask the device how many they are of.
    And so does Adam in a captured step, which it is not here.
    """
    monkeypatch.setattr(graphs, "_make_capturable", graphs._make_plain)
    monkeypatch.setattr(graphs, "MOST_RECORDINGS", 0)
    states = []
    for device, place in (("cpu", nullcontext()), ("cuda", pretend_device())):
        with undisturbed(), place:
            run = rockfall.train(
                name, preset="tiny", seed=1, device=device, out=tmp_path, listeners=[]
            )
            states.append(checkpoint.read(run.directory.checkpoint("last"))["model"])
    here, there = ([state.pop(key) for key in averages(state)] for state in states)
    for mine, other in zip(here, there, strict=True):
        torch.testing.assert_close(mine, other)
    differs = bool(difference(*states))
    assert differs == (name.partition(":")[2] in OTHERWISE)


def averages(state: dict[str, torch.Tensor]) -> list[str]:
    return [key for key in state if "average.module" in key]


@pytest.mark.parametrize("name", [entry.full_name for entry in registry().datasets])
def test_dataset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    try:
        check_dataset(name)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [entry.full_name for entry in registry().pictures])
def test_picture(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    try:
        check_picture(name)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [entry.full_name for entry in registry().environments])
def test_environment(name: str) -> None:
    check_environment(name)
