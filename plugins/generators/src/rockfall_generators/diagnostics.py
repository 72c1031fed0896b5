"""Failures of adversarial training, diagnosed while it goes on and reported as warnings.

Mode collapse: the generated examples hardly vary. A discriminator that wins: it is always right,
so that the generator's gradients vanish (Arjovsky and Bottou 2017, "Towards Principled Methods for
Training Generative Adversarial Networks", section 2).
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

import rockfall

EXAMPLES = 512
"""Examples of the training split by which a GAN is diagnosed after an epoch."""
WINNING_ACCURACY = 0.99
"""Accuracy above which the discriminator wins."""
COLLAPSED_VARIANCE = 0.25
"""Variance of generated examples, relative to the data's, below which they have collapsed."""
PATIENCE = 5
"""Consecutive epochs that a failure must last: shorter ones belong to adversarial training."""

COLLAPSED = (
    "mode collapse: the variance of generated examples is only {ratio:.0%} of the data's; more "
    "discriminators (multi-gan), a smaller lr, penalty=r1 or, of pictures, augment=shift,cutout "
    "often help"
)
DISCRIMINATOR_WINS = (
    "the discriminator wins: its accuracy on real and generated examples is {accuracy:.1%}, so "
    "the generator learns little; smooth_real=0.9, a smaller discriminator_lr, spectral_norm=true "
    "or, of pictures, augment=shift,cutout often help"
)


TOO_SHORT = (
    "after {epochs} epochs the variance of generated examples is only {ratio:.0%} of the data's: "
    "mode collapse, or too short a training; a smaller lr or more epochs may help"
)


class DiscriminatorDiagnostics(NamedTuple):
    """accuracy: of the discriminators on as many real as generated examples, 0 … 1.
    variance_ratio: variance of generated examples, relative to the data's.
    """

    accuracy: float
    variance_ratio: float


def variance_ratio(real: Tensor, fake: Tensor) -> float:
    """Variance of generated values (M, …), relative to that of real ones (N, …)."""
    return float(fake.var(0).mean() / real.var(0).mean().clamp(min=1e-12))


class CollapseDiagnostics:
    """Warns of each failure once in a run; what it has seen so far is in the run's state.

    saturates: whether a confident discriminator leaves the generator hardly any gradient; a
    Wasserstein critic does not, and is to be as good as it can.
    """

    def __init__(self, run: rockfall.Run, *, saturates: bool = True) -> None:
        self.run = run
        self.saturates = saturates

    def check(self, diagnostics: DiscriminatorDiagnostics) -> None:
        """Once after every epoch."""
        accuracy, ratio = diagnostics
        self.run.state["diagnosed"] = self.run.state.get("diagnosed", 0) + 1
        wins = self.saturates and accuracy > WINNING_ACCURACY
        self._count("collapsed", ratio < COLLAPSED_VARIANCE, COLLAPSED.format(ratio=ratio))
        self._count("won", wins, DISCRIMINATOR_WINS.format(accuracy=accuracy))

    def end(self, diagnostics: DiscriminatorDiagnostics, epochs: int) -> None:
        """Once after the last epoch: a training of too few epochs for patience warns all the same,
        if its examples were collapsed whenever it was looked.
        """
        ratio = diagnostics.variance_ratio
        always = self.run.state.get("collapsed", 0) == self.run.state.get("diagnosed", 0) > 0
        if always and not self.run.state.get("said collapsed"):
            self.run.state["said collapsed"] = True
            self.run.warn(TOO_SHORT.format(epochs=epochs, ratio=ratio))

    def _count(self, failure: str, present: bool, message: str) -> None:
        state = self.run.state
        state[failure] = state.get(failure, 0) + 1 if present else 0
        if state[failure] == PATIENCE and not state.get(f"said {failure}"):
            state[f"said {failure}"] = True
            self.run.warn(message)
