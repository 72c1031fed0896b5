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

Both biases lie in the last row and column of one matrix θ (D + 1, M + 1). The update is in
`contrastive_divergence.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall_boltzmann import ais
from rockfall_boltzmann.contrastive_divergence import ContrastiveDivergence
from rockfall_boltzmann.energy import EnergyConfig, EnergyModel

LR = {"bernoulli": 0.1, "gaussian": 0.005}
"""Real units take one or two orders of magnitude less (Hinton 2010, section 13.2)."""
LARGE = 10_000_000
"""Multiplications of one product from which on bf16 pays for the conversions."""
WEIGHT = 0.01
"""Deviation of the first weights (Hinton 2010, section 8)."""


class RbmConfig(EnergyConfig):
    epochs: int = Field(100, ge=1, description="passes over the data; 13,000 updates on digits")
    lr: float | None = Field(  # type: ignore[assignment]
        None,
        gt=0,
        description=f"step size of the first epoch; none: {LR['bernoulli']} for bernoulli units, "
        f"{LR['gaussian']} for gaussian ones",
    )
    visible: Literal["bernoulli", "gaussian"] = Field(
        "bernoulli",
        description="bernoulli: values from 0 to 1 as probabilities; gaussian: any, standardised",
    )
    binarise: bool = Field(
        True,
        description="bernoulli: draw every value as 0 or 1 anew whenever it is seen, which is also "
        "what makes the features general; false: learn from the probabilities themselves",
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


MNIST: dict[str, Any] = {
    "hidden": 500,  # as Salakhutdinov and Murray 2008 have
    "epochs": 30,  # 16,500 updates, a minute
    "batch_size": 100,  # a tenth of the updates, each of products that are large enough for bf16
}


class Rbm(EnergyModel):
    """Inputs (N, …), uint8 pictures or vectors. θ is (D + 1, M + 1), its corner 0."""

    Config = RbmConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "tiny": {"hidden": 16, "epochs": 2},
    }

    def __init__(self, config: RbmConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info, "unit" if config.visible == "bernoulli" else "standard")
        self.binary = config.visible == "bernoulli"
        self.theta = nn.Parameter(torch.zeros(self.visible + 1, config.hidden + 1))
        nn.init.normal_(self.theta.data[:-1, :-1], std=WEIGHT)
        self.base_bias: Tensor
        self.register_buffer("base_bias", torch.zeros(self.visible))

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

    @property
    def lr(self) -> float:
        return self.config.lr or LR[self.config.visible]

    def begin(self, v: Tensor) -> None:
        """b as if no hidden unit did anything; the chains are drawn from just that."""
        mean = v.mean(0)
        if self.binary:
            rare = 1 / (len(v) + 2)  # what never occurred is not impossible
            mean = mean.clamp(rare, 1 - rare).logit()
        self.base_bias.copy_(mean)
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

    def drawn(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → v (N, D), zeros and ones if v is binary."""
        v: Tensor = self.inputs(inputs)
        return v.bernoulli() if self.binary else v

    def log_partition(self) -> ais.Partition:
        """log Z: exact if one layer is small, else by annealing from the training data's means."""
        return ais.log_partition(self)

    def independent(self, v: Tensor) -> Tensor:
        """v (N, D) → log p (N,) without hidden units, by the training data's means."""
        v = v.double()
        energy = -v @ self.base_bias.double()
        if not self.binary:
            energy = energy + v.square().sum(1) / 2
        return -energy - ais.base_partition(self)

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
