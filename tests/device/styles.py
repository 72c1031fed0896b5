"""`make styles`, which is `python -m tests.device.styles`: compact styles, trained on a GPU.

Each painting has its share of the budget; what a call leaves undone, the next one with the same
`--out` goes on with. In OUT are NAME.safetensors, NAME.state to go on from, NAME.png, which shows
three photographs that were not trained on, and styles.md: their losses beside 500 iterations of
Gatys' method.

Photographs for the training lie in `ROCKFALL_DATA/photographs`, or else are those that
scikit-image and scikit-learn carry; paintings are in `ROCKFALL_DATA/images`.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import time
from pathlib import Path

import torch

from rockfall import Dataset, open_source
from rockfall.kit import pictures
from rockfall.kit.devices import choose_device, computing
from rockfall.kit.downloads import data_folder
from rockfall_style.bands import apply_style
from rockfall_style.compact.network import read_network
from rockfall_style.compact.train import Recipe, train
from rockfall_style.compact.training_pictures import TrainingPictures
from rockfall_style.features import feature_network
from rockfall_style.picture_names import read_picture
from tests.benchmarks.report import Table
from tests.benchmarks.style_compact import HEADERS, ITERATIONS, TITLE, held_out, rows

PAINTINGS = {"starry-night": "starry_night", "great-wave": "wave", "the-scream": "scream"}
"""Style → picture in `ROCKFALL_DATA/images`."""
BUDGET = 460.0
"""Seconds, measurements included."""
MEASURING = 15.0
"""Of them, for the measurements of one style."""
ON_A_GPU = {"steps": 100_000, "batch_size": 4, "side": 256, "pool": 4000}
REHEARSAL = {
    "steps": 20,
    "batch_size": 2,
    "side": 64,
    "pool": 20,
    "style_size": 100,
    "features": "cifar-vgg",
}
WEIGHTS = "weights/squeezenet1_1_features.safetensors"
"""In `ROCKFALL_DATA`: else they are downloaded."""
OUT = "ROCKFALL_DEVICE_OUT"
OF_SKIMAGE = (
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png"),
    *("color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png"),
    *("motorcycle_left.png", "retina.jpg", "rocket.jpg"),
)
OF_SKLEARN = ("flower.jpg",)
"""Not china.jpg, which is held out."""


def photographs() -> list[Path]:
    """Of the training."""
    folder = data_folder() / "photographs"
    if folder.is_dir():
        return sorted(folder.iterdir())
    found = []
    for package, inside, names in (
        ("skimage", "data", OF_SKIMAGE),
        ("sklearn", "datasets/images", OF_SKLEARN),
    ):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            found += [Path(spec.origin).parent / inside / name for name in names]
    mona_lisa = data_folder() / "images" / "mona_lisa.jpg"
    return [path for path in [*found, mona_lisa] if path.exists()]


def make(name: str, out: Path, seconds: float, rehearsal: bool) -> list[list[str | float]]:
    """Train a style, or go on; write what it makes of the photographs, and return its losses."""
    changes = REHEARSAL if rehearsal else {**ON_A_GPU, "seconds": seconds}
    weights = data_folder() / WEIGHTS
    if weights.exists() and not rehearsal:
        changes |= {"features": str(weights), "normalisation": "caffe"}
    recipe = dataclasses.replace(Recipe(), **changes)
    device = choose_device("cpu" if rehearsal else "auto")
    features = feature_network(recipe.features, recipe.normalisation).to(device)
    style = read_picture(str(data_folder() / "images" / f"{PAINTINGS[name]}.jpg"), "style")
    source = open_source("cifar10")
    assert isinstance(source, Dataset)
    seen = [pictures.load(path) for path in photographs()]
    made = TrainingPictures(seen, source.test.inputs, recipe.side)
    train(recipe, style, made, out / name, device=device)
    network = read_network(out / f"{name}.safetensors").to(device)
    painted = [apply_style(network, picture).cpu() for _, picture in held_out()]
    height, width = (min(picture.shape[side] for picture in painted) for side in (1, 2))
    shown = torch.stack([picture[:, :height, :width] for picture in painted])
    pictures.save(out / f"{name}.png", pictures.grid(shown, columns=len(shown)))
    iterations = 3 if rehearsal else ITERATIONS
    return list(rows(name, network, recipe, style, features, iterations))


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("styles"), metavar="OUT")
    parser.add_argument("--only", default=",".join(PAINTINGS), metavar="NAMES")
    parser.add_argument("--budget", type=float, default=BUDGET, metavar="SECONDS")
    parser.add_argument("--rehearse", action="store_true", help="the same, small, on the CPU")
    given = parser.parse_args()
    # What the caller calls --out is relative to where the caller is.
    out = Path(os.environ.get(OUT, ".")) / given.out
    out.mkdir(parents=True, exist_ok=True)
    names = given.only.split(",")
    found: list[list[str | float]] = []
    begun = time.monotonic()
    with computing(threads=torch.get_num_threads(), matmul_precision="high"):
        for place, name in enumerate(names):
            left = given.budget - (time.monotonic() - begun)
            share = left / (len(names) - place) - MEASURING
            if share < 0:
                print(f"{name}: no time left; call again")
                continue
            found += make(name, out, share, given.rehearse)
            (out / "styles.md").write_text(Table(TITLE, HEADERS, found).markdown() + "\n")


if __name__ == "__main__":
    main()
