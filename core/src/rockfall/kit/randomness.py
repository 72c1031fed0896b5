"""Every random generator that a method may draw from, as one state; and random bits in bulk."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["binarise", "fork_rng", "random_sixteen_bits", "seed_everything"]

MT_WORDS = 624
"""Numbers in the state of a Mersenne Twister."""
SIXTEEN_BITS = 2**16
"""How many numbers sixteen bits are."""


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators, on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def seed_of(*words: int) -> int:
    """A seed by these numbers, which has nothing to do with that by others."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))


def random_state() -> dict[str, Any]:
    """The state of all of them, ready for a checkpoint."""
    version, words, gauss = random.getstate()
    numpy = np.random.get_state(legacy=False)
    return {
        "python": [version, np.array(words, np.uint32), gauss],
        "numpy": numpy,
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Inverse of `random_state`. CUDA's part is used where there are as many devices."""
    place = state["numpy"]["state"]["pos"]
    if type(place) is not int or not 0 <= place <= MT_WORDS:  # NumPy would read there all the same
        raise ValueError(f"a place of {place} among {MT_WORDS} numbers")
    version, words, gauss = state["python"]
    random.setstate((version, tuple(map(int, words)), gauss))
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


@contextlib.contextmanager
def fork_rng(seed: int | None = None) -> Iterator[None]:
    """Whatever is drawn inside changes nothing outside; inside starts at `seed` if given."""
    state = random_state()
    try:
        if seed is not None:
            seed_everything(seed)
        yield
    finally:
        set_random_state(state)


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """As `fork_rng`, and whatever is done to torch's gradient mode inside is undone too."""
    with fork_rng(), torch.set_grad_enabled(torch.is_grad_enabled()):
        yield


def random_sixteen_bits(count: int, device: torch.device) -> Tensor:
    """(count,) int16, any of the 65,536 with the same probability, from torch's global generator.

    A random word has four of them, so that they take a fraction of the time of as many floats.
    """
    words = torch.empty(-(-count // 4), dtype=torch.int64, device=device)
    return words.random_(-(2**63), None).view(torch.int16)[:count]


def binarise(probabilities: Tensor, out: Tensor | None = None) -> Tensor:
    """Bernoulli samples of probabilities, zeros and ones of the same shape and dtype.

    Each is compared with sixteen random bits: a tenth of the time that `torch.bernoulli` takes. The
    probability of a 1 is right to 8e-6, and exact at 0 and 1. out: where to write them, of any
    dtype.
    """
    bits = random_sixteen_bits(probabilities.numel(), probabilities.device)
    # The midpoints of 65,536 equal parts of 0 … 1.
    thresholds = bits.view(probabilities.shape).float()
    thresholds.add_((SIXTEEN_BITS + 1) / 2).mul_(1 / SIXTEEN_BITS)
    if out is None:
        out = torch.empty_like(probabilities)
    return torch.gt(probabilities, thresholds, out=out)
