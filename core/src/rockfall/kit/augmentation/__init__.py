"""Pictures changed at random, a batch at a time, where they lie.

Each function takes (N, C, H, W) of any type and memory layout and returns a new tensor of the same;
every picture draws for itself, from torch's global generator, so that a resumed run draws the same.
"""

from rockfall.kit.augmentation.colours import colour_jitter
from rockfall.kit.augmentation.geometry import crop, rotate, zoom
from rockfall.kit.augmentation.mixing import cutmix, mixup
from rockfall.kit.augmentation.moves import alternating_flip, cutout, flip, shift

__all__ = [
    "alternating_flip",
    "colour_jitter",
    "crop",
    "cutmix",
    "cutout",
    "flip",
    "mixup",
    "rotate",
    "shift",
    "zoom",
]
