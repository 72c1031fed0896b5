"""CIFAR-100: 60,000 small photographs in a hundred classes."""

from __future__ import annotations

from rockfall import Dataset
from rockfall.kit.downloads import Remote
from rockfall.plugin import Seed
from rockfall_datasets.cifar import Published, open_cifar
from rockfall_datasets.official import Validation

# As in the archive's `fine_label_names.txt`, in label order.
CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle
bowl boy bridge bus butterfly camel can castle caterpillar cattle
chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
plain plate poppy porcupine possum rabbit raccoon ray road rocket
rose sea seal shark shrew skunk skyscraper snail snake spider
squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

CIFAR100 = Published(
    name="cifar100",
    # SHA-256 and size: TensorFlow Datasets, `tensorflow_datasets/url_checksums/cifar100.txt`; the
    # authors' page gives the MD5 of the same file, 03b5dce01913d631647c71ecec9e9cb8.
    archive=Remote(
        "cifar-100-binary.tar.gz",
        (
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "https://cave.cs.toronto.edu/kriz/cifar-100-binary.tar.gz",
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/"
            "cifar-100-binary.tar.gz",
        ),
        "sha256:58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        168513733,
    ),
    folder="cifar-100-binary",
    train={"train.bin": 50_000},
    test={"test.bin": 10_000},
    labels=(20, 100),
    classes=tuple(CLASSES.split()),
)


def cifar100(validation: Validation = 5000, seed: Seed = 0) -> Dataset:
    """50,000 + 10,000 photographs (3, 32, 32) in a hundred classes: the fine labels.

    Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images. Options as of `cifar10`.
    """
    return open_cifar(CIFAR100, validation, seed)
