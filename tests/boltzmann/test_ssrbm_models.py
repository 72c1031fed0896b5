"""ssrbm and mu-ssrbm as models: shapes, fixed parameters, and training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import rockfall
from rockfall.errors import Diverged, UsageError
from rockfall.kit import checkpoint
from rockfall_boltzmann.mu_ssrbm import MuSsrbm
from rockfall_boltzmann.ssrbm import Ssrbm
from rockfall_capabilities.encodes.evaluation import evaluate

DIGITS = rockfall.open_source("digits")


def built(name: str, **given: object) -> Ssrbm | MuSsrbm:
    model = {"ssrbm": Ssrbm, "mu-ssrbm": MuSsrbm}[name]
    torch.manual_seed(0)
    return model(model.Config(**given), DIGITS.info)  # type: ignore[return-value, arg-type]


@pytest.mark.parametrize("name", ["ssrbm", "mu-ssrbm"])
def test_shapes(name: str) -> None:
    model = built(name, hidden=5, slabs=3)
    inputs = DIGITS.train.inputs[:7]
    assert model.encode(inputs).shape == (7, 5 + 5 * 3)
    assert model.activity(inputs).shape == (7, 5)
    assert model.filters().shape == (15, 1, 8, 8)
    # The K filters of a spike stand side by side.
    torch.testing.assert_close(model.filters()[4].flatten(), model.weight[:, 1, 1].detach())


def test_too_many_weights() -> None:
    """Two million spikes of digits are 128 million weights, and Φ as many again, K times W's."""
    with pytest.raises(ValueError, match="take fewer hidden units"):
        built("ssrbm", hidden=2_000_000, slabs=4)
    with pytest.raises(ValueError, match="512,000,000 weights"):
        built("mu-ssrbm", hidden=4_000_000)


def test_only_means_distinguish_v_from_minus_v() -> None:
    v = torch.randn(6, 64)
    plain, means = built("ssrbm"), built("mu-ssrbm", mu=0.5)
    torch.testing.assert_close(plain.free_energy(v), plain.free_energy(-v))
    assert (means.free_energy(v) - means.free_energy(-v)).abs().max() > 0.1


@pytest.mark.parametrize(
    ("name", "fixed"),
    [
        ("ssrbm", ("alpha",)),
        ("ssrbm", ("precision",)),
        ("mu-ssrbm", ("precision", "alpha", "phi")),
        ("mu-ssrbm", ()),
    ],
)
def test_training_keeps_fixed_parameters(name: str, fixed: tuple[str, ...]) -> None:
    before, after = built(name, hidden=8, fixed=fixed), built(name, hidden=8, fixed=fixed)
    quiet: Any = SimpleNamespace(capture=lambda step, *_: step)
    with torch.no_grad():
        after.inputs.fit(DIGITS.train.inputs)
        v = after.inputs(DIGITS.train.inputs)
        after.init_from_data(v)
        after.learner(quiet).partial_fit(v, 0.001)
    for each in ("precision", "alpha") + (("phi",) if name == "mu-ssrbm" else ()):
        same = torch.equal(getattr(before, f"log_{each}"), getattr(after, f"log_{each}"))
        assert same == (each in fixed), each
    assert torch.equal(after.mu, before.mu) == (name == "ssrbm")
    assert not torch.equal(after.weight, before.weight)


def test_only_its_own_parameters_can_be_fixed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fixed"):
        rockfall.train("ssrbm", "digits", config={"fixed": "phi"}, out=tmp_path)


@pytest.mark.parametrize("name", ["ssrbm", "mu-ssrbm"])
def test_divergence_keeps_the_last_good_weights(name: str, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="smaller lr"):
        rockfall.train(name, "digits", lr=1e30, hidden=8, name="wild", out=tmp_path, listeners=[])
    saved = checkpoint.read(tmp_path / "wild" / "checkpoint" / "last.safetensors")
    for each, tensor in saved["model"].items():
        assert tensor.isfinite().all(), each


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ssrbm", "mu-ssrbm"])
def test_features_classify_digits(name: str, tmp_path: Path) -> None:
    """Of two splits, at least 97 %, of which raw pixels have 96."""
    accuracies = []
    for seed in (0, 1):
        options = {"seed": seed}
        run = rockfall.train(name, "digits", source_options=options, seed=seed, out=tmp_path)
        assert "clipped" in run.metrics[-1]
        source = rockfall.open_source("digits", {"seed": seed})
        accuracies.append(evaluate(run.model, source)["probe accuracy"]["value"])
    assert sum(accuracies) / 2 >= 0.97


@pytest.mark.long
def test_a_warning_is_given_once(tmp_path: Path) -> None:
    """In two epochs, after each of which half of the chains' samples are beyond the radius."""
    heard: list[rockfall.Event] = []
    settings = {"hidden": 64, "weight_std": 1.0, "bias": 5.0, "lr": 1e-6, "epochs": 2}
    rockfall.train("ssrbm", "digits", config=settings, out=tmp_path, listeners=[heard.append])
    warnings = [event.data["message"] for event in heard if event.kind == "warning"]
    assert len([message for message in warnings if "beyond the radius" in message]) == 1
