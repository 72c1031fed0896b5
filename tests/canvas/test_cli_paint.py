"""`rockfall paint`: the same as `train painter`, and then the painting; or a run's once more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

import rockfall
from rockfall.errors import RockfallError
from rockfall.kit.pictures import load, load_with_alpha, save
from rockfall_canvas.paint import command

QUICK = ("network=grid", "hidden=8", "levels=2")
QUICKEST = (*QUICK, "epochs=4")  # where it does not matter what is painted


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of 20 × 30 pixels, a run that paints, one that does not."""
    path = tmp_path_factory.mktemp("work")
    y, x = np.mgrid[:20, :30]
    shown = np.stack((8 * x, 12 * y, 100 + x + y)).astype(np.uint8)
    save(path / "hills.png", torch.from_numpy(shown))
    (path / "words.png").write_text("no picture")
    rockfall.train("mlp", preset="tiny", name="classes", out=path / "runs", listeners=[])
    return path


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(folder)
    before = set(folder.glob("*"))
    yield
    for file in set(folder.glob("*")) - before:
        if file.is_file():
            file.unlink()


def paint(*words: str) -> Result:
    return CliRunner().invoke(command, list(words), catch_exceptions=True)


def done(*words: str) -> str:
    result = paint(*words)
    assert result.exit_code == 0, result.exception or result.output
    return result.stdout


def refused(*words: str) -> str:
    result = paint(*words)
    assert isinstance(result.exception, RockfallError | SystemExit), result.exception
    said = str(result.exception) if isinstance(result.exception, RockfallError) else result.stderr
    assert not Path("hills-painting.png").exists()
    return said


@pytest.fixture(autouse=True)
def affordable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame of a film that is due is drawn, however fast the training."""
    monkeypatch.setattr("rockfall.run.snapshots.GRACE", 60.0)


@pytest.mark.long
def test_it_is_the_same_as_to_train_and_leaves_painting_and_film() -> None:
    words = (*QUICKEST, "batch_size=50")
    lines = done("hills.png", *words, "--seed", "3", "--name", "painted", "--gif").splitlines()
    run = rockfall.train(
        "painter",
        "hills.png",
        config=dict(word.split("=") for word in words),
        seed=3,
        name="trained",
        listeners=[],
    )
    same = rockfall.open_run("painted")
    assert same.record.config == run.record.config
    assert same.record.source == run.record.source
    for one, other in zip(same.model.parameters(), run.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(load(Path("hills-painting.png")), run.model.paint(20, 30))
    size = Path("hills-painting.gif").stat().st_size
    assert lines[-3:] == [
        "wrote hills-painting.png (30 × 20)",
        f"wrote hills-painting.gif ({size / 1000:,.0f} kB)",
        "next: rockfall paint painted --size 1200  ·  rockfall show painted",
    ]
    with Image.open("hills-painting.gif") as film:
        assert film.n_frames >= 10  # type: ignore[attr-defined]


@pytest.mark.long
def test_a_run_paints_again_at_any_size() -> None:
    done("hills.png", *QUICK, "epochs=20", "batch_size=50", "--name", "again", "--out", "first.png")
    before = sorted(path.name for path in Path("runs").iterdir())
    said = json.loads(done("again", "--size", "90", "--json"))
    assert said == {
        "run": "again",
        "picture": "again-painting.png",
        "height": 60,
        "width": 90,
        "gif": None,
    }
    painted = load(Path("again-painting.png"))
    assert torch.equal(painted, rockfall.open_run("again").model.paint(60, 90))
    with Image.open("hills.png") as hills:
        larger = np.asarray(hills.resize((90, 60), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(painted.permute(1, 2, 0).numpy() - larger).mean() < 25  # upright
    done("again", "--out", "photo.jpg", "--gif", "film.gif")
    with Image.open("photo.jpg") as photo:
        assert (photo.format, photo.size) == ("JPEG", (30, 20))
    assert Path("film.gif").exists()
    assert sorted(path.name for path in Path("runs").iterdir()) == before


@pytest.mark.long
def test_a_film_of_a_picture_larger_than_what_is_left_on_the_way() -> None:
    save(Path("large.png"), torch.full((3, 200, 400), 90, dtype=torch.uint8))
    done("large.png", *QUICK, "batch_size=8192", "epochs=1", "--name", "large", "--gif")
    with Image.open("large-painting.png") as painting:
        assert painting.size == (400, 200)
    with Image.open("large-painting.gif") as film:
        assert film.size[0] == 384
        assert 192 < film.size[1] < 230  # and the step below it
        assert film.n_frames > 5  # type: ignore[attr-defined]


def test_a_picture_goes_before_a_run_of_its_name() -> None:
    done("hills.png", *QUICKEST, "--name", "hills.png", "--json")
    said = json.loads(done("hills.png", *QUICKEST, "--name", "other", "--json"))
    assert said["run"] == "other"


def test_other_models_that_paint() -> None:
    done("hills.png", "--model", "evolve", "--preset", "tiny", "--name", "evolved")
    assert rockfall.open_run("evolved").record.model.endswith(":evolve")
    assert load(Path("hills-painting.png")).shape == (3, 20, 30)


def icon() -> Image.Image:
    """Round, and half transparent on one side."""
    rows, columns = np.mgrid[:20, :30]
    inside = (rows - 10) ** 2 + (columns - 15) ** 2 < 80
    alpha = np.where(inside, np.where(columns < 15, 255, 120), 0)
    return Image.fromarray(
        np.stack((8 * columns, 12 * rows, 90 + rows, alpha), -1).astype(np.uint8)
    )


@pytest.mark.parametrize(
    "words", [QUICKEST, ("--model", "evolve", "polygons=4", "sweeps=2", "offspring=4")]
)
def test_what_was_transparent_stays_so(folder: Path, words: tuple[str, ...]) -> None:
    """From the training, rendered again without the picture, larger, and in any format."""
    icon().save("icon.png")
    alpha = torch.from_numpy(np.array(icon().getchannel("A")))
    done("icon.png", *words, "--name", f"icon-{len(words)}", "--out", "first.png")
    assert torch.equal(load_with_alpha(Path("first.png"))[3], alpha)
    Path("icon.png").unlink()
    for name in ("again.png", "again.tiff", "again.webp"):
        done(f"icon-{len(words)}", "--out", name)
        assert torch.equal(load_with_alpha(Path(name))[3], alpha)
        assert torch.equal(load(Path(name)), load(Path("first.png"))) or name.endswith("webp")
    done(f"icon-{len(words)}", "--size", "60", "--out", "large.png")
    large = load_with_alpha(Path("large.png"))
    assert large.shape == (4, 40, 60)
    assert (large[3, ::2, ::2].int() - alpha.int()).abs().float().mean() < 12
    done(f"icon-{len(words)}", "--out", "flat.jpg")
    assert len(load_with_alpha(Path("flat.jpg"))) == 3


def test_into_a_pipe(folder: Path) -> None:
    """The picture alone, and what is said beside it."""
    done("hills.png", *QUICKEST, "--name", "piped", "--out", "a.png")
    result = CliRunner().invoke(command, ["piped", "--out", "-"])
    assert result.exit_code == 0 and result.stdout_bytes == Path("a.png").read_bytes()
    assert "next: rockfall paint piped" in result.stderr and "wrote" not in result.stderr
    trained = CliRunner().invoke(command, ["hills.png", *QUICKEST, "--name", "b", "--out", "-"])
    assert trained.stdout_bytes == Path("a.png").read_bytes()
    assert "--out - and --json" in refused("piped", "--out", "-", "--json")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hils.png",), "hils.png is neither a picture nor a run; did you mean hills.png?"),
        (("flowr",), "flowr is neither a picture nor a run; did you mean flower?"),
        (("clases",), "clases is neither a picture nor a run; did you mean classes?"),
        (("words.png",), "words.png can't be read as a picture"),
        (("classes",), "models that do: "),
        (("classes", "hidden=3"), "hidden=3: classes is a trained run"),
        (("classes", "--seed", "0"), "--seed is for training, and classes is a trained run"),
        (("classes", "--checkpoint-every", "3"), "--checkpoint-every is for training"),
        (("classes", "--model", "painter"), "--model is for training"),
        (("hills.png", "--model", "mlp"), "mlp can't learn and paint a picture; "),
        (("hills.png", "--model", "paintr"), "did you mean painter?"),
        (("hills.png", "network=sirn"), "painter: network: input should be 'siren'"),
        (("hills.png", "network=relu", "sigma=2"), "sigma is a setting of fourier, not of relu"),
        (("hills.png", "layers"), "'layers' is not key=value"),
        (("hills.png", "--size", "0"), "0 is not in the range 1<=x<=8000"),
        (("hills.png", "--size", "9999999"), "not in the range 1<=x<=8000"),
        (("hills.png", "--out", "painting.bmp"), "what is written is a PNG"),
        (("hills.png", "--out", "nowhere/painting.png"), "there is no folder nowhere"),
        (("hills.png", "--gif", "network=relu"), "let --gif come last, or name the film"),
        (("hills.png", "--gif", "film.png"), "what is written is a GIF, say film.gif"),
        (("hills.png", "source.siz=3"), "siz"),
    ],
)
def test_what_can_not_be_done(words: tuple[str, ...], said: str) -> None:
    before = sorted(Path("runs").iterdir())
    message = refused(*words)
    assert said in message
    assert "\n" not in message or "Usage" in message
    assert sorted(Path("runs").iterdir()) == before
