"""Contrastive divergence (CD-k, PCD-k) at some microseconds an update.

It computes what `contrastive_divergence.py` does, which a test checks. How it saves time:

- Both biases lie in the last row and column of one matrix θ (D + 1, M + 1), and a constant 1 is
  appended to every v and h. So one matrix product gives the whole gradient, and each of the two
  phases' pre-activations needs no bias added.
- The rows of a batch and of its chains stand in one matrix, so that PCD has one matrix product for
  the pre-activations of both phases. It comes after the Gibbs chain, which is why a chain's first
  hidden units are sampled with the weights of one update ago.
- The −1 that the negative phase is subtracted by is in the buffers: vᵀh of both phases' rows is the
  difference of the phases' products.
- An update allocates nothing: every product, sample and sigmoid is written into a buffer.
  Views of buffers are made once, since each would cost as much as a small product.
- Noise is drawn for many sweeps at once (`noise.py`), units are sampled without a sigmoid, and the
  data of many updates is binarised at once.
- On a GPU, whose kernels for so little take longer to launch than to compute, the updates of a
  block are recorded as one CUDA graph. It reads the learning rate from the device.

On digits, with 100 hidden units, an update takes some 20 µs. Large machines multiply in bf16 where
the device gains from it: sampled binary units are exact in it, probabilities are rounded to 8 bits,
and θ stays float32.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import rockfall
from rockfall.kit.randomness import binarise
from rockfall_boltzmann.contrastive_divergence import (
    ACTIVITY_DECAY,
    ContrastiveDivergenceConfig,
    SweepNoise,
)
from rockfall_boltzmann.noise import LogisticNoise

NOISE_AT_ONCE, GPU_NOISE_AT_ONCE = 400_000, 10_000_000
"""Most random numbers drawn at once: many, to spread the cost of a call, but a CPU's cache holds
them; on another device, 20 MB of them.
"""
STATE = ("velocity", "chain_inputs", "activity")
"""What is carried from update to update, and so belongs in a checkpoint."""


class FastContrastiveDivergence:
    """Changes θ (D + 1, M + 1) and the chains (B, D) in place."""

    def __init__(
        self,
        theta: Tensor,
        chains: Tensor,
        config: ContrastiveDivergenceConfig,
        *,
        binary: bool,
        dtype: torch.dtype,
        run: rockfall.Run | None = None,
    ) -> None:
        """binary: whether visible units are Bernoulli, not Gaussian. dtype: of the products.
        run: captures the updates, if there is one.
        """
        self.config = config
        self.binary = binary
        self.theta, self.chains = theta, chains
        self.dtype = dtype
        self.low_precision_theta = None if dtype == theta.dtype else theta.to(dtype)
        self.gradient = torch.empty_like(theta, dtype=dtype)
        self.velocity = torch.zeros_like(theta)
        self.chain_inputs = chains @ theta[:-1, :-1] + theta[-1, :-1]
        self.activity = theta.new_full((config.hidden,), config.sparsity_target)
        self.lr: float | Tensor = theta.new_zeros(()) if theta.device.type == "cuda" else 0.0
        """A tensor where a CUDA graph reads it."""
        self.logistic = LogisticNoise(dtype, theta.device)
        self.buffers: dict[tuple[int, int], Buffers] = {}
        self.noise_buffers: dict[tuple[int, int], NoiseBuffers] = {}
        self.captured_update = run.capture(self.update) if run else self.update

    def partial_fit(self, v: Tensor, lr: float) -> None:
        """One update for every `batch_size` rows of v (N, D); the last has the rest."""
        if isinstance(self.lr, Tensor):
            self.lr.fill_(lr)
        else:
            self.lr = lr
        size = self.config.batch_size
        whole = len(v) // size * size
        for batches in (v[:whole].view(-1, size, v.shape[1]), v[None, whole:]):
            if batches.numel():
                self.captured_update(batches)

    def update(self, batches: Tensor) -> None:
        """U updates, each from one of the batches (U, B, D)."""
        config = self.config
        updates, size, _ = batches.shape
        if (updates, size) not in self.buffers:
            self.buffers[updates, size] = Buffers(self.theta, updates, size, self.dtype)
        buffers = self.buffers[updates, size]
        if self.binary and config.binarise:
            binarise(batches, out=buffers.data)
        else:
            buffers.data.copy_(batches)
        theta = self.theta if self.low_precision_theta is None else self.low_precision_theta
        up, down = theta[:, :-1], theta[:-1].T  # [v 1] → a of h, [h 1] → a of v
        sample_visible: Any = torch.gt if self.binary else torch.add
        persistent = config.method == "pcd"
        buffers.negative_inputs.copy_(self.chain_inputs[:size])
        noise = self.noise(updates * config.k, size)
        for v, v_transposed, negative_v, negative_visible in buffers.views:
            if self.low_precision_theta is not None:  # θ as the products take it, rounded anew
                self.low_precision_theta.copy_(self.theta)
            # Gibbs chain. `start`: pre-activations of h at which the chain is.
            start = buffers.negative_inputs
            if not persistent:
                start = torch.mm(v[:size], up, out=buffers.positive_inputs)
            for sweep in range(config.k):
                if sweep:
                    start = torch.mm(negative_v, up, out=buffers.negative_inputs)
                hidden_noise, visible_noise = next(noise)
                torch.gt(start, hidden_noise, out=buffers.sampled_hidden)
                torch.mm(buffers.sampled_h, down, out=buffers.visible_inputs)
                sample_visible(buffers.visible_inputs, visible_noise, out=negative_visible)
            # Positive and negative phase: rows of one product. CD has the positive half already.
            if persistent:
                torch.mm(v, up, out=buffers.inputs)
            else:
                torch.mm(negative_v, up, out=buffers.negative_inputs)
            torch.sigmoid(buffers.inputs, out=buffers.hidden)
            buffers.negative_hidden.neg_()
            if config.sparsity_target:
                mean = buffers.positive_hidden.mean(0).to(self.activity.dtype)
                self.activity.lerp_(mean, 1 - ACTIVITY_DECAY)
                penalty = config.sparsity_cost * (config.sparsity_target - self.activity)
                buffers.positive_hidden.add_(penalty)
            self.step(v_transposed, buffers.h, size)
        self.chains[:size] = buffers.v[-1, size:, :-1]
        self.chain_inputs[:size] = buffers.negative_inputs

    def step(self, v: Tensor, h: Tensor, size: int) -> None:
        """Weight decay, then θ ← θ + lr · velocity, velocity ← momentum · velocity + gradient.

        v: (D + 1, 2B); h: (2B, M + 1), negative rows negated; so the gradient is v h / B.
        """
        config, theta, lr = self.config, self.theta, self.lr
        if config.weight_decay:
            theta[:-1, :-1].mul_(1 - lr * config.weight_decay)
        rate = lr if config.momentum else lr / size
        in_one = self.low_precision_theta is None and not config.momentum
        if in_one and not isinstance(rate, Tensor):
            theta.addmm_(v, h, alpha=rate)
            return
        gradient = torch.mm(v, h, out=self.gradient)
        if config.momentum:
            gradient = self.velocity.mul_(config.momentum).add_(gradient, alpha=1 / size)
        if isinstance(rate, Tensor):
            theta.addcmul_(gradient, rate)
        else:
            theta.add_(gradient, alpha=rate)

    def noise(self, sweeps: int, size: int) -> Iterator[SweepNoise]:
        """The noise of each sweep of a batch of `size`; that of later ones overwrites it."""
        visible, hidden = len(self.theta) - 1, self.config.hidden
        most = NOISE_AT_ONCE if self.theta.device.type == "cpu" else GPU_NOISE_AT_ONCE
        at_once = min(sweeps, max(1, most // (size * (visible + hidden))))
        if (at_once, size) not in self.noise_buffers:
            self.noise_buffers[at_once, size] = NoiseBuffers(
                *(
                    torch.empty(at_once, size, units, dtype=self.dtype, device=self.theta.device)
                    for units in (hidden, visible)
                )
            )
        buffers = self.noise_buffers[at_once, size]
        for _ in range(0, sweeps, at_once):
            self.logistic.fill(buffers.hidden)
            if self.binary:
                self.logistic.fill(buffers.visible)
            else:
                buffers.visible.normal_()
            yield from buffers.sweeps

    def state_dict(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in STATE}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        for name in STATE:
            getattr(self, name).copy_(state[name])


class Buffers:
    """Memory for U updates of B examples, and views of it.

        v (U, 2B, D + 1)                    h (2B, M + 1), of one update at a time
        ┌──────────────────┬───┐            ┌───────────────────┬────┐
        │ v⁺: data         │ 1 │            │  P(h | v⁺)        │  1 │
        ├──────────────────┼───┤            ├───────────────────┼────┤
        │ v⁻: chains       │ 1 │            │ −P(h | v⁻)        │ −1 │
        └──────────────────┴───┘            └───────────────────┴────┘

    inputs (2B, M): pre-activations of the hidden units, in the same rows.
    sampled_h (B, M + 1): sampled hidden units of the chains, beside a 1; visible_inputs (B, D):
    what they make the visible units' pre-activations.
    views: of each update, v (2B, D + 1), its transpose, its lower half, that without the ones.
    """

    def __init__(self, theta: Tensor, updates: int, size: int, dtype: torch.dtype) -> None:
        visible, hidden = (side - 1 for side in theta.shape)
        ones = functools.partial(torch.ones, dtype=dtype, device=theta.device)
        self.v = ones(updates, 2 * size, visible + 1)
        self.data = self.v[:, :size, :-1]
        self.h = ones(2 * size, hidden + 1)
        self.h[size:, -1] = -1
        self.hidden = self.h[:, :-1]
        self.positive_hidden, self.negative_hidden = self.hidden[:size], self.hidden[size:]
        self.inputs = ones(2 * size, hidden)
        self.positive_inputs, self.negative_inputs = self.inputs[:size], self.inputs[size:]
        self.sampled_h = ones(size, hidden + 1)
        self.sampled_hidden = self.sampled_h[:, :-1]
        self.visible_inputs = ones(size, visible)
        negative_v = self.v[:, size:]
        views = (self.v, self.v.mT, negative_v, negative_v[..., :-1])
        self.views = list(zip(*(view.unbind() for view in views), strict=True))


class NoiseBuffers:
    """Memory for the noise of S sweeps: hidden (S, B, M), visible (S, B, D); and views of each."""

    def __init__(self, hidden: Tensor, visible: Tensor) -> None:
        self.hidden, self.visible = hidden, visible
        self.sweeps = list(map(SweepNoise, hidden.unbind(), visible.unbind()))
