"""The painter's networks on one picture, in equal time; and depth against width.

Every row of the first table has --seconds CPU seconds, of the second --depth: of `rockfall train
painter` on one thread, with all that it leaves and measures on the way; how many epochs these are
is found by two short trainings. The textbook loop is what one would write first. --strip FILE draws
what they painted. --long measures 500 epochs of `relu` instead, the experiment that the network
comes from, for some fifteen minutes. The picture is --picture, or the Mona Lisa in `ROCKFALL_DATA`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rockfall.kit.downloads import data_folder
from rockfall.kit.drawing import FAINT, below, beside, page, words
from rockfall.kit.pictures import load, save, to_image
from rockfall.kit.resizing import within
from rockfall_canvas.coordinates import Extent
from rockfall_canvas.copies import quality
from rockfall_canvas.relu_mlp import parameter_count, width_for
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, script

GOALS = {"relu": 26.0, "fourier": 33.0, "siren": 36.5, "grid": 48.0}
DEPTHS = (2, 4, 8)
HOLDOUT = 0.1
SHORT, LONGER = 1, 9
"""Epochs of the two trainings by which it is found how long others take."""
TEXTBOOK = "textbook loop"
SHOWN, DETAIL = 168, (0.08, 0.2)
"""Pixels across a painting of the strip, and where the detail begins, by height and width."""


class Painted(NamedTuple):
    """What a row says."""

    figures: dict[str, float]
    parameters: int
    epochs: float
    seconds: float
    picture: Tensor


def painter(picture: Path, seconds: float, **settings: Any) -> Painted:
    """As many epochs as make about so many CPU seconds, at least one."""
    short = measured(picture, SHORT, **settings)
    if short.seconds > seconds / 2:
        return short
    longer = measured(picture, LONGER, **settings).seconds
    epoch = (longer - short.seconds) / (LONGER - SHORT)
    epoch = max(epoch, longer / LONGER / 4)  # what is less, a noisy machine has made up
    return measured(picture, int((seconds - short.seconds) / epoch) + SHORT, **settings)


def measured(picture: Path, epochs: int, **settings: Any) -> Painted:
    run, result, seconds = trained("painter", str(picture), epochs=epochs, **settings)
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    for name, figure in result["figures"].get("held_out_psnr", {}).get("baselines", {}).items():
        figures[name] = figure["value"]
    made = run.model.paint(*run.record.info["shape"][1:])  # type: ignore[attr-defined]
    found = Painted(figures, result["parameters"], epochs, seconds, made)
    tell(settings, found)
    return found


def textbook(true: Tensor, seconds: float) -> Painted:
    """Four layers of 300 rectified units in float32, Adam as it is, a constant learning rate."""
    torch.manual_seed(0)
    _, height, width = true.shape
    layers: list[nn.Module] = [nn.Linear(2, 300), nn.ReLU()]
    for _ in range(3):
        layers += [nn.Linear(300, 300), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(300, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    coordinates = Extent.of(height, width).coordinates(torch.arange(height * width), height, width)
    colours = true.flatten(1).T / 255
    began, seen = time.process_time(), 0
    while time.process_time() - began < seconds:
        for rows in torch.randperm(len(coordinates)).split(1024):
            loss = nn.functional.mse_loss(network(coordinates[rows]), colours[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(rows)
            if time.process_time() - began >= seconds:
                break
    took = time.process_time() - began
    with torch.no_grad():
        made = torch.cat([network(part) for part in coordinates.split(4096)])
    painted = (made * 255).round().clamp(0, 255).byte().T.view_as(true)
    figures = quality(painted, true, torch.zeros(1, dtype=torch.bool))
    weights = sum(each.numel() for each in network.parameters())
    found = Painted(figures, weights, seen / len(coordinates), took, painted)
    tell({"network": TEXTBOOK}, found)
    return found


def tell(settings: dict[str, Any], found: Painted) -> None:
    said = " ".join(f"{name}={value}" for name, value in settings.items())
    print(
        f"{said}: {found.figures['psnr']:.2f} dB after {found.epochs:.0f} epochs, "
        f"{found.seconds:.0f} CPU s",
        file=sys.stderr,
        flush=True,
    )


def in_equal_time(picture: Path, seconds: float, strip: str) -> Table:
    true = load(picture)
    found = {TEXTBOOK: textbook(true, seconds)}
    found |= {name: painter(picture, seconds, network=name) for name in GOALS}
    rows = [
        [
            name if name == TEXTBOOK else f"`{name}`",
            f"{each.figures['psnr']:.2f}",
            f"{GOALS[name]:g}" if name in GOALS else "",
            f"{each.figures['ssim']:.3f}",
            f"{each.parameters:,}",
            f"{each.epochs:.0f}",
            f"{each.seconds:.0f}",
        ]
        for name, each in found.items()
    ]
    if strip:
        save(Path(strip), drawn(true, found, seconds))
    height, width = true.shape[1:]
    title = f"The painter: {picture.stem}, {width} × {height}, in {seconds:g} CPU seconds"
    headers = ["network", "PSNR, dB", "goal", "SSIM", "parameters", "epochs", "CPU s"]
    return Table(title, headers, rows)


def depth_against_width(picture: Path, seconds: float) -> Table:
    """One layer of 300, and then all with as many parameters as 4 × 300 have."""
    count = parameter_count(4, 300)
    deep = [(layers, width_for(count, layers)) for layers in DEPTHS]
    shapes: list[dict[str, Any]] = [
        {"network": "relu", "layers": 1, "hidden": 300},
        {"network": "shallow", "hidden": width_for(count, 1)},
        *({"network": "relu", "layers": layers, "hidden": hidden} for layers, hidden in deep),
    ]
    rows, figures = [], {}
    for settings in shapes:
        found = painter(picture, seconds, holdout=HOLDOUT, **settings)
        figures = found.figures
        rows.append(
            [
                f"`{settings['network']}`",
                f"{settings.get('layers', 1)} × {settings['hidden']:,}",
                f"{found.parameters:,}",
                f"{figures['psnr']:.2f}",
                f"{figures['ssim']:.3f}",
                f"{figures['held_out_psnr']:.2f}",
                f"{found.epochs:.0f}",
                f"{found.seconds:.0f}",
            ]
        )
    headers = [
        "network",
        "layers",
        "parameters",
        "PSNR, dB",
        "SSIM",
        "held-out PSNR",
        "epochs",
        "CPU s",
    ]
    note = (
        f"`holdout={HOLDOUT:g}`: a tenth of the pixels, at random. Beside held-out PSNR: mean "
        f"colour {figures['mean colour']:.2f}, harmonic fill-in "
        f"{figures['harmonic fill-in']:.2f}."
    )
    title = f"Depth against width: {picture.stem} in {seconds:g} CPU seconds"
    return Table(title, headers, rows, note)


def the_experiment(picture: Path) -> Table:
    found = measured(picture, 500, network="relu")
    row = [f"{found.figures['psnr']:.2f}", f"{found.figures['ssim']:.3f}", f"{found.seconds:.0f}"]
    title = f"`relu`, 4 × 300, 500 epochs of {picture.stem}"
    return Table(title, ["PSNR, dB", "SSIM", "CPU s"], [row])


def drawn(true: Tensor, found: dict[str, Painted], seconds: float) -> Any:
    """The picture and what each painted: whole, and a detail as large as it is."""
    shown = {"the picture": (true, "")}
    shown |= {
        name: (each.picture, f"{each.figures['psnr']:.1f} dB") for name, each in found.items()
    }
    top, left = (round(share * side) for share, side in zip(DETAIL, true.shape[1:], strict=True))
    cells = []
    for name, (picture, said) in shown.items():
        longer = round(SHOWN * max(picture.shape[1:]) / picture.shape[2])
        detail = picture[:, top : top + SHOWN, left : left + SHOWN]
        parts = [to_image(within(picture, longer)), to_image(detail)]
        cells.append(below([words(name, 13), words(said, 12, FAINT), *parts], 4))
    return page(f"{seconds:g} CPU seconds each", "", beside(cells, 10))


def measure(options: argparse.Namespace) -> list[Table]:
    picture = Path(options.picture) if options.picture else data_folder() / "images/mona_lisa.jpg"
    if options.long:
        return [the_experiment(picture)]
    return [
        in_equal_time(picture, options.seconds, options.strip),
        depth_against_width(picture, options.depth),
    ]


if __name__ == "__main__":
    script(__doc__, measure, seconds=50.0, depth=50.0, picture="", strip="", long=False)
