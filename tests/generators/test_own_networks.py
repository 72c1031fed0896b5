"""Your own encoder and decoder, typed: they are used, they come back, and they are refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall.errors import UsageError
from rockfall.kit.own_networks import own_network
from rockfall.kit.trust import only_typed

SOURCE = """
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(shape[0], 5, 3, 2, 1), nn.Tanh(), nn.Flatten(), nn.LazyLinear(outputs)
        )

    def forward(self, pictures):
        return self.layers(pictures)


class Decoder(nn.Module):
    def __init__(self, inputs, shape):
        super().__init__()
        self.shape = shape
        self.layer = nn.Linear(inputs, shape[0] * shape[1] * shape[2])

    def forward(self, latents):
        return self.layer(latents).view(-1, *self.shape)


def wrong(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(outputs + 1))


def raises(shape, outputs):
    return nn.Linear(3, outputs)


def none(shape, outputs):
    return None


def fails(shape):
    pass
"""


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with `mynets.py` in it."""
    (tmp_path / "mynets.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("mynets", None)


@pytest.mark.parametrize("model", ["vae", "cvae", "autoencoder"])
def test_they_are_trained_and_come_back(model: str, beside: Path) -> None:
    asked: Any = {"encoder": "mynets:Encoder", "decoder": "mynets:Decoder"}
    run: Any = rockfall.train(
        model, "digits", preset="tiny", config=asked, out=beside, name="own", listeners=[]
    )
    assert type(run.model.encoder[0]).__name__ == "Encoder"
    assert type(run.model.decoder[0]).__name__ == "Decoder"
    channels = 11 if model == "cvae" else 1
    assert run.model.encoder[0].layers[0].weight.shape == (5, channels, 3, 3)
    inputs = run.record.open_source().test.inputs[:3]
    opened: Any = rockfall.open_run(beside / "own")
    assert torch.equal(opened.model.reconstruct(inputs), run.model.reconstruct(inputs))
    assert opened.model.filters().shape == (4, 1, 8, 8)
    assert opened.model.filters().abs().sum() > 0


def test_one_of_them_may_be_ours(beside: Path) -> None:
    run: Any = rockfall.train(
        "vae",
        "digits",
        preset="tiny",
        config={"encoder": "mynets:Encoder"},
        out=beside,
        listeners=[],
    )
    assert len(run.model.decoder) > 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mynets", "write module:Name"),
        ("nowhere_at_all:Encoder", "nowhere_at_all"),
        ("mynets:Enkoder", "no Enkoder in mynets, which has Encoder, Decoder"),
        ("mynets:wrong", r"gave \(2, 9\) for two inputs, and it should be \(2, 8\)"),
        ("mynets:raises", r"with inputs \(N, 1, 8, 8\): RuntimeError"),
        ("mynets:none", "gave NoneType"),
        ("mynets:fails", r"as Encoder\(shape, outputs\): TypeError"),
    ],
)
def test_what_does_not_fit_is_told_in_a_line(text: str, said: str, beside: Path) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        rockfall.train("vae", preset="tiny", config={"encoder": text}, out=beside / "runs")
    assert "\n" not in str(caught.value)
    assert not (beside / "runs").exists()


def test_a_module_that_a_file_names_is_not_imported(
    beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(beside / "state"))
    call = "Encoder(shape, outputs)"
    with only_typed(["rockfall", "sample", "run"]), pytest.raises(UsageError, match="from a file"):
        own_network("encoder", "mynets:Encoder", (1, 8, 8), (8,), call=call)
    assert "mynets" not in sys.modules
    with only_typed(["rockfall", "train", "vae", "encoder=mynets:Encoder"]):
        own_network("encoder", "mynets:Encoder", (1, 8, 8), (8,), call=call)
