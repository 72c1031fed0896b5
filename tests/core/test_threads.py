"""How many CPU threads a run takes: one, unless its model has arithmetic enough for more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import rockfall
from rockfall.building import build_config
from rockfall.kit.devices import (
    MULTIPLICATIONS_A_THREAD,
    choose_threads,
    computing,
    threads_that_pay,
)
from rockfall.kit.modules import multiplications
from rockfall.registry import registry

CORES = 16


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: CORES)


class Asks:
    def __init__(self, threads: int) -> None:
        self.threads = threads


def test_one_by_default_and_else_what_the_model_or_the_user_says(many_cores: None) -> None:
    assert choose_threads(None, object()) == 1
    assert choose_threads(None, Asks(3)) == 3
    assert choose_threads(None, Asks(1000)) == CORES, "no more than there are"
    assert choose_threads(7, object()) == choose_threads(7, Asks(3)) == 7
    assert choose_threads(2 * CORES, object()) == 2 * CORES, "who asks is given"


@given(st.integers(0, 10**13))
def test_every_thread_has_enough_to_do(count: int) -> None:
    threads = threads_that_pay(count)
    assert threads == 1 or count >= threads * MULTIPLICATIONS_A_THREAD
    assert count < (threads + 1) * MULTIPLICATIONS_A_THREAD


def test_multiplications_of_a_forward_pass() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout(), nn.Flatten(), nn.Linear(8 * 6 * 4, 5)
    )
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    found = multiplications(network, torch.zeros(2, 3, 8, 6))
    assert found == 2 * (8 * 6 * 4) * (3 * 9) + 2 * 5 * (8 * 6 * 4)
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert [layer.training for layer in network] == [True, False, True, True, True]
    assert not any(layer._forward_hooks for layer in network)


def test_multiplications_of_a_transposed_convolution() -> None:
    """Each of 4 · 5 positions of 3 channels meets 7 · 2 · 6 weights."""
    layer = nn.ConvTranspose2d(3, 7, (2, 6), stride=2)
    assert multiplications(layer, torch.zeros(1, 3, 4, 5)) == 4 * 5 * 3 * 7 * 2 * 6


def threads_of(name: str, source: str, **settings: Any) -> int:
    kind = registry().models.find(name).spec.load()
    info = rockfall.open_source(source).info
    return choose_threads(None, kind(build_config(kind, name, source, None, settings), info))


@pytest.mark.parametrize("name", registry().models.names())
def test_most_models_take_one_thread_when_tiny(name: str, many_cores: None) -> None:
    spec = registry().models.find(name).spec
    kind = spec.load()
    info = rockfall.open_source(spec.default_source).info
    built = kind(build_config(kind, name, spec.default_source, "tiny", {}), info)
    convolutional = {
        "fast-style",
        "fastnet",
        "finetune",
        "gatys",
        "lenet5",
        "lenet5-plus",
        "resnet",
        "simplenet",
    }
    assert choose_threads(None, built) == 1 or name in convolutional


@pytest.mark.parametrize(
    ("name", "source", "settings"),
    [
        ("lenet5", "digits", {}),
        ("convnet", "digits", {}),
        ("mlp", "digits", {}),
        ("wide", "digits", {}),
        ("vae", "digits", {}),
        ("dcgan", "digits", {}),
        ("rbm", "digits", {}),
        ("painter", "flower", {"network": "grid"}),
    ],
)
def test_what_gained_little_by_a_second_thread_takes_one(
    name: str, source: str, settings: dict[str, Any], many_cores: None
) -> None:
    assert threads_of(name, source, **settings) == 1


@pytest.mark.parametrize(
    ("name", "source", "settings"),
    [
        ("lenet5", "digits", {"batch_size": 1000}),
        ("lenet5-plus", "digits", {}),
        ("simplenet", "digits", {}),
        ("resnet", "digits", {}),
        ("painter", "flower", {}),
        ("painter", "flower", {"network": "fourier"}),
        ("gatys", "china", {}),
        ("fast-style", "photos", {}),
    ],
)
def test_what_gained_much_takes_more_where_there_are_cores(
    name: str, source: str, settings: dict[str, Any], many_cores: None
) -> None:
    assert threads_of(name, source, **settings) > 1


@pytest.mark.long
def test_a_run_records_its_threads_and_goes_on_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    kind = registry().models.find("mlp").spec.load()
    fit = kind.fit

    def watched(self: Any, data: Any, run: rockfall.Run) -> None:
        seen.append(torch.get_num_threads())
        fit(self, data, run)

    monkeypatch.setattr(kind, "fit", watched)
    how: dict[str, Any] = {"preset": "tiny", "out": tmp_path, "listeners": []}
    with computing(threads=3, matmul_precision="highest"):
        alone = rockfall.train("mlp", name="alone", **how)
        two = rockfall.train("mlp", name="two", threads=2, **how)
        monkeypatch.setattr(kind, "threads", 8)
        most = rockfall.train("mlp", name="most", **how)
    assert [run.record.threads for run in (alone, two, most)] == seen == [1, 2, 3]
    for run in (alone, two, most):
        assert run.directory.record().threads == run.record.threads
        run.directory.result_file.unlink()
        run.directory.checkpoint("last").unlink()
        rockfall.resume(run.directory.path, listeners=[])
    assert seen[3:] == [1, 2, 3], "a resumed run keeps what it began with"
