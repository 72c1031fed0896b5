"""Contrastive divergence (CD-k, PCD-k): its settings, and one update as the textbook has it.

Hinton 2002, "Training products of experts by minimizing contrastive divergence"; Tieleman 2008,
"Training restricted Boltzmann machines using approximations to the likelihood gradient"; momentum,
weight decay and sparsity are those of Hinton 2012, "A practical guide to training restricted
Boltzmann machines". From a batch v⁺ of B examples, with B Markov chains:

    positive phase  p⁺ = P(h = 1 | v⁺)
    Gibbs chain     v⁻ = k sweeps of h | v, v | h; from v⁺ (CD), from where the chain was (PCD)
    negative phase  p⁻ = P(h = 1 | v⁻)
    gradient        ΔW = (v⁺ᵀp⁺ − v⁻ᵀp⁻) / B      Δb = mean(v⁺ − v⁻)      Δc = mean(p⁺ − p⁻)

`ContrastiveDivergence` is the reference, for readers and for tests. What trains an RBM is
`fast_contrastive_divergence.py`, which computes the same in a third of the time; a test compares
the two, given the same random numbers.

Departures, of both:
- A PCD chain's first hidden units are sampled from the pre-activations that the last update's
  negative phase computed, hence with weights that are one update old, as in scikit-learn's
  `BernoulliRBM`. That saves a matrix product.
- Visible units of the chain are sampled; Hinton (section 3.2) also uses their probabilities.
- Weight decay is decoupled: W shrinks by a factor of 1 − lr · weight_decay at each update, which
  momentum does not accumulate; in Hinton's guide (section 10) it is part of the gradient.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from rockfall_boltzmann.energy import EnergyConfig

ACTIVITY_DECAY = 0.9
"""Decay rate of the averaged activities that the sparsity target is compared with (Hinton 2012,
section 11.1: from 0.9 to 0.99)."""


class ContrastiveDivergenceConfig(EnergyConfig):
    binarise: bool = Field(
        True,
        description="sample binary visible states from the data, anew each time an example is "
        "used, which regularises; false: train on the probabilities themselves",
    )
    method: Literal["pcd", "cd"] = Field(
        "pcd",
        description="training algorithm; pcd: persistent contrastive divergence, whose Markov "
        "chains go on from update to update; cd: contrastive divergence, chains start at the data",
    )
    k: int = Field(1, ge=1, description="Gibbs sweeps an update: the k of CD-k and PCD-k")
    momentum: float = Field(
        0.0, ge=0, lt=1, description="momentum coefficient; 0: plain gradient steps"
    )
    sparsity_target: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="sparsity target: mean activity that each hidden unit is regularised towards; "
        "0: no sparsity penalty",
    )
    sparsity_cost: float = Field(
        0.1, ge=0, description="coefficient of the sparsity penalty, which a target switches on"
    )


class SweepNoise(NamedTuple):
    """Random numbers of one Gibbs sweep: hidden (B, M), visible (B, D).

    A binary unit with pre-activation a is on where a exceeds logistic noise, which is so with
    probability σ(a). A Gaussian unit is its mean plus standard normal noise.
    """

    hidden: Tensor
    visible: Tensor


class ContrastiveDivergence:
    """The reference update: changes weight W (D, M), visible_bias b (D,), hidden_bias c (M,) and
    chains (B, D) in place.

    binary: whether visible units are Bernoulli; else they are Gaussian with variance 1.
    """

    def __init__(
        self,
        weight: Tensor,
        visible_bias: Tensor,
        hidden_bias: Tensor,
        chains: Tensor,
        config: ContrastiveDivergenceConfig,
        *,
        binary: bool,
    ) -> None:
        self.weight, self.visible_bias, self.hidden_bias = weight, visible_bias, hidden_bias
        self.chains, self.config, self.binary = chains, config, binary
        self.velocities = [torch.zeros_like(p) for p in (weight, visible_bias, hidden_bias)]
        self.chain_inputs = chains @ weight + hidden_bias
        self.activity = torch.full_like(hidden_bias, config.sparsity_target)

    def update(self, v: Tensor, lr: float, noise: Iterable[SweepNoise]) -> None:
        """One update from v⁺ (B, D), with the noise of k sweeps; B at most that of the chains."""
        config, size = self.config, len(v)
        w, b, c = self.weight, self.visible_bias, self.hidden_bias

        # Positive phase.
        positive = torch.sigmoid(v @ w + c)

        # Gibbs chain.
        inputs = v @ w + c if config.method == "cd" else self.chain_inputs[:size]
        negative_v = v
        for hidden_noise, visible_noise in noise:
            h = (inputs > hidden_noise).to(v.dtype)
            mean = h @ w.T + b
            sampled = mean > visible_noise if self.binary else mean + visible_noise
            negative_v = sampled.to(v.dtype)
            inputs = negative_v @ w + c
        self.chains[:size], self.chain_inputs[:size] = negative_v, inputs

        # Negative phase.
        negative = torch.sigmoid(inputs)

        # Sparsity: the gradient of a cross-entropy with the target, by every pre-activation.
        if config.sparsity_target:
            self.activity.lerp_(positive.mean(0), 1 - ACTIVITY_DECAY)
            positive = positive + config.sparsity_cost * (config.sparsity_target - self.activity)

        # Gradient, weight decay, momentum.
        gradients = (
            (v.T @ positive - negative_v.T @ negative) / size,
            (v - negative_v).mean(0),
            (positive - negative).mean(0),
        )
        w *= 1 - lr * config.weight_decay
        for parameter, velocity, gradient in zip(
            (w, b, c), self.velocities, gradients, strict=True
        ):
            velocity.mul_(config.momentum).add_(gradient)
            parameter.add_(velocity, alpha=lr)

    def sample_noise(self, size: int) -> list[SweepNoise]:
        """The noise of one update of a batch of `size`, from torch's global generator."""
        noise = []
        for _ in range(self.config.k):
            hidden, visible = (
                self.weight.new_empty(size, len(bias))
                for bias in (self.hidden_bias, self.visible_bias)
            )
            hidden.uniform_().logit_()
            if self.binary:
                visible.uniform_().logit_()
            else:
                visible.normal_()
            noise.append(SweepNoise(hidden, visible))
        return noise
