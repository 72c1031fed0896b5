"""CD-k and PCD-k on a restricted Boltzmann machine, some microseconds an update.

Hinton 2002; Tieleman 2008. From a batch v⁺ of B examples to B chains:

    v⁻  = k sweeps from the data (CD) or from where the chains were (PCD)
    Δθ  = ([v⁺ 1]ᵀ [P(h | v⁺) 1] − [v⁻ 1]ᵀ [P(h | v⁻) 1]) / B

The biases are in θ, and a one is added to every v and h. So the pre-activations of both phases are
one matrix product, the whole gradient is another, and nothing is allocated in between: on digits,
with 100 hidden units, an update takes some 30 µs. The one product also means that a PCD chain's
first hidden units are drawn by the weights of one update ago. Large machines multiply in bf16 where
the device gains from it: units that are drawn are exact in it, probabilities are rounded to 8 bits,
and θ stays float32.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rockfall_boltzmann.noise import LogisticNoise, UniformNoise

if TYPE_CHECKING:
    from rockfall_boltzmann.rbm import Rbm

DRAWN = 400_000
"""Random numbers that are drawn in one go."""
KEPT = ("velocity", "chain_inputs", "activity")
"""What a learner remembers from update to update."""
MEMORY = 0.9
"""Of the mean activities that the sparsity target is held against (Hinton 2010, section 11.1)."""


class ContrastiveDivergence:
    """CD-k and PCD-k: changes a machine's θ and chains in place."""

    def __init__(self, machine: Rbm, dtype: torch.dtype) -> None:
        """dtype: of the products."""
        self.config = machine.config
        self.binary = machine.binary
        self.theta, self.chains = machine.theta.data, machine.chains
        self.dtype = dtype
        self.low = None if dtype == self.theta.dtype else self.theta.to(dtype)
        self.gradient = torch.empty_like(self.theta, dtype=dtype)
        self.velocity = torch.zeros_like(self.theta)
        self.chain_inputs = self.chains @ machine.weight + machine.hidden_bias
        self.activity = self.theta.new_full((self.config.hidden,), self.config.sparsity)
        self.logistic = LogisticNoise(dtype, self.theta.device)
        self.phases: dict[tuple[int, int], Phases] = {}
        self.drawn: dict[tuple[int, int], Drawn] = {}
        self.uniform = UniformNoise(torch.float32, self.theta.device)

    def learn(self, v: Tensor, lr: float) -> None:
        size = self.config.batch_size
        whole = len(v) // size * size
        for batches in (v[:whole].view(-1, size, v.shape[1]), v[None, whole:]):
            if batches.numel():
                self.update(batches, lr)

    def update(self, batches: Tensor, lr: float) -> None:
        """U updates, each from one of the batches (U, B, D)."""
        config = self.config
        updates, size, _ = batches.shape
        if (updates, size) not in self.phases:
            self.phases[updates, size] = Phases(self.theta, updates, size, self.dtype)
        now = self.phases[updates, size]
        if self.binary and config.binarise:
            torch.gt(batches, self.uniform.fill(now.thresholds), out=now.data)
        else:
            now.data.copy_(batches)
        theta = self.refreshed()
        up, down = theta[:, :-1], theta[:-1].T
        draw_visible: Any = torch.gt if self.binary else torch.add
        persistent = config.method == "pcd"
        now.negative_inputs.copy_(self.chain_inputs[:size])
        noise = self.noise(updates * config.k, size)
        for v, v_transposed, negative_v, negative_units in now.views:
            start = now.negative_inputs
            if not persistent:
                start = torch.mm(v[:size], up, out=now.positive_inputs)
            for sweep in range(config.k):
                if sweep:
                    start = torch.mm(negative_v, up, out=now.negative_inputs)
                of_hidden, of_visible = next(noise)
                torch.gt(start, of_hidden, out=now.drawn_units)
                torch.mm(now.drawn, down, out=now.mean)
                draw_visible(now.mean, of_visible, out=negative_units)
            if persistent:
                torch.mm(v, up, out=now.inputs)
            else:
                torch.mm(negative_v, up, out=now.negative_inputs)
            torch.sigmoid(now.inputs, out=now.units)
            now.negative_units.neg_()
            if config.sparsity:
                self.activity.lerp_(now.positive_units.mean(0).float(), 1 - MEMORY)
                pull = config.sparsity_cost * (config.sparsity - self.activity)
                now.positive_units.add_(pull)
            self.step(v_transposed, now.h, lr, size)
        self.chains[:size] = now.v[-1, size:, :-1]
        self.chain_inputs[:size] = now.negative_inputs

    def step(self, v: Tensor, h: Tensor, lr: float, size: int) -> None:
        """θ ← θ + lr · (momentum · last step + v (D + 1, 2B) h (2B, M + 1) / B − decay)."""
        config, theta = self.config, self.theta
        if config.weight_decay:
            theta[:-1, :-1].mul_(1 - lr * config.weight_decay)
        if self.low is None and not config.momentum:
            theta.addmm_(v, h, alpha=lr / size)
            return
        gradient = torch.mm(v, h, out=self.gradient)
        if config.momentum:
            gradient = self.velocity.mul_(config.momentum).add_(gradient, alpha=1 / size)
            theta.add_(gradient, alpha=lr)
        else:
            theta.add_(gradient, alpha=lr / size)
        self.refreshed()

    def refreshed(self) -> Tensor:
        """θ as the products take it."""
        return self.theta if self.low is None else self.low.copy_(self.theta)

    def noise(self, sweeps: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """For each sweep, what hidden (B, M) and visible units (B, D) are drawn with."""
        visible, hidden = len(self.theta) - 1, self.config.hidden
        at_once = min(sweeps, max(1, DRAWN // (size * (visible + hidden))))
        if (at_once, size) not in self.drawn:
            of_both = (
                torch.empty(at_once, size, units, dtype=self.dtype, device=self.theta.device)
                for units in (hidden, visible)
            )
            self.drawn[at_once, size] = Drawn(*of_both)
        drawn = self.drawn[at_once, size]
        for _ in range(0, sweeps, at_once):
            self.logistic.fill(drawn.of_hidden)
            if self.binary:
                self.logistic.fill(drawn.of_visible)
            else:
                drawn.of_visible.normal_()
            yield from drawn.sweeps

    def state_dict(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in KEPT}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        for name in KEPT:
            getattr(self, name).copy_(state[name])


class Phases:
    """Room for the updates of a block, and views of it that would cost much to make each time.

    v: (U, 2B, D + 1), h: (2B, M + 1), of one update: in rows, the positive phase above the
    negative one; in the last column, the ones that the biases are multiplied by, −1 in the
    negative rows of h, since h is what the gradient vᵀh is taken with.
    """

    def __init__(self, theta: Tensor, updates: int, size: int, dtype: torch.dtype) -> None:
        visible, hidden = (side - 1 for side in theta.shape)
        room = functools.partial(torch.ones, dtype=dtype, device=theta.device)
        self.v = room(updates, 2 * size, visible + 1)
        self.data = self.v[:, :size, :-1]
        self.thresholds = torch.empty(updates, size, visible, device=theta.device)
        self.h = room(2 * size, hidden + 1)
        self.h[size:, -1] = -1
        self.units = self.h[:, :-1]
        self.positive_units, self.negative_units = self.units[:size], self.units[size:]
        self.inputs = room(2 * size, hidden)
        self.positive_inputs, self.negative_inputs = self.inputs[:size], self.inputs[size:]
        self.drawn = room(size, hidden + 1)
        self.drawn_units = self.drawn[:, :-1]
        self.mean = room(size, visible)
        negative_v = self.v[:, size:]
        views = (self.v, self.v.mT, negative_v, negative_v[..., :-1])
        self.views = list(zip(*(view.unbind() for view in views), strict=True))


class Drawn:
    """Room for the noise of some sweeps."""

    def __init__(self, of_hidden: Tensor, of_visible: Tensor) -> None:
        self.of_hidden, self.of_visible = of_hidden, of_visible
        self.sweeps = list(zip(of_hidden.unbind(), of_visible.unbind(), strict=True))
