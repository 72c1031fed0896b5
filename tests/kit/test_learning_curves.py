"""Which curves share a panel."""

from __future__ import annotations

from rockfall.kit.drawing import learning_curves

POINTS = [(0.0, 1.0), (1.0, 0.5)]


def panels(*names: str) -> dict[str, list[str]]:
    found = learning_curves(dict.fromkeys(names, POINTS))
    assert all(panel.across == "step" for panel in found)
    return {panel.title: [curve.name for curve in panel.curves] for panel in found}


def test_train_and_validation_share_a_panel() -> None:
    assert panels("train loss", "train accuracy", "validation loss", "validation accuracy") == {
        "loss": ["train loss", "validation loss"],
        "accuracy": ["train accuracy", "validation accuracy"],
    }


def test_what_has_no_counterpart_has_its_own() -> None:
    assert panels("train loss", "validation accuracy", "reward") == {
        "train loss": ["train loss"],
        "validation accuracy": ["validation accuracy"],
        "reward": ["reward"],
    }
    assert panels("train", "validation", "loss", "train loss", "validation loss") == {
        "train": ["train"],
        "validation": ["validation"],
        "loss": ["loss", "train loss", "validation loss"],
    }
