"""Alpha: what is made of a picture on white paper becomes as transparent as the picture was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall.kit.pictures import load_with_alpha, to_image
from rockfall.kit.regular import is_regular

__all__ = ["alpha_of", "with_alpha"]


def alpha_of(path: Path) -> Tensor | None:
    """Alpha (1, H, W) uint8 of a picture file; None if it is opaque, or none that can be read."""
    if not is_regular(path):
        return None
    try:
        found = load_with_alpha(path)
    except RockfallError:
        return None
    return found[3:] if len(found) > 3 else None


def with_alpha(picture: Tensor, alpha: Tensor | None) -> Tensor:
    """(3, H, W) uint8 on white, and alpha (1, h, w) uint8 of any size, → (4, H, W) uint8.

    The white is taken out of the colours, which on white look as before, as far as there are such,
    and on any other colour have no white edges. Without alpha the picture comes back as it is.
    """
    if alpha is None:
        return picture
    _, height, width = picture.shape
    if alpha.shape[1:] != (height, width):
        image = to_image(alpha).resize((width, height), Image.Resampling.BICUBIC)
        alpha = torch.from_numpy(np.array(image))[None]
    alpha = alpha.to(picture.device)
    darkness = (255 - picture.float()) * 255 / alpha.clamp(min=1)
    colours = (255 - darkness).round().clamp(0, 255).to(torch.uint8)
    return torch.cat((colours, alpha))
