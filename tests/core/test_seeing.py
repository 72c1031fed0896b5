"""What there is to see in a trained model: the pictures that a run leaves, and what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image

import rockfall
from rockfall.errors import RockfallError
from rockfall.kit.files import TEMPORARY
from rockfall.kit.randomness import random_state
from rockfall.model_pictures import pictures_in, write_pictures
from rockfall.pages.run_page import RunPage
from rockfall.registry import registry
from rockfall.run import snapshots
from rockfall.specs import CapabilitySpec
from rockfall.testing.comparing import difference
from rockfall.training import draw
from tests.core.test_cli_train import rockfall as typed
from tests.core.toys import toys

OF_A_CLASSIFIER = {"confusion.png", "mistakes.png", "saliency.png"}


def pixels(image: Image.Image | Path) -> np.ndarray:
    if isinstance(image, Path):
        with Image.open(image) as opened:
            image = opened.convert("RGB")
    return np.asarray(image.convert("RGB")).astype(int)


# What a run leaves ----------------------------------------------------------------------------


def train(out: Path, model: str = "mlp", **more: Any) -> rockfall.Run:
    return rockfall.train(model, out=out, **{"preset": "tiny", "listeners": [], **more})


def left(run: rockfall.Run) -> set[str]:
    """The names of the model's pictures, without those made while it learned."""
    of_the_model, of_its_steps = pictures_in(run.directory.pictures)
    assert len(of_the_model) + len(of_its_steps) == len(list(run.directory.pictures.iterdir()))
    return {path.name for path in of_the_model}


def test_a_finished_run_leaves_its_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "GRACE", 60.0)  # however busy the machine is
    heard: list[rockfall.Event] = []
    run = train(tmp_path, listeners=[heard.append])
    assert left(run) == OF_A_CLASSIFIER | {"weights.png", "layers.png"}
    told = {Path(event.data["path"]).name for event in heard if event.kind == "picture"}
    steps = {"weights-11.png", "weights-22.png"}  # after the first epoch and the second
    assert told == left(run) | steps
    told_last = {Path(path).name for path in heard[-1].data["pictures"]}
    assert told_last == left(run)
    kinds = [event.kind for event in heard]
    evaluating = kinds.index("evaluating")
    assert kinds[:evaluating].count("picture") == len(steps)
    assert kinds[evaluating:].count("picture") == len(left(run))


def test_to_draw_changes_nothing(tmp_path: Path) -> None:
    run = train(tmp_path)
    source = rockfall.open_source("digits")
    state, generators = run.model.state_dict(), random_state()
    before = {name: tensor.clone() for name, tensor in state.items()}
    kept = {path: path.read_bytes() for path in pictures_in(run.directory.pictures)[0]}
    written = list(write_pictures(run.model, "mlp", source, run.directory.pictures))
    assert set(written) == set(kept)
    assert not difference(before, run.model.state_dict())
    assert not difference(generators, random_state())
    assert kept == {path: path.read_bytes() for path in written}


def test_a_full_disk_loses_no_result(tmp_path: Path) -> None:
    def refuse(path: Path, _: Any) -> None:
        raise RockfallError(f"can't write {path}: No space left on device")

    heard: list[rockfall.Event] = []
    with mock.patch("rockfall.kit.pictures.save", refuse):
        run = train(tmp_path, listeners=[heard.append])
    assert run.result is not None
    assert heard[-1].kind == "finished"
    *earlier, warning = [event.data["message"] for event in heard if event.kind == "warning"]
    assert all("No space left on device" in each for each in (*earlier, warning))
    assert len(earlier) == 2, "one a picture of a step"
    assert f"`rockfall show {run.directory.path}` draws again" in warning
    assert "\n" not in warning
    assert left(run) == set()


def test_killed_between_the_result_and_the_pictures(tmp_path: Path) -> None:
    with (
        mock.patch("rockfall.completing.write_pictures", side_effect=KeyboardInterrupt),
        pytest.raises(rockfall.Interrupted, match=r"trained, and `rockfall show .*mlp-digits-1`"),
    ):
        train(tmp_path)
    heard: list[rockfall.Event] = []
    run = rockfall.resume("mlp-digits-1", out=tmp_path, listeners=[heard.append])
    assert heard[0].data["message"].startswith("it was stopped before all its pictures were drawn")
    assert {Path(e.data["path"]).name for e in heard if e.kind == "picture"} == left(run) > set()
    assert heard[-1].data["result"] == run.result
    assert run.result is not None
    assert set(run.result["pictures"]) == left(run)


@pytest.mark.long
def test_pictures_that_are_lost_are_drawn_by_resume_and_show(tmp_path: Path) -> None:
    run = train(tmp_path)
    lost = sorted(left(run))[0]
    kept = (run.directory.pictures / lost).read_bytes()
    for look in (rockfall.resume, None):
        (run.directory.pictures / lost).unlink()
        half = run.directory.pictures / f"{TEMPORARY}{lost}.k1ll3d"
        half.write_bytes(kept[:99])
        heard: list[rockfall.Event] = []
        if look:
            look(run.directory.path, listeners=[heard.append])
            said = [event.data["message"] for event in heard if event.kind == "warning"]
        else:
            page = RunPage(run.directory)
            page.draw(None)
            said = list(page.warnings)
        assert len(said) == 2
        assert half.name in said[0]
        assert lost in said[1]
        assert (run.directory.pictures / lost).read_bytes() == kept
        assert not half.exists()


# A capability of a third party ----------------------------------------------------------------


def stranger_draws(model: Any, source: Any) -> dict[str, Any]:
    assert not torch.is_grad_enabled()
    torch.rand(1)
    return {"noise": torch.randint(256, (3, 5, 5), dtype=torch.uint8)}


def names_it_badly(model: Any, source: Any) -> dict[str, Any]:
    return {"../noise": torch.zeros(1, 5, 5, dtype=torch.uint8)}


def names_it_as_the_curves(model: Any, source: Any) -> dict[str, Any]:
    return {"curves": torch.zeros(1, 5, 5, dtype=torch.uint8)}


def names_it_as_another(model: Any, source: Any) -> dict[str, Any]:
    return {"confusion": torch.zeros(1, 5, 5, dtype=torch.uint8)}


def breaks(model: Any, source: Any) -> dict[str, Any]:
    raise ZeroDivisionError("by nothing")


def draws_no_picture(model: Any, source: Any) -> dict[str, Any]:
    return {"noise": [1, 2]}


@pytest.fixture
def dreamer() -> Iterator[Callable[[Any], None]]:
    """`dreamer(draw)` registers a model like `mlp` that `dreams`, drawn so, and classifies."""

    def register(draw: Any) -> None:
        capability = CapabilitySpec(
            name="dreams",
            summary="dreams",
            target=f"{__name__}:Corner",
            pictures=f"{__name__}:{draw.__name__}",
        )
        spec = registry().models.find("mlp").spec
        able = replace(spec, name="dreamer", capabilities=("dreams", "classifies"))
        registry().capabilities.add("stranger", capability)
        registry().models.add("rockfall-vision", able)

    registry.cache_clear()
    yield register
    registry.cache_clear()


def test_a_third_party_s_pictures_are_left_too(
    dreamer: Callable[[Any], None], tmp_path: Path
) -> None:
    dreamer(stranger_draws)
    run = train(tmp_path, model="dreamer")
    assert left(run) == OF_A_CLASSIFIER | {"noise.png"}
    noise = run.directory.pictures / "noise.png"
    before = pixels(noise)
    assert before.shape == (5, 5, 3)
    (again,) = {path for path in draw(run) if path.stem == "noise"}
    assert np.array_equal(before, pixels(again))


@pytest.mark.long
@pytest.mark.parametrize(
    ("drawing", "complaint", "leaves"),
    [
        (names_it_badly, "picture name '../noise': use lower-case letters", OF_A_CLASSIFIER),
        (names_it_as_the_curves, "picture name 'curves' is taken", OF_A_CLASSIFIER),
        (names_it_as_another, "picture name 'confusion' is taken", {"confusion.png"}),
        (
            breaks,
            r"not all that dreams is drawn: ZeroDivisionError: by nothing \(in stranger",
            OF_A_CLASSIFIER,
        ),
        (draws_no_picture, "not all that dreams is drawn: AttributeError", OF_A_CLASSIFIER),
    ],
)
def test_a_third_party_that_fails_costs_no_other_picture(
    drawing: Any, complaint: str, leaves: set[str], dreamer: Callable[[Any], None], tmp_path: Path
) -> None:
    dreamer(drawing)
    heard: list[rockfall.Event] = []
    run = train(tmp_path, model="dreamer", listeners=[heard.append])
    assert heard[-1].kind == "finished"
    (warning,) = [event.data["message"] for event in heard if event.kind == "warning"]
    assert re.search(complaint, warning)
    assert "\n" not in warning
    assert left(run) == leaves
    with pytest.raises(RockfallError, match=complaint):
        draw(run)


# As typed -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs `reads` of `mlp`, `guesses` of a classifier without layers, and `a.png`, `b.png`."""
    path = tmp_path_factory.mktemp("work")
    for name in ("a", "b"):
        Image.new("RGB", (20, 30), "white").save(path / f"{name}.png")
    with toys(path / "site"):
        for spoken in (
            ("mlp", "--preset", "tiny", "--name", "reads"),
            ("guesser", "--name", "guesses"),
        ):
            assert typed(path, "train", *spoken).returncode == 0
        yield path


@pytest.mark.long
def test_show_draws_anew(folder: Path) -> None:
    drawn = folder / "runs/reads/pictures"
    for picture in drawn.iterdir():
        picture.unlink()
    (drawn / "made-12.png").touch()
    lines = typed(folder, "show", "reads").stdout.splitlines()
    at = lines.index("pictures in runs/reads/pictures:")
    assert lines[at + 1].startswith("  of the model: confusion.png, mistakes.png, saliency.png")
    assert lines[at + 2] == "  while it learned: made-12.png"
    assert lines[at + 3] == "wrote runs/reads/pictures/curves.png"
    assert {path.name for path in drawn.iterdir()} > OF_A_CLASSIFIER
    (drawn / "made-12.png").unlink()


@pytest.mark.long
def test_show_draws_a_third_party_s_pictures(folder: Path) -> None:
    (folder / "runs/guesses/pictures/dream.png").unlink()
    data = json.loads(typed(folder, "show", "guesses", "--json").stdout)
    said = ["drew the pictures that were missing: dream.png"]
    assert (data["warnings"], "dream.png" in data["pictures"]) == (said, True)
    assert pixels(folder / "runs/guesses/pictures/dream.png").shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ('"source": "digits"', '"source": "lost"', "no source lost"),
        ('"model": "rockfall-vision:mlp"', '"model": "gone:mlp"', "no model named gone:mlp"),
    ],
)
def test_show_says_why_it_draws_nothing_and_goes_on(
    folder: Path, before: str, after: str, why: str
) -> None:
    record = folder / "runs/reads/run.json"
    text = record.read_text()
    assert before in text
    record.write_text(text.replace(before, after))
    done = typed(folder, "show", "reads")
    data = json.loads(typed(folder, "show", "reads", "--json").stdout)
    record.write_text(text)
    assert done.returncode == 0
    (line,) = [t for t in done.stdout.splitlines() if t.startswith("no new pictures of the model")]
    assert why in line
    assert data["warnings"] == [line]
    assert "wrote runs/reads/pictures/curves.png" in done.stdout


def test_show_of_a_run_without_a_checkpoint_has_nothing_to_draw(folder: Path) -> None:
    assert typed(folder, "train", "mlp", "--preset", "tiny", "--name", "young").returncode == 0
    for left_over in (folder / "runs/young/checkpoint").iterdir():
        left_over.unlink()
    (folder / "runs/young/result.json").unlink()
    done = typed(folder, "show", "young")
    assert done.returncode == 0
    assert "no new pictures" not in done.stdout


def test_explain(folder: Path) -> None:
    done = typed(folder, "classify", "reads", "a.png", "--explain", "seen")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2] == "wrote seen.png"
    with_layers = pixels(folder / "seen.png")
    done = typed(folder, "classify", "guesses", "a.png", "--explain", "without.png")
    assert "guesser does not explain, so without.png has no feature maps" in done.stdout
    without = pixels(folder / "without.png")
    assert len(with_layers) > len(without) + 100
    spoken = ("classify", "guesses", "a.png", "--explain", "j.png", "--top", "2", "--json")
    data = json.loads(typed(folder, *spoken).stdout)
    assert data["explained"] == "j.png"
    assert (folder / "j.png").exists()
    assert "explained" not in json.loads(
        typed(folder, "classify", "guesses", "a.png", "--json").stdout
    )


@pytest.mark.parametrize(
    ("spoken", "code", "complaint"),
    [
        (
            ("a.png", "b.png", "--explain", "c.png"),
            2,
            "--explain writes one picture about one PICTURE",
        ),
        (("a.png", "--explain", "a.png"), 2, "--explain a.png would overwrite the picture"),
        (("a.png", "--explain", "c.jpg"), 2, "what is written is a PNG, say c.png"),
        (("a.png", "--explain", "no/c.png"), 1, "there is no folder no"),
        (("a.png", "--explain", "."), 2, "is a folder"),
        (("lost.png", "--explain", "c.png"), 2, "'lost.png' does not exist"),
    ],
)
def test_what_can_not_be_explained(
    folder: Path, spoken: tuple[str, ...], code: int, complaint: str
) -> None:
    before = (folder / "a.png").read_bytes()
    done = typed(folder, "classify", "reads", *spoken)
    assert (done.returncode, done.stdout) == (code, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert (folder / "a.png").read_bytes() == before
    assert not (folder / "c.png").exists()
