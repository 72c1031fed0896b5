"""The painter: that it learns what it is shown, and nothing else, and paints it at any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

import rockfall
from rockfall.errors import ConfigError, RockfallError, UsageError
from rockfall.kit.pictures import save
from rockfall.testing import check_model
from rockfall_canvas import networks, painter
from rockfall_canvas.holdout import holdout_mask
from rockfall_canvas.image_quality import psnr

SMALL: dict[str, dict[str, Any]] = {
    "siren": {"hidden": 32, "layers": 2, "omega_0": 10, "lr": 3e-3},
    "fourier": {"hidden": 32, "layers": 2, "sigma": 1, "lr": 1e-2},
    "grid": {"hidden": 16, "levels": 3, "lr": 3e-2},
    "relu": {"hidden": 32, "layers": 2, "lr": 1e-2},
    "shallow": {"hidden": 100, "lr": 3e-2},
}


def picture(height: int = 24, width: int = 36) -> Tensor:
    """Every corner has another colour, and no mirrored picture would do."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    planes = np.stack((255 * x, 255 * y, 128 + 100 * np.sin(3 * x + 5 * y)))
    return torch.from_numpy(planes.astype(np.uint8))


def trained(folder: Path, shown: Tensor, **settings: Any) -> rockfall.Run:
    source = save(folder / "picture.png", shown)
    return rockfall.train(
        "painter",
        source,
        out=folder / "runs",
        listeners=[],
        device="cpu",
        threads=1,
        precision="float32",
        **settings,
    )


@pytest.mark.long
@pytest.mark.parametrize("network", networks.DEFAULTS)
def test_it_learns_its_picture(network: networks.Name, tmp_path: Path) -> None:
    run = trained(tmp_path, picture(), network=network, epochs=40, batch_size=64, **SMALL[network])
    figures = (run.result or {})["figures"]
    assert figures["psnr"]["value"] > 28
    assert figures["psnr"]["baselines"]["mean colour"]["value"] < 15
    painted = run.model.paint(24, 36)
    assert figures["psnr"]["value"] == pytest.approx(psnr(painted, picture()))
    for height, width in ((48, 72), (12, 36)):  # of other proportions, it is drawn out
        wanted = torch.nn.functional.interpolate(
            picture().float()[None], (height, width), mode="bilinear", antialias=True
        )[0]
        assert psnr(run.model.paint(height, width), wanted) > 25


def test_the_default_network_has_a_table_entry_each() -> None:
    assert set(networks.DEFAULTS) == set(get_args(networks.Name))


@pytest.mark.parametrize("pattern", ["random", "block"])
def test_what_is_held_out_has_no_influence(pattern: Any, tmp_path: Path) -> None:
    spoilt = picture()
    spoilt.view(3, -1)[:, holdout_mask(24, 36, 0.3, pattern)] = 255
    held_out = {"holdout": 0.3, "holdout_pattern": pattern}
    how = {**held_out, "epochs": 3, "network": "grid", **SMALL["grid"]}
    one, other = (
        trained(tmp_path / name, shown, **how)
        for name, shown in (("a", picture()), ("b", spoilt))
        if (tmp_path / name).mkdir() is None
    )
    assert torch.equal(one.model.paint(24, 36), other.model.paint(24, 36))
    first, second = ((run.result or {})["figures"] for run in (one, other))
    assert first["held_out_psnr"]["value"] > second["held_out_psnr"]["value"] + 3
    assert one.examples == 3 * (24 * 36 - int(holdout_mask(24, 36, 0.3, pattern).sum()))


def test_the_seed_does_not_choose_what_is_held_out(tmp_path: Path) -> None:
    info = rockfall.SourceInfo(
        name="p", kinds=("picture",), shape=(3, 9, 9), dtype="uint8", low=0, high=255
    )
    masks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        masks.append(painter.Painter(painter.PainterConfig(holdout=0.2), info).held_out)
    assert torch.equal(*masks)


@pytest.mark.long
def test_curves_show_it_against_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rockfall.run.snapshots.GRACE", 60.0)
    run = trained(tmp_path, picture(), network="grid", epochs=40, batch_size=512, holdout=0.1)
    lines = [line for line in run.metrics if "psnr" in line]
    assert [line["step"] for line in lines] == [0, 3, 12, 28, 51, 80]
    assert all({"psnr", "ssim", "held_out_psnr", "seconds"} <= line.keys() for line in lines)
    figures = (run.result or {})["figures"]
    for name in ("psnr", "ssim", "held_out_psnr"):
        assert lines[-1][name] == pytest.approx(figures[name]["value"])
        assert lines[-1][name] > lines[0][name]
    left = sorted(run.directory.pictures.glob("painting-*.png"))
    assert 10 <= len(left) <= 26


@pytest.mark.long
@pytest.mark.parametrize(("epochs", "count"), [(1, 1), (11, 1), (13, 2), (100, 6)])
def test_the_longer_it_learns_the_more_often_its_quality_is_measured(
    tmp_path: Path, epochs: int, count: int
) -> None:
    run = trained(tmp_path, picture(), network="grid", epochs=epochs, batch_size=512)
    steps = [line["step"] for line in run.metrics if "psnr" in line]
    assert len(steps) == count
    assert steps[-1] == run.step
    if count > 1:
        assert steps[0] == 0
    assert (run.result or {})["figures"].keys() >= {"psnr"}


@pytest.mark.parametrize("network", networks.DEFAULTS)
@pytest.mark.parametrize(("pixels", "batch_size"), [(2, 1024), (900, 1024), (900, 32), (10**6, 64)])
def test_by_default_a_training_has_enough_steps(
    network: networks.Name, pixels: int, batch_size: int
) -> None:
    epochs = networks.default_epochs(network, pixels, batch_size)
    steps = -(-pixels // batch_size)
    assert epochs * steps >= networks.MIN_STEPS
    least = networks.DEFAULTS[network]["epochs"]
    assert epochs == least or (epochs - 1) * steps < networks.MIN_STEPS


@pytest.mark.long
def test_an_icon_is_painted_as_it_is(tmp_path: Path) -> None:
    """In 8 epochs of one step each it was a blur of 14 dB."""
    run = trained(tmp_path, picture(10, 10), network="grid")
    assert run.step == networks.MIN_STEPS
    assert (run.result or {})["figures"]["psnr"]["value"] > 40


def test_rendered_in_chunks_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained(tmp_path, picture(), epochs=1, hidden=16).model
    whole = model.paint(50, 31)
    rows: list[int] = []
    model.network.first.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    monkeypatch.setattr(painter, "MAX_ACTIVATIONS", 16 * 70)
    parts = model.paint(50, 31)
    assert max(rows) == 70
    assert sum(rows) == 50 * 31
    assert (whole.int() - parts.int()).abs().max() <= 1


def test_the_learning_rate_is_annealed_by_a_cosine(tmp_path: Path) -> None:
    """Without a fall to 0, the last steps would change as much as the middle ones."""
    rates: list[float] = []

    class Watched(painter.Adam):
        def step(self, *given: Any) -> Any:  # type: ignore[override]
            rates.append(self.param_groups[0]["lr"])
            return super().step(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(painter, "Adam", Watched)
        trained(tmp_path, picture(), network="grid", epochs=4, batch_size=216, lr=0.5)
    assert len(rates) == 16
    assert rates == pytest.approx([0.25 * (1 + np.cos(np.pi * k / 16)) for k in range(16)])


@pytest.mark.parametrize("off", [-0.45, 0.0, 0.45, 300.0, -300.0])
def test_what_it_paints_is_brought_to_the_nearest_level(off: float) -> None:
    info = rockfall.SourceInfo(name="p", kinds=("picture",), shape=(3, 16, 16), dtype="uint8")
    model = painter.Painter(painter.PainterConfig(), info)
    levels = torch.arange(256, dtype=torch.uint8)[:, None].expand(256, 3)
    model.network.forward = lambda _: painter.normalise(levels) + off / 127.5  # type: ignore[assignment]
    painted = model.paint(16, 16).flatten(1).T
    assert torch.equal(painted, (levels.float() + off).round().clamp(0, 255).byte())


@pytest.mark.parametrize("sides", [(1, 2), (2, 1), (3, 500)])
def test_the_narrowest_pictures(sides: tuple[int, int], tmp_path: Path) -> None:
    run = trained(tmp_path, picture(*sides), preset="tiny", holdout=0.0, network="grid")
    assert run.model.paint(*sides).shape == (3, *sides)
    assert set((run.result or {})["figures"]) == {"psnr"}


def test_a_picture_of_one_pixel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a picture of one pixel is one colour"):
        trained(tmp_path, picture()[:, :1, :1])
    assert not (tmp_path / "runs").exists()


def test_a_holdout_that_leaves_too_little_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holdout=0.9 of 2 × 1 pixels holds out all pixels"):
        trained(tmp_path, picture()[:, :1, :2], holdout=0.9)
    with pytest.raises(ConfigError, match=r"holdout: .* less than or equal to 0.9"):
        trained(tmp_path, picture(), holdout=0.95)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("source", ["flower", "missing.png"])
def test_settings_of_another_network_are_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    def opened(*_: Any) -> None:
        raise AssertionError("the source was opened")

    monkeypatch.setattr("rockfall.training.open_source", opened)
    with pytest.raises(ConfigError, match="sigma is a setting of fourier, not of siren"):
        rockfall.train("painter", source, sigma=3.0, out=tmp_path)


def test_a_network_that_fits_no_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RockfallError, match=r"GiB of memory, .* take fewer layers, hidden units"):
        trained(tmp_path, picture(), layers=64, hidden=1_000_000)
    assert not (tmp_path / "runs").exists()


def test_a_step_takes_no_more_memory_than_all_the_pixels_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rockfall.kit.memory.available_memory", lambda _: 2**23)
    trained(tmp_path, picture(), network="relu", hidden=20, batch_size=1_000_000, epochs=1)


@pytest.mark.slow
def test_the_kit() -> None:
    check_model("painter")
