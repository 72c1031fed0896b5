"""The restricted Boltzmann machine: binary hidden units, no connections within a layer.

Smolensky 1986; Hinton 2002, "Training products of experts by minimizing contrastive divergence";
Tieleman 2008, "Training restricted Boltzmann machines using approximations to the likelihood
gradient" (persistent chains). With W (D, M), visible biases b and hidden biases c:

    E(v, h) = −bᵀv − cᵀh − vᵀWh                      v binary; real ones add ½ vᵀv
    F(v)    = −bᵀv − Σ_j softplus(c_j + vᵀW_j)
    P(h_j = 1 | v) = σ(c_j + vᵀW_j)
    P(v_i = 1 | h) = σ(b_i + W_i h)                  real: v | h ~ N(b + Wh, 1)

One update of CD-k or PCD-k, from a batch v⁺ of B examples to B chains:

    v⁻  = k sweeps from the data (CD) or from where the chains were (PCD)
    ΔW  = (v⁺ᵀ P(h | v⁺) − v⁻ᵀ P(h | v⁻)) / B       and alike for b, c

Both biases lie in the last row and column of one matrix θ (D + 1, M + 1), and a one is added to
every v and h. So the pre-activations of both phases are one matrix product, the whole gradient is
another, and nothing is allocated in between: on digits an update takes some 30 µs. Large machines
multiply in bf16 where the device gains from it; v and h are exact in it, θ stays float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall_boltzmann.energy import EnergyConfig, EnergyModel
from rockfall_boltzmann.noise import LogisticNoise

LARGE = 10_000_000
"""Multiplications of one product from which on bf16 pays for the conversions."""
DRAWN = 400_000
"""Random numbers that are drawn in one go."""
WEIGHT = 0.01
"""Deviation of the first weights (Hinton 2010, section 8)."""
MEMORY = 0.9
"""Of the mean activities that the sparsity target is held against (Hinton 2010, section 11.1)."""


class RbmConfig(EnergyConfig):
    visible: Literal["bernoulli", "gaussian"] = Field(
        "bernoulli",
        description="bernoulli: values from 0 to 1 as probabilities; gaussian: any, standardised",
    )
    binarise: bool = Field(
        False, description="draw every pixel as 0 or 1 whenever it is seen; likelihoods need it"
    )
    method: Literal["pcd", "cd"] = Field(
        "pcd", description="pcd: chains go on from update to update; cd: they start at the data"
    )
    k: int = Field(1, ge=1, description="Gibbs sweeps an update")
    momentum: float = Field(0.0, ge=0, lt=1, description="share of the last update that is kept")
    sparsity: float = Field(
        0.0, ge=0, lt=1, description="share of examples that each unit should be on for; 0: any"
    )
    sparsity_cost: float = Field(0.1, ge=0, description="how hard activities are pulled to it")


class Rbm(EnergyModel):
    """Inputs (N, …), uint8 pictures or vectors. θ is (D + 1, M + 1), its corner 0."""

    Config = RbmConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": 16, "epochs": 2},
    }

    def __init__(self, config: RbmConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info, "unit" if config.visible == "bernoulli" else "standard")
        self.binary = config.visible == "bernoulli"
        if config.binarise and not self.binary:
            raise ValueError("binarise=true is for visible=bernoulli")
        self.theta = nn.Parameter(torch.zeros(self.visible + 1, config.hidden + 1))
        nn.init.normal_(self.theta.data[:-1, :-1], std=WEIGHT)

    @property
    def weight(self) -> Tensor:
        """W (D, M)."""
        return self.theta[:-1, :-1]

    @property
    def visible_bias(self) -> Tensor:
        """b (D,)."""
        return self.theta[:-1, -1]

    @property
    def hidden_bias(self) -> Tensor:
        """c (M,)."""
        return self.theta[-1, :-1]

    def begin(self, v: Tensor) -> None:
        """b as if no hidden unit did anything; the chains are drawn from just that."""
        mean = v.mean(0)
        if self.binary:
            rare = 1 / (len(v) + 2)  # what never occurred is not impossible
            mean = mean.clamp(rare, 1 - rare).logit()
        self.visible_bias.copy_(mean)
        self.chains.copy_(self.noise(len(self.chains)))

    def learner(self, run: rockfall.Run) -> ContrastiveDivergence:
        large = self.config.batch_size * self.weights() >= LARGE
        reduced = run.record.precision == "bf16" and large and self.binary
        return ContrastiveDivergence(self, torch.bfloat16 if reduced else torch.float32)

    def free_energy(self, v: Tensor) -> Tensor:
        energy = -F.softplus(v @ self.weight + self.hidden_bias).sum(1) - v @ self.visible_bias
        return energy if self.binary else energy + v.square().sum(1) / 2

    def hidden(self, v: Tensor) -> Tensor:
        return (v @ self.weight + self.hidden_bias).sigmoid()

    def mean_visible(self, h: Tensor) -> Tensor:
        """h (N, M) → E[v | h] (N, D)."""
        inputs = h @ self.weight.T + self.visible_bias
        return inputs.sigmoid() if self.binary else inputs

    def draw_visible(self, mean: Tensor) -> Tensor:
        """E[v | h] (N, D) → v (N, D)."""
        return mean.bernoulli() if self.binary else mean + torch.randn_like(mean)

    def noise(self, count: int) -> Tensor:
        return self.draw_visible(self.mean_visible(self.theta.new_zeros(count, self.config.hidden)))

    def sweep(self, v: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.mean_visible(self.hidden(v).bernoulli())
        return self.draw_visible(mean), mean

    def mean_field(self, v: Tensor) -> Tensor:
        return self.mean_visible(self.hidden(v))

    def filters(self) -> Tensor:
        return self.weight.detach().T.reshape(-1, *self.shape)

    def watch(self, v: Tensor, trained: Tensor) -> dict[str, Tensor]:
        watched = super().watch(v, trained)
        if self.binary:
            watched["pseudo_likelihood"] = self.pseudo_likelihood(v).mean()
        return watched

    def pseudo_likelihood(self, v: Tensor) -> Tensor:
        """Besag 1975: Σ_i log P(v_i | the others), estimated at one random i an example, (N,)."""
        which = torch.randint(self.visible, (len(v), 1), device=v.device)
        flipped = v.scatter(1, which, 1 - v.gather(1, which))
        return self.visible * F.logsigmoid(self.free_energy(flipped) - self.free_energy(v))


class ContrastiveDivergence:
    """CD-k and PCD-k: changes a machine's θ and chains in place."""

    def __init__(self, machine: Rbm, dtype: torch.dtype) -> None:
        """dtype: of the products."""
        self.config = machine.config
        self.binary = machine.binary
        self.theta, self.chains = machine.theta.data, machine.chains
        self.low = None if dtype == self.theta.dtype else self.theta.to(dtype)
        self.gradient = torch.empty_like(self.theta, dtype=dtype)
        self.velocity = torch.zeros_like(self.theta)
        self.activity = self.theta.new_full((self.config.hidden,), self.config.sparsity)
        self.logistic = LogisticNoise(dtype, self.theta.device)

    def learn(self, v: Tensor, lr: float) -> None:
        size = self.config.batch_size
        if self.config.binarise:
            v = v.bernoulli()
        whole = len(v) // size * size
        for batches in (v[:whole].view(-1, size, v.shape[1]), v[None, whole:]):
            if batches.numel():
                self.update(batches, lr)

    def update(self, batches: Tensor, lr: float) -> None:
        """U updates, each from one of the batches (U, B, D)."""
        config = self.config
        updates, size, visible = batches.shape
        theta = self.refreshed()
        up, down = theta[:, :-1], theta[:-1].T
        # In rows, the positive phase above the negative one; in columns, the ones of the biases.
        v = theta.new_ones(updates, 2 * size, visible + 1)
        v[:, :size, :-1] = batches
        h = theta.new_ones(2 * size, config.hidden + 1)
        h[size:, -1] = -1
        drawn = theta.new_ones(size, config.hidden + 1)
        mean = theta.new_empty(size, visible)
        inputs = theta.new_empty(2 * size, config.hidden)
        positive_inputs, negative_inputs = inputs[:size], inputs[size:]
        means, positive_h, negative_h = h[:, :-1], h[:size, :-1], h[size:, :-1]
        drawn_h = drawn[:, :-1]
        noise = self.noise(updates * config.k, size)
        draw_visible: Any = torch.gt if self.binary else torch.add
        persistent = config.method == "pcd"
        if persistent:
            v[0, size:, :-1] = self.chains[:size]
            torch.mm(v[0, size:], up, out=negative_inputs)
        # Views that are made at once: one by one, they would cost as much as the products.
        views = (v, v[:, :size], v[:, size:], v[:, size:, :-1], v.mT)
        for both, positive_v, negative_v, negative_units, transposed in zip(
            *(view.unbind() for view in views), strict=True
        ):
            if not persistent:
                torch.mm(positive_v, up, out=positive_inputs)
            start = negative_inputs if persistent else positive_inputs
            for sweep in range(config.k):
                if sweep:
                    start = torch.mm(negative_v, up, out=negative_inputs)
                of_hidden, of_visible = next(noise)
                torch.gt(start, of_hidden, out=drawn_h)
                torch.mm(drawn, down, out=mean)
                draw_visible(mean, of_visible, out=negative_units)
            if persistent:
                torch.mm(both, up, out=inputs)
            else:
                torch.mm(negative_v, up, out=negative_inputs)
            torch.sigmoid(inputs, out=means)
            negative_h.neg_()
            if config.sparsity:
                self.activity.lerp_(positive_h.mean(0).float(), 1 - MEMORY)
                positive_h.add_(config.sparsity_cost * (config.sparsity - self.activity))
            self.step(transposed, h, lr, size)
        self.chains[:size] = v[-1, size:, :-1]

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
        visible = len(self.theta) - 1
        at_once = max(1, DRAWN // (size * (visible + self.config.hidden)))
        for first in range(0, sweeps, at_once):
            count = min(at_once, sweeps - first)
            of_hidden = self.logistic.draw(count, size, self.config.hidden)
            if self.binary:
                of_visible = self.logistic.draw(count, size, visible)
            else:
                of_visible = torch.randn(count, size, visible, device=self.theta.device)
            yield from zip(of_hidden.unbind(), of_visible.unbind(), strict=True)

    def state_dict(self) -> dict[str, Tensor]:
        return {"velocity": self.velocity, "activity": self.activity}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.velocity.copy_(state["velocity"])
        self.activity.copy_(state["activity"])
