"""`blends`: makes examples from latents, and finds the latents of examples, so that what lies
between two can be seen. A finished run leaves a walk between four of them.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset, fork_rng
from rockfall.kit.drawing import are_pictures, below, beside, in_rows, page, sheet
from rockfall_capabilities.blends.interpolation import mixed
from rockfall_capabilities.blends.representatives import representatives
from rockfall_capabilities.samples.capability import conditional

SIDE = 8
"""Pictures along a side of the walk."""


@runtime_checkable
class Blends(Protocol):
    """Makes examples from latents, and finds the latents of examples."""

    spherical: bool
    """Whether latents lie about a sphere, as Gaussian noise of many dimensions does, so that blends
    keep its radius.
    """

    def latents(self, inputs: Tensor, labels: Tensor, /) -> Tensor:
        """Inputs (N, …) as the source gives them and labels (N,) int64 → latents (N, D).

        A label is −1 where it is unknown. The latents of a model that can be told classes end with
        theirs, one-hot, so that to blend two classes blends those too; such a model is given no −1.
        May draw from torch's global generator, to begin a search, say. There are no gradients
        unless the model turns them on.
        """

    def decode(self, latents: Tensor, /) -> Tensor:
        """(N, D) → (N, …) of the source's shape and type; always the same of the same."""


def check(model: Blends, source: Dataset) -> None:
    """A finite latent an example, which the seed decides, and an example a latent."""
    inputs, labels = source.train[:5]
    if not conditional(model):
        labels = torch.full_like(labels, -1)
    found = []
    for _ in range(2):
        with fork_rng(seed=0):
            found.append(model.latents(inputs, labels))
    latents, again = found
    assert latents.ndim == 2 and len(latents) == len(inputs), f"latents gave {tuple(latents.shape)}"
    assert latents.is_floating_point(), f"latents gave {latents.dtype}"
    assert torch.isfinite(latents).all(), "latents must be finite"
    assert torch.equal(latents, again), "the same seed must give the same latents"
    made = model.decode(latents)
    assert made.shape == inputs.shape, f"decode gave {tuple(made.shape)}"
    assert made.dtype == inputs.dtype, f"decode gave {made.dtype}, not {inputs.dtype}"
    assert torch.isfinite(made).all(), "what is decoded must be finite"
    assert torch.equal(made, model.decode(latents)), "decode must be deterministic"
    assert isinstance(model.spherical, bool), f"spherical must be a bool, not {model.spherical!r}"


def pictures(model: Blends, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures `blends`: between four test examples of different classes, if there are so many,
    what the model makes of the weighted sums of their latents.
    """
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    present = source.test.labels.unique().tolist()
    corners = representatives(source.test, [present[k * len(present) // 4] for k in range(4)])
    latents = model.latents(*corners)
    weights = corner_weights(SIDE).to(latents)
    made = model.decode(mixed(latents, weights, spherical=model.spherical))
    walk = sheet(in_rows(made, SIDE))
    given = [sheet(in_rows(picture)) for picture in corners.inputs.split(1)]
    room = walk.height - given[0].height - given[2].height
    left, right = (below([given[k], given[k + 2]], room) for k in (0, 1))
    note = (
        "In the corners: four test examples. Between: what it makes of weighted sums of their "
        "latents."
    )
    return {"blends": page("A walk through latent space", note, beside([left, walk, right], 12))}


def corner_weights(side: int) -> Tensor:
    """Of the corners of a square for each of its places, row by row: (side², 4), bilinear.

    The corners are the upper left, the upper right, the lower left and the lower right.
    """
    share = torch.linspace(0, 1, side)
    ends = torch.stack((1 - share, share), 1)  # (side, 2)
    return torch.einsum("ya,xb->yxab", ends, ends).reshape(-1, 4)
