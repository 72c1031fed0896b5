"""The partition function Z = Σ_v,h exp(−E(v, h)) of a restricted Boltzmann machine.

Exact, by a sum over all states of the smaller layer, if that is small. Else an estimate by annealed
importance sampling, AIS (Neal 2001; Salakhutdinov and Murray 2008, "On the quantitative analysis of
deep belief networks", section 3): chains start at the base-rate model, which has no weights and
whose Z₀ is known, and go through intermediate distributions with weights β W, hidden biases β c and
visible biases (1 − β) b₀ + β b as the inverse temperature β rises from 0 to 1. With F_β the free
energy at β, the importance weight w of a chain that is at v_k when β rises from β_k to β_k+1,

    log w = Σ_k F_{β_k}(v_k) − F_{β_k+1}(v_k)       Z / Z₀ = E[w]

The estimate of Z is unbiased however short the annealing is, but that of log Z is on average too
low, and the more so the more the weights differ: a likelihood then looks too good.

Departures from the paper: 50 chains for its 100; 1,000 intermediate distributions, or 10,000 if too
few chains count after these, for its 14,500, in the same proportions.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall.kit.progress import counted
from rockfall_boltzmann.noise import LogisticNoise

MAX_ENUMERATED = 20
"""Units of the smaller layer up to which the sum over all of its states is computed."""
CHUNK = 2**12
"""States summed at a time: with 784 units of the other layer they take 25 MB."""
CHAINS = 50
STEPS = (1000, 10_000)
"""Intermediate distributions: enough for 256 hidden units on digits, 0.3 seconds for an error of
0.2; and as many as 500 on MNIST need, 19 seconds for an error of 0.2.
"""
MIN_EFFECTIVE_SHARE = 0.25
"""Share of the chains that must count, or else the longer annealing is done."""
SEGMENTS = ((0.5, 500), (0.9, 4000), (1.0, 10_000))
"""The paper's schedule: β at the end of each evenly spaced segment, and its number of steps."""


class Machine(Protocol):
    """What is asked of an RBM: W (D, M), b (D,), c (M,), b₀ (D,) of the base-rate model.

    binary: whether visible units are Bernoulli; else they are Gaussian with variance 1.
    """

    @property
    def weight(self) -> Tensor: ...
    @property
    def visible_bias(self) -> Tensor: ...
    @property
    def hidden_bias(self) -> Tensor: ...
    @property
    def base_bias(self) -> Tensor: ...
    @property
    def binary(self) -> bool: ...


class LogPartition(NamedTuple):
    """value: log Z. error: its standard error; 0 if it is exact.

    chains: how many it was estimated from; 0 if it is exact.
    effective: effective sample size (Σ w)² / Σ w²: 1 if one chain's weight exceeds all others by
        far, all chains if their weights are equal. If it is small, neither value nor error can be
        trusted.
    """

    value: float
    error: float = 0.0
    chains: int = 0
    effective: float = 0.0


def log_partition(machine: Machine) -> LogPartition:
    """Exact if the smaller layer is small, else estimated: by a long annealing if the effective
    sample size of a short one is too small.
    """
    if _smaller_layer(machine) <= MAX_ENUMERATED:
        return LogPartition(exact_log_partition(machine))
    short, long = STEPS
    estimate = annealed_importance_sampling(machine, chains=CHAINS, steps=short)
    if estimate.effective < MIN_EFFECTIVE_SHARE * CHAINS:
        estimate = annealed_importance_sampling(machine, chains=CHAINS, steps=long)
    return estimate


def exact_log_partition(machine: Machine) -> float:
    """log Z by all 2^n states of the n units of the smaller layer, the hidden one if the visible
    units are Gaussian; in float64.
    """
    weight, visible, hidden = machine.weight, machine.visible_bias, machine.hidden_bias
    if machine.binary and len(visible) < len(hidden):
        weight, visible, hidden = weight.T, hidden, visible
    weight, visible, hidden = (t.detach().double() for t in (weight, visible, hidden))
    bits = torch.arange(len(hidden), device=weight.device)
    starts = range(0, 2 ** len(hidden), CHUNK)
    sums = []
    for start in counted(starts, len(starts), "summing over all states, in thousands"):
        numbers = torch.arange(start, min(start + CHUNK, 2 ** len(hidden)), device=bits.device)
        h = (numbers[:, None] >> bits & 1).double()
        log_sum = _log_sum_visible(h @ weight.T + visible, machine.binary)
        sums.append((h @ hidden + log_sum).logsumexp(0))
    return torch.stack(sums).logsumexp(0).item()


@torch.no_grad()
def annealed_importance_sampling(machine: Machine, *, chains: int, steps: int) -> LogPartition:
    """Estimate log Z from `chains` chains, each annealed over `steps` steps from the base rates on.

    The error is the standard error of the mean weight, by the delta method.
    """
    weight, c = machine.weight.contiguous(), machine.hidden_bias
    logistic = LogisticNoise(weight.dtype, weight.device)

    def sample_visible(inputs: Tensor) -> Tensor:
        if machine.binary:
            return (inputs > logistic.sample(*inputs.shape)).to(inputs.dtype)
        return inputs + torch.randn_like(inputs)

    betas = inverse_temperatures(steps).tolist()
    base_bias = machine.base_bias
    bias_change = machine.visible_bias - base_bias
    v = sample_visible(base_bias.expand(chains, -1))
    log_weights = torch.zeros(chains, dtype=torch.float64, device=v.device)
    pairs = list(itertools.pairwise(betas))
    for previous, beta in counted(pairs, len(pairs), "estimating log Z, temperatures"):
        # The weights are multiplied by what the free energy at v falls by …
        inputs = torch.addmm(c, v, weight)
        at_beta = beta * inputs
        change = (F.softplus(at_beta) - F.softplus(previous * inputs)).sum(1, dtype=torch.float64)
        log_weights += change + (beta - previous) * (v @ bias_change)
        # … then v moves on by one Gibbs sweep at the new β.
        h = (at_beta > logistic.sample(*inputs.shape)).to(inputs.dtype)
        v = sample_visible(torch.addmm(base_bias + beta * bias_change, h, weight.T, alpha=beta))
    base = len(c) * math.log(2) + base_log_partition(machine)
    relative = (log_weights - log_weights.max()).exp()
    mean = relative.mean()
    return LogPartition(
        value=base + log_weights.max().item() + mean.log().item(),
        chains=chains,
        error=(relative.std() / mean).item() / math.sqrt(chains),
        effective=(relative.sum().square() / relative.square().sum()).item(),
    )


def inverse_temperatures(steps: int) -> Tensor:
    """β (steps + 1,) from 0 to 1, the paper's three segments in its proportions.

    The last is the longest, since the modes separate there.
    """
    ends, counts = zip(*SEGMENTS, strict=True)
    boundaries = torch.tensor([0, *counts], dtype=torch.float64).cumsum(0) / sum(counts)
    progress = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    segment = torch.bucketize(progress, boundaries[1:-1])
    start = torch.tensor([0.0, *ends], dtype=torch.float64)
    slopes = start.diff() / boundaries.diff()
    return (start[segment] + (progress - boundaries[segment]) * slopes[segment]).clamp(max=1)


def base_log_partition(machine: Machine) -> float:
    """log Z of the visible units of the base-rate model, without hidden units."""
    return _log_sum_visible(machine.base_bias.double(), machine.binary).item()


def _smaller_layer(machine: Machine) -> int:
    visible, hidden = machine.weight.shape
    return min(visible, hidden) if machine.binary else hidden


def _log_sum_visible(inputs: Tensor, binary: bool) -> Tensor:
    """log Σ_v exp(inputs · v), inputs (…, D) → (…,); for Gaussian v, the integral with −½ vᵀv."""
    if binary:
        return F.softplus(inputs).sum(-1)
    return inputs.square().sum(-1) / 2 + inputs.shape[-1] * math.log(2 * math.pi) / 2
