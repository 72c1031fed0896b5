"""Signs that a GAN's training goes wrong, noticed while it learns and said in words.

Mode collapse: what is made hardly varies. A discriminator that has won: it is always right, so that
its gradients say little (Arjovsky and Bottou 2017, "Towards Principled Methods for Training
Generative Adversarial Networks", section 2).
"""

from __future__ import annotations

from torch import Tensor

import rockfall

WON = 0.99
"""Share of examples that a discriminator tells apart which has won."""
LITTLE = 0.25
"""Of the variance of the data, which examples that have collapsed stay below."""
PATIENCE = 5
"""Epochs in a row for which a sign must be seen: what comes and goes is part of the game."""

COLLAPSED = (
    "mode collapse: what is made varies by only {share:.0%} of what the data does; more "
    "discriminators (multi-gan), a smaller lr, penalty=r1 or, of pictures, augment=shift,cutout "
    "often help"
)
HAS_WON = (
    "the discriminator has won: it tells {share:.1%} of real and made examples apart, so the "
    "generator learns little; smooth_real=0.9, a smaller discriminator_lr, spectral_norm=true or, "
    "of pictures, augment=shift,cutout often help"
)


def variety(real: Tensor, fake: Tensor) -> float:
    """Variance of made values (M, …), as a share of that of real ones (N, …)."""
    return float(fake.var(0).mean() / real.var(0).mean().clamp(min=1e-12))


class Signs:
    """Says each thing once in a run; what it has seen so far is in the run's state.

    saturates: whether a sure discriminator leaves hardly any gradient; of a critic it is wanted.
    """

    def __init__(self, run: rockfall.Run, *, saturates: bool = True) -> None:
        self.run = run
        self.saturates = saturates

    def look(self, accuracy: float, variety: float) -> None:
        """After an epoch. accuracy: share of real and made examples that are told apart. variety:
        variance of what is made, as a share of the data's.
        """
        self._seen("collapsed", variety < LITTLE, COLLAPSED.format(share=variety))
        won = self.saturates and accuracy > WON
        self._seen("won", won, HAS_WON.format(share=accuracy))

    def _seen(self, sign: str, now: bool, message: str) -> None:
        state = self.run.state
        state[sign] = state.get(sign, 0) + 1 if now else 0
        if state[sign] == PATIENCE and not state.get(f"said {sign}"):
            state[f"said {sign}"] = True
            self.run.warn(message)
