"""The partition function Z = Σ_v,h exp(−E(v, h)) of a restricted Boltzmann machine.

Exact by a sum over all states of the smaller layer. Else by annealed importance sampling (Neal
2001; Salakhutdinov and Murray 2008, "On the quantitative analysis of deep belief networks",
section 3): chains start at the base rates, a machine without weights whose Z₀ is known, and go
through machines with β W, β c and (1 − β) b₀ + β b as β rises from 0 to 1. With F_β the free energy
of one of them, the weight of a chain that is at v_k when β rises from β_k,

    log w = Σ_k F_{β_k}(v_k) − F_{β_k+1}(v_k)       Z / Z₀ = E[w]

E[w] is right however short the annealing is, but log of a mean of few weights is on average too
low, and the more so the more they differ: a likelihood then looks too good.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall.kit.progress import counted
from rockfall_boltzmann.noise import LogisticNoise

if TYPE_CHECKING:
    from rockfall_boltzmann.rbm import Rbm

ENUMERABLE = 20
"""Units of the smaller layer up to which all of its states are gone through."""
AT_ONCE = 2**12
"""States at a time: with 784 units of the other layer they take 25 MB."""
CHAINS = 50
STEPS = (1000, 10_000)
"""Enough for 256 hidden units on digits: 0.3 seconds, an error of 0.2; and as many as 500 on MNIST
need: 19 seconds, an error of 0.2.
"""
ENOUGH = 0.25
"""Share of the chains that must count, lest the longer annealing be done."""
STRETCHES = ((0.5, 500), (0.9, 4000), (1.0, 10_000))
"""Where the paper's stretches of even steps end, and how many each has, in their experiments."""


class Partition(NamedTuple):
    """value: log Z. error: its standard error; 0 if it is exact.

    chains: how many it was estimated from; 0 if it is exact.
    effective: how many of them count: (Σ w)² / Σ w², from 1, if one weight outdoes all others, up
        to all, if every weight is the same. With a few, neither value nor error can be trusted.
    """

    value: float
    error: float = 0.0
    chains: int = 0
    effective: float = 0.0


def log_partition(machine: Rbm) -> Partition:
    """Exact if the smaller layer is small, else estimated; by a longer annealing where a short one
    says itself that it was too short.
    """
    if _smaller(machine) <= ENUMERABLE:
        return Partition(exact(machine))
    short, long = STEPS
    found = annealed(machine, chains=CHAINS, steps=short)
    if found.effective < ENOUGH * CHAINS:
        found = annealed(machine, chains=CHAINS, steps=long)
    return found


def exact(machine: Rbm) -> float:
    """log Z by all 2^n states of the n units of the smaller layer, the hidden one if the visible
    units are real; in float64.
    """
    weight, visible, hidden = machine.weight, machine.visible_bias, machine.hidden_bias
    if machine.binary and len(visible) < len(hidden):
        weight, visible, hidden = weight.T, hidden, visible
    weight, visible, hidden = (t.detach().double() for t in (weight, visible, hidden))
    bits = torch.arange(len(hidden), device=weight.device)
    states = range(0, 2 ** len(hidden), AT_ONCE)
    sums = []
    for first in counted(states, len(states), "summing over all states, in thousands"):
        numbers = torch.arange(first, min(first + AT_ONCE, 2 ** len(hidden)), device=bits.device)
        h = (numbers[:, None] >> bits & 1).double()
        sums.append((h @ hidden + _summed_out(h @ weight.T + visible, machine.binary)).logsumexp(0))
    return torch.stack(sums).logsumexp(0).item()


@torch.no_grad()
def annealed(machine: Rbm, *, chains: int, steps: int) -> Partition:
    """Estimate log Z from `chains` that take `steps` sweeps each, from the machine's base rates on.

    The error is that of the mean weight, carried over to its logarithm to first order.
    """
    weight, c = machine.weight.contiguous(), machine.hidden_bias
    logistic = LogisticNoise(weight.dtype, weight.device)

    def draw_visible(inputs: Tensor) -> Tensor:
        if machine.binary:
            return (inputs > logistic.draw(*inputs.shape)).to(inputs.dtype)
        return inputs + torch.randn_like(inputs)

    betas = schedule(steps).tolist()
    base_bias = machine.base_bias
    shift = machine.visible_bias - base_bias
    v = draw_visible(base_bias.expand(chains, -1))
    log_weights = torch.zeros(chains, dtype=torch.float64, device=v.device)
    pairs = list(itertools.pairwise(betas))
    for before, beta in counted(pairs, len(pairs), "estimating log Z, temperatures"):
        up = torch.addmm(c, v, weight)
        inputs = beta * up
        gained = (F.softplus(inputs) - F.softplus(before * up)).sum(1, dtype=torch.float64)
        log_weights += gained + (beta - before) * (v @ shift)
        h = (inputs > logistic.draw(*up.shape)).to(up.dtype)
        v = draw_visible(torch.addmm(base_bias + beta * shift, h, weight.T, alpha=beta))
    base = len(c) * math.log(2) + base_partition(machine)
    relative = (log_weights - log_weights.max()).exp()
    mean = relative.mean()
    return Partition(
        value=base + log_weights.max().item() + mean.log().item(),
        chains=chains,
        error=(relative.std() / mean).item() / math.sqrt(chains),
        effective=(relative.sum().square() / relative.square().sum()).item(),
    )


def schedule(steps: int) -> Tensor:
    """β (steps + 1,) from 0 to 1, the paper's three stretches in its proportions.

    The last of them is the longest, for that is where the modes part.
    """
    ends, counts = zip(*STRETCHES, strict=True)
    done = torch.tensor([0, *counts], dtype=torch.float64).cumsum(0) / sum(counts)
    places = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    part = torch.bucketize(places, done[1:-1])
    start = torch.tensor([0.0, *ends], dtype=torch.float64)
    slopes = start.diff() / done.diff()
    return (start[part] + (places - done[part]) * slopes[part]).clamp(max=1)


def base_partition(machine: Rbm) -> float:
    """log of the sum of the base rates' visible units, without hidden ones."""
    return _summed_out(machine.base_bias.double(), machine.binary).item()


def _smaller(machine: Rbm) -> int:
    hidden = len(machine.hidden_bias)
    return min(machine.visible, hidden) if machine.binary else hidden


def _summed_out(inputs: Tensor, binary: bool) -> Tensor:
    """log Σ_v exp(inputs · v), inputs (…, D) → (…,); of real v, the integral with −½ vᵀv."""
    if binary:
        return F.softplus(inputs).sum(-1)
    return inputs.square().sum(-1) / 2 + inputs.shape[-1] * math.log(2 * math.pi) / 2
