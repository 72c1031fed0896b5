"""Nothing that follows a run can change it or end it: listeners are as harmless as hooks."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rockfall
from rockfall.testing.comparing import difference

KINDS = ("started", "progress", "picture", "checkpoint", "evaluating", "finished")


def outcome(folder: Path, *listeners: Any) -> dict[str, Any]:
    run = rockfall.train(
        "mlp", "digits", preset="tiny", out=folder, listeners=listeners, checkpoint_every=0.0
    )
    lines = [{k: v for k, v in line.items() if k != "seconds"} for line in run.metrics]
    result = {k: v for k, v in (run.result or {}).items() if k != "seconds"}
    return {"weights": run.model.state_dict(), "metrics": lines, "result": result}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return outcome(tmp_path_factory.mktemp("undisturbed"))


def draws(event: rockfall.Event) -> None:
    torch.rand(3)
    np.random.rand(3)
    random.random()
    torch.manual_seed(7)


def turns_gradients_off(event: rockfall.Event) -> None:
    torch.set_grad_enabled(False)


def changes_what_it_hears(event: rockfall.Event) -> None:
    event.data.clear()


def changes_the_result(event: rockfall.Event) -> None:
    if event.kind == "finished":
        event.data["result"]["figures"].clear()


def exits(event: rockfall.Event) -> None:
    sys.exit(3)


class Raises:
    """At the first event of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind, self.heard = kind, 0

    def __call__(self, event: rockfall.Event) -> None:
        self.heard += 1
        if event.kind == self.kind:
            raise OSError(f"no more {self.kind}")


@pytest.mark.long
@pytest.mark.parametrize(
    "listener",
    [
        draws,
        turns_gradients_off,
        changes_what_it_hears,
        changes_the_result,
        exits,
        *map(Raises, KINDS),
    ],
)
def test_a_listener_changes_nothing(
    listener: Any, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    assert not difference(undisturbed, outcome(tmp_path, listener))


def test_one_that_raises_is_reported_to_the_others_and_left_out(tmp_path: Path) -> None:
    heard: list[rockfall.Event] = []
    raises = Raises("checkpoint")
    outcome(tmp_path, raises, heard.append)
    (warning,) = [event.data["message"] for event in heard if event.kind == "warning"]
    assert warning == "listener Raises failed and is left out: OSError: no more checkpoint"
    assert raises.heard < len(heard)
    assert heard[-1].kind == "finished"


def test_with_nobody_left_it_is_said_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome(tmp_path, Raises("started"))
    said = capsys.readouterr()
    assert said.err == "warning: listener Raises failed and is left out: OSError: no more started\n"
    assert not said.out


def test_what_one_changes_the_next_does_not_hear(tmp_path: Path) -> None:
    heard: list[rockfall.Event] = []
    outcome(tmp_path, changes_what_it_hears, heard.append)
    assert heard[0].data["model"] == "rockfall-vision:mlp"
