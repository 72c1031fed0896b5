"""What goes wrong is said once, when it has been seen for long enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rockfall.run.run import Run
from rockfall.testing.rehearsal import StoppedForTest
from rockfall_generators.diagnostics import (
    COLLAPSED_VARIANCE,
    PATIENCE,
    WINNING_ACCURACY,
    CollapseDiagnostics,
    DiscriminatorDiagnostics,
)
from rockfall_generators.gan import Gan
from rockfall_generators.wgan import Wgan
from tests.generators.small_gans import Heard, built, fitted, pictures, run_of, vectors

FINE = DiscriminatorDiagnostics(0.7, 0.9)
COLLAPSED = DiscriminatorDiagnostics(0.7, COLLAPSED_VARIANCE / 2)
WINS = DiscriminatorDiagnostics((1 + WINNING_ACCURACY) / 2, 0.9)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def run(tmp_path: Path, heard: Heard) -> Run:
    return run_of(torch.nn.Linear(1, 1), tmp_path, listeners=[heard])


def test_collapse_and_won_are_said_once_each(run: Run, heard: Heard) -> None:
    diagnostics = CollapseDiagnostics(run)
    for _ in range(PATIENCE - 1):
        diagnostics.check(COLLAPSED)
    assert not heard.warnings
    diagnostics.check(COLLAPSED)
    (message,) = heard.warnings
    assert message.startswith("mode collapse: the variance of generated examples is only 12%")
    for _ in range(3 * PATIENCE):
        diagnostics.check(COLLAPSED)
    diagnostics.check(FINE)
    for _ in range(3 * PATIENCE):
        diagnostics.check(COLLAPSED)
    assert len(heard.warnings) == 1
    for _ in range(2 * PATIENCE):
        diagnostics.check(WINS)
    assert len(heard.warnings) == 2
    assert heard.warnings[1].startswith(
        "the discriminator wins: its accuracy on real and generated examples is 99.5%"
    )


@pytest.mark.parametrize("failure", [COLLAPSED, WINS])
def test_what_comes_and_goes_is_part_of_the_game(
    run: Run, heard: Heard, failure: DiscriminatorDiagnostics
) -> None:
    diagnostics = CollapseDiagnostics(run)
    for _ in range(10):
        for _ in range(PATIENCE - 1):
            diagnostics.check(failure)
        diagnostics.check(FINE)
    assert not heard.warnings


def test_the_limits_themselves_are_no_sign(run: Run, heard: Heard) -> None:
    limits = DiscriminatorDiagnostics(WINNING_ACCURACY, COLLAPSED_VARIANCE)
    for _ in range(2 * PATIENCE):
        CollapseDiagnostics(run).check(limits)
    assert not heard.warnings


def test_what_was_seen_is_in_the_runs_state(run: Run, heard: Heard, tmp_path: Path) -> None:
    for _ in range(PATIENCE - 1):
        CollapseDiagnostics(run).check(COLLAPSED)
    resumed = run_of(torch.nn.Linear(1, 1), tmp_path, listeners=[heard])
    resumed.state.update(run.state)
    CollapseDiagnostics(resumed).check(COLLAPSED)
    assert len(heard.warnings) == 1
    again = run_of(torch.nn.Linear(1, 1), tmp_path, listeners=[heard])
    again.state.update(resumed.state)
    for _ in range(2 * PATIENCE):
        CollapseDiagnostics(again).check(COLLAPSED)
    assert len(heard.warnings) == 1


def test_a_critic_that_is_always_right_is_as_it_should_be(run: Run, heard: Heard) -> None:
    diagnostics = CollapseDiagnostics(run, saturates=False)
    for _ in range(2 * PATIENCE):
        diagnostics.check(WINS)
    assert not heard.warnings


@pytest.mark.parametrize(("kind", "warnings"), [(Gan, 1), (Wgan, 0)])
def test_a_training_says_so(tmp_path: Path, heard: Heard, kind: Any, warnings: int) -> None:
    """A generator that hardly learns, against a discriminator of plainly different data."""
    data = pictures(shape=(1, 4, 4))
    data.train.inputs.copy_(torch.full((40, 1, 4, 4), 250) + torch.arange(40).view(-1, 1, 1, 1) % 5)
    settings = {"lr": 1e-9, "discriminator_lr": 0.01, "optimizer": "adam", "clip": 0.0, "ema": 0.0}
    model = built(kind, data, epochs=PATIENCE + 6, discriminator_steps=1, **settings)
    fitted(model, data, tmp_path, listeners=[heard])
    assert [message.split(":")[0] for message in heard.warnings] == (
        ["the discriminator wins"] * warnings
    )


def test_a_short_training_that_collapsed_says_so_at_its_end(run: Run, heard: Heard) -> None:
    for _ in range(PATIENCE - 1):
        CollapseDiagnostics(run).check(COLLAPSED)
    CollapseDiagnostics(run).end(COLLAPSED, epochs=4)
    CollapseDiagnostics(run).end(COLLAPSED, epochs=4)
    (said,) = heard.warnings
    assert said.startswith("after 4 epochs the variance of generated examples is only")


def test_one_that_learned_in_between_does_not(run: Run, heard: Heard) -> None:
    for diagnosed in (FINE, COLLAPSED, COLLAPSED):
        CollapseDiagnostics(run).check(diagnosed)
    CollapseDiagnostics(run).end(COLLAPSED, epochs=3)
    assert not heard.warnings


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_training_however_short_says_it(tmp_path: Path, heard: Heard, epochs: int) -> None:
    """A generator that does not learn, whose examples hardly vary."""
    model = built(Gan, data := pictures(), epochs=epochs, lr=1e-9, ema=0.0)
    fitted(model, data, tmp_path, listeners=[heard])
    (said,) = (message for message in heard.warnings if "variance" in message)
    assert said.startswith(f"after {epochs} epochs")


def test_diagnostics_by_stand_ins() -> None:
    data = vectors(count=600)
    model = built(Gan, data)
    seen = data.train.evenly_spaced(512)
    real = model.scaling(seen.inputs)

    class Sampler(torch.nn.Module):
        def __init__(self, values: Tensor) -> None:
            super().__init__()
            self.values = values

        def forward(self, noise: Tensor) -> Tensor:
            return self.values

    class Knows(torch.nn.Module):
        """Real examples by their first number."""

        def forward(self, values: Tensor) -> Tensor:
            known = (values[:, :1] - real[:, 0]).abs().amin(1) < 1e-6
            return known.float() * 8 - 4

    for made, variety in ((real, 1.0), (0 * real, 0.0), (real / 2, 0.25)):
        model.generator = Sampler(made)
        assert model.discriminator_diagnostics(seen)[1] == pytest.approx(variety, abs=0.01)
    model.discriminators = torch.nn.ModuleList([Knows()])
    for made, accuracy in ((real + 100, 1.0), (real, 0.5)):
        model.generator = Sampler(made)
        assert model.discriminator_diagnostics(seen)[0] == pytest.approx(accuracy, abs=0.01)


def test_to_diagnose_changes_nothing(tmp_path: Path) -> None:
    data = pictures()
    model = built(Gan, data)
    model.train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = torch.get_rng_state()
    model.discriminator_diagnostics(data.train[:])
    assert torch.equal(drawn, torch.get_rng_state())
    assert model.generator.training
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@pytest.mark.long
@pytest.mark.parametrize(("epochs", "killed_at"), [(7, 4), (16, 9)])
def test_a_killed_training_says_it_once(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch, epochs: int, killed_at: int
) -> None:
    """Before it has been seen for long enough, and after; the first quarter is not looked at."""
    monkeypatch.setattr(Gan, "discriminator_diagnostics", lambda self, batch: WINS)
    data = vectors(40)
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": 20}
    given: dict[str, Any] = {"listeners": [heard], "checkpoint_every": 0}
    killed = run_of(built(Gan, data, **settings), tmp_path, stop_at=2 * killed_at + 1, **given)
    with pytest.raises(StoppedForTest):
        killed.model.fit(data, killed)
    resumed = Run(killed.directory, killed.record, built(Gan, data, **settings), **given)
    resumed.resume()
    resumed.model.fit(data, resumed)
    assert len(heard.warnings) == 1
