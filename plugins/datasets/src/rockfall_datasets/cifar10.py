"""CIFAR-10: 60,000 small photographs in ten classes."""

from __future__ import annotations

from rockfall import Dataset
from rockfall.kit.downloads import Remote
from rockfall.plugin import Seed
from rockfall_datasets.cifar import Published, open_cifar
from rockfall_datasets.official import Validation

CIFAR10 = Published(
    name="cifar10",
    # SHA-256 and size: TensorFlow Datasets, `tensorflow_datasets/url_checksums/cifar10.txt`; the
    # authors' page gives the MD5 of the same file, c32a1d4ab5d03f1284b67883e8d87530.
    archive=Remote(
        "cifar-10-binary.tar.gz",
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/"
            "cifar-10-binary.tar.gz",
        ),
        "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        170052171,
    ),
    folder="cifar-10-batches-bin",
    train={f"data_batch_{number}.bin": 10_000 for number in range(1, 6)},
    test={"test_batch.bin": 10_000},
    labels=(10,),
    classes=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
)


def cifar10(validation: Validation = 5000, seed: Seed = 0) -> Dataset:
    """50,000 + 10,000 photographs (3, 32, 32) in ten classes.

    Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
    `source.validation=N` training pictures, drawn with `source.seed`, are the validation split.
    """
    return open_cifar(CIFAR10, validation, seed)
