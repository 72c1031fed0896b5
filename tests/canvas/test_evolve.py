"""Evolution: never worse, whatever the picture, and in the end like it."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import rockfall
from rockfall.errors import RockfallError
from rockfall.kit.pictures import save
from rockfall.testing import check_model
from rockfall_canvas.evolve import CHILDREN, INITIAL_STEP, MAX_STEP, Evolve, EvolveConfig
from rockfall_canvas.stack import Selection, Stack

SMALL: dict[str, Any] = {"polygons": 10, "offspring": 8, "size": 30}


def shapes(height: int = 20, width: int = 30) -> Tensor:
    """A red square and a blue bar on grey."""
    picture = torch.full((3, height, width), 128, dtype=torch.uint8)
    picture[:, 2:10, 3:11] = torch.tensor([220, 30, 30], dtype=torch.uint8)[:, None, None]
    picture[:, 14:17, 5:28] = torch.tensor([20, 40, 200], dtype=torch.uint8)[:, None, None]
    return picture


def trained(picture: Tensor, folder: Path, seed: int = 0, **settings: Any) -> rockfall.Run:
    path = save(folder / "picture.png", picture)
    return rockfall.train(
        "evolve",
        path,
        config={**SMALL, **settings},
        seed=seed,
        device="cpu",
        out=folder,
        listeners=[],
    )


def logged(run: rockfall.Run, name: str) -> list[float]:
    return [line[name] for line in run.metrics if name in line]


def never_rises(found: list[float]) -> bool:
    """Up to rounding."""
    return all(b <= a * (1 + 1e-6) + 1e-10 for a, b in pairwise(found))


def built(picture: Tensor, **settings: Any) -> Evolve:
    info = rockfall.SourceInfo(
        name="", kinds=("picture",), shape=tuple(picture.shape), dtype="uint8", low=0, high=255
    )
    return Evolve(EvolveConfig(**{**SMALL, **settings}), info)


def errors(model: Any, target: Tensor) -> Tensor:
    return Stack(model.vertices, model.colours, model.background, target).errors


@pytest.mark.long
def test_the_kit() -> None:
    check_model("evolve")


@pytest.mark.long
@pytest.mark.parametrize("parents", [1, 3])
def test_never_worse_and_in_the_end_like_the_picture(tmp_path: Path, parents: int) -> None:
    picture = shapes()
    run = trained(picture, tmp_path, parents=parents, sweeps=25)
    found = logged(run, "mse")
    assert len(found) == 25
    assert never_rises(found)
    flat = picture.float().mean((1, 2), keepdim=True)
    spread = float((picture - flat).square().mean()) / 255**2
    assert found[-1] < 0.1 * spread
    painted = run.model.paint(20, 30).float()
    assert float((painted - picture).square().mean()) / 255**2 < 0.2 * spread
    assert logged(run, "psnr")[-1] == pytest.approx(-10 * math.log10(found[-1]))
    assert all(0 <= share <= 1 for share in logged(run, "acceptance_rate"))


def test_a_population_is_kept_best_first_and_its_first_is_painted(tmp_path: Path) -> None:
    run = trained(shapes(), tmp_path, parents=4, sweeps=3)
    model: Any = run.model
    found = errors(model, shapes() / 255)
    assert never_rises(found.tolist()[::-1])
    assert found[0] < found[-1]
    assert logged(run, "mse")[-1] == pytest.approx(float(found[0]), rel=1e-4)


def test_selection_keeps_the_best_of_parents_and_offspring() -> None:
    torch.manual_seed(0)
    model, target = built(shapes(), parents=3), shapes() / 255
    model.vertices.uniform_()
    model.colours.uniform_()
    model.steps.copy_(model.vertices[..., 0, 0])  # so that one can tell whose they are
    before = errors(model, target).sort().values
    drawn = torch.get_rng_state()
    vertices, colours, _ = model.recombine()
    torch.set_rng_state(drawn)
    assert len(vertices) == CHILDREN * 3
    theirs = Stack(vertices, colours, model.background, target).errors
    stack = model.select(target, 0)
    expected = torch.cat((before, theirs)).sort().values[:3]
    torch.testing.assert_close(stack.errors, expected)
    assert (expected < before).any()  # some child did better
    own = Stack(stack.vertices, stack.colours, model.background, target)
    torch.testing.assert_close(own.errors, stack.errors)
    assert torch.equal(model.steps, stack.vertices[..., 0, 0])
    worst_first = torch.tensor([2, 1, 0])
    stack.take(worst_first)
    model.steps.copy_(model.steps[worst_first])
    torch.testing.assert_close(model.keep(stack), expected[0])
    torch.testing.assert_close(errors(model, target), expected)
    assert torch.equal(model.steps, model.vertices[..., 0, 0])


def test_steps_follow_the_share_of_children_that_are_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rechenberg's rule, for each polygon its own; one that was drawn anew begins anew."""
    model = built(shapes(), polygons=5, reinit_rate=0)
    shares = torch.tensor([0.0, 0.2, 1.0, 0.0, 1.0])
    model.vertices.uniform_()
    model.vertices[0, 3] = model.vertices[0, 4] = 0.5  # blank, so these are drawn anew
    model.steps.copy_(torch.tensor([[0.05, 0.05, 0.05, 0.05, 0.05]]))

    def visit(_: Stack, index: int, *__: Any) -> Selection:
        kept = model.config.offspring if index == 4 else 0
        return Selection(torch.tensor([kept]), shares[index : index + 1])

    monkeypatch.setattr(Stack, "visit", visit)
    stack = model.select(shapes() / 255, 1)
    accepted = model.sweep(stack)
    assert float(accepted) == pytest.approx(0.8)
    wanted = [0.05 * math.exp(-0.1), 0.05, 0.05 * math.exp(0.4), INITIAL_STEP, 0.05]
    assert model.steps[0].tolist() == pytest.approx(wanted)
    for _ in range(50):
        model.sweep(stack)
    assert model.steps[0, 0] == pytest.approx(0.5 / 30)  # half a pixel
    assert model.steps[0, 2] == pytest.approx(MAX_STEP)


def test_crossing_joins_what_two_parents_can() -> None:
    """One has the left half of a picture and the other the right."""
    torch.manual_seed(0)
    corners = torch.tensor([[0.0, 0.0], [0.2, 0.0], [0.2, 1.0], [0.0, 1.0]])
    whole = corners + torch.tensor([[0.1, 0.0], [0.6, 0.0]])[:, None]  # (K, V, 2)
    model = built(shapes(), parents=2, polygons=2, vertices=4)
    model.vertices.copy_(whole)
    model.colours.fill_(0.9)
    model.colours[0, 1, :3] = model.colours[1, 0, :3] = 0.0
    both = torch.full_like(model.colours, 0.9)
    best = Stack(model.vertices, both, model.background, torch.zeros(3, 20, 30))
    target = -best.residual[0].view(3, 20, 30)
    assert errors(model, target).min() > 0.01
    for _ in range(10):
        stack = model.select(target, 0)
        model.keep(stack)
    assert errors(model, target).max() < 1e-6


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1)])
def test_the_smallest_pictures_are_painted(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = torch.randint(256, (3, *size), generator=torch.Generator().manual_seed(1))
    run = trained(picture.to(torch.uint8), tmp_path, sweeps=4, vertices=3, parents=2)
    found = logged(run, "mse")
    assert never_rises(found)
    assert run.model.paint(*size).shape == (3, *size)


def test_a_flat_picture_is_painted_exactly_and_its_psnr_is_finite(tmp_path: Path) -> None:
    picture = torch.full((3, 8, 8), 77, dtype=torch.uint8)
    run = trained(picture, tmp_path, sweeps=3)
    assert torch.equal(run.model.paint(8, 8), picture)
    assert max(logged(run, "psnr")) <= 100


def test_another_seed_paints_another_picture(tmp_path: Path) -> None:
    first, again, other = (
        trained(shapes(), tmp_path, seed=seed, sweeps=2).model.paint(20, 30) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_vertices_run_over_all_of_a_long_picture(tmp_path: Path) -> None:
    """Steps and new shapes are of the longer side, whichever it is."""
    picture = torch.zeros(3, 10, 80, dtype=torch.uint8)
    picture[:, :, 60:] = 255
    model: Any = trained(picture, tmp_path, sweeps=20, size=80).model
    assert float(model.paint(10, 80)[:, :, 65:].float().mean()) > 230
    assert float(model.paint(10, 80)[:, :, :55].float().mean()) < 25


def test_what_memory_does_not_hold_is_refused_before_it_begins(tmp_path: Path) -> None:
    settings = {"polygons": 2000, "parents": 100, "size": 1000, "offspring": 10_000}
    with pytest.raises(
        RockfallError, match="500 paintings, 2000 polygons each, at size=1000"
    ) as error:
        trained(torch.zeros(3, 1000, 1000, dtype=torch.uint8), tmp_path, **settings)
    assert "\n" not in str(error.value)
