"""What the discriminator and the generator minimise, of logits (N,): the value of the game."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from torch import Tensor
from torch.nn import functional as F

Name = Literal["non-saturating", "minimax", "wasserstein"]


class Objective(Protocol):
    def discriminator(self, real: Tensor, fake: Tensor, /) -> Tensor:
        """Logits (N,) and (M,) of one discriminator → its loss, a scalar."""

    def generator(self, fake: Tensor, /) -> Tensor:
        """Logits (M,) of one discriminator → what the generator loses to it, a scalar."""


class NonSaturating(NamedTuple):
    """Goodfellow et al. 2014, section 3: the generator maximises log D(G(z)).

    real, fake: what the discriminator is to say of each; 0.9 and 0 is one-sided label smoothing
    (Salimans et al. 2016, section 3.4), 0.9 and 0.1 two-sided.
    """

    real: float = 1.0
    fake: float = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return _says(real, self.real) + _says(fake, self.fake)

    def generator(self, fake: Tensor) -> Tensor:
        return F.softplus(-fake).mean()


class Minimax(NonSaturating):
    """Goodfellow et al. 2014, equation 1: the generator minimises log(1 − D(G(z))).

    Where the discriminator is sure, hardly any gradient is left.
    """

    def generator(self, fake: Tensor) -> Tensor:
        return -F.softplus(fake).mean()


class Wasserstein:
    """Arjovsky, Chintala and Bottou 2017, equations 2 and 3: D is a critic, whose mean difference
    is the distance as long as its slope is bounded.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor) -> Tensor:
        return -fake.mean()


def objective(name: Name, real: float, fake: float) -> Objective:
    """Raises ValueError for labels smoothed where there are none, or the wrong way round."""
    if name == "wasserstein":
        if (real, fake) != (1.0, 0.0):
            raise ValueError("objective=wasserstein has no labels to smooth")
        return Wasserstein()
    if real <= fake:
        raise ValueError(f"smooth_real={real} must be more than smooth_fake={fake}")
    return (NonSaturating if name == "non-saturating" else Minimax)(real, fake)


def _says(logits: Tensor, target: float) -> Tensor:
    """Cross-entropy of what is said to a label between 0 and 1."""
    return F.softplus(logits).mean() - target * logits.mean()
