"""MNIST and its drop-in replacements: grey pictures of 28 × 28, four IDX files each.

Digests (SHA-256) and sizes are those that TensorFlow Datasets publishes
(`tensorflow_datasets/url_checksums/`); the MD5 sums of the same files are in torchvision's
`datasets/mnist.py` and, of Fashion-MNIST, on its authors' page.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rockfall import Dataset, RockfallError
from rockfall.kit.downloads import Remote, data_folder, fetch
from rockfall.plugin import Seed
from rockfall_datasets.idx import read_idx
from rockfall_datasets.official import Validation, check_labels, with_validation

SIDE = 28


@dataclass(frozen=True)
class Published:
    """A dataset as its authors publish it.

    mirrors: URLs of the folder that holds the files. files: name → (size in bytes, SHA-256).
    """

    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    files: dict[str, tuple[int, str]]

    def remote(self, name: str) -> Remote:
        """The download of one file."""
        size, digest = self.files[name]
        urls = tuple(f"{mirror}/{name}.gz" for mirror in self.mirrors)
        return Remote(f"{name}.gz", urls, f"sha256:{digest}", size)


TRAIN = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

PUBLISHED = {
    "mnist": Published(
        classes=tuple("0123456789"),
        # The authors' own page, yann.lecun.com/exdb/mnist, refuses most downloads.
        mirrors=(
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
        ),
        files={
            "train-images-idx3-ubyte": (
                9912422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            "train-labels-idx1-ubyte": (
                28881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            "t10k-images-idx3-ubyte": (
                1648877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            "t10k-labels-idx1-ubyte": (
                4542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        },
    ),
    "fashion-mnist": Published(
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
        ),
        files={
            "train-images-idx3-ubyte": (
                26421880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            "train-labels-idx1-ubyte": (
                29515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            "t10k-images-idx3-ubyte": (
                4422102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            "t10k-labels-idx1-ubyte": (
                5148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        },
    ),
    "kmnist": Published(
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        mirrors=(
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
        ),
        files={
            "train-images-idx3-ubyte": (
                18165135,
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            ),
            "train-labels-idx1-ubyte": (
                29497,
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            ),
            "t10k-images-idx3-ubyte": (
                3041136,
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            ),
            "t10k-labels-idx1-ubyte": (
                5120,
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            ),
        },
    ),
}


def mnist(validation: Validation = 5000, seed: Seed = 0) -> Dataset:
    """60,000 + 10,000 handwritten digits (1, 28, 28), white on black.

    LeCun, Bottou, Bengio and Haffner 1998, Gradient-Based Learning Applied to Document
    Recognition. `source.validation=N` training pictures, drawn with `source.seed`, are the
    validation split.
    """
    return _open("mnist", validation, seed)


def fashion_mnist(validation: Validation = 5000, seed: Seed = 0) -> Dataset:
    """60,000 + 10,000 pieces of clothing (1, 28, 28), on black.

    Xiao, Rasul and Vollgraf 2017, Fashion-MNIST, arXiv:1708.07747. Options as of `mnist`.
    """
    return _open("fashion-mnist", validation, seed)


def kmnist(validation: Validation = 5000, seed: Seed = 0) -> Dataset:
    """60,000 + 10,000 cursive hiragana (1, 28, 28), white on black, one a row of the syllabary.

    Clanuwat et al. 2018, Deep Learning for Classical Japanese Literature, arXiv:1812.01718.
    Options as of `mnist`.
    """
    return _open("kmnist", validation, seed)


def _open(name: str, validation: int, seed: int) -> Dataset:
    published = PUBLISHED[name]
    folder = data_folder() / name
    train, test = (_read(folder, files, published) for files in (TRAIN, TEST))
    return with_validation(
        name,
        train,
        test,
        published.classes,
        validation=validation,
        seed=seed,
        preparation="ink",
    )


def _read(folder: Path, files: tuple[str, str], published: Published) -> tuple[Tensor, Tensor]:
    """Pictures (N, 1, 28, 28) and labels (N,), both uint8. Raises RockfallError."""
    images, inputs = _load(folder, files[0], published)
    labels, targets = _load(folder, files[1], published)
    if inputs.dtype != np.uint8 or inputs.shape[1:] != (SIDE, SIDE):
        raise RockfallError(f"{images} does not hold pictures of {SIDE} × {SIDE} bytes")
    if targets.dtype != np.uint8 or targets.shape != inputs.shape[:1]:
        raise RockfallError(f"{labels} does not hold a label for each of {len(inputs):,} pictures")
    check_labels(targets, len(published.classes), labels)
    return torch.from_numpy(inputs).unsqueeze(1), torch.from_numpy(targets)


def _load(folder: Path, name: str, published: Published) -> tuple[Path, np.ndarray[Any, Any]]:
    """The path of the file and its array; one that the user decompressed is read as it is."""
    plain = folder / name
    path = plain if plain.is_file() else fetch(published.remote(name), folder)
    return path, read_idx(path)
