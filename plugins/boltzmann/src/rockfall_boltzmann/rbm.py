"""The restricted Boltzmann machine (RBM): binary hidden units, no connections within a layer.

Smolensky 1986, "Information processing in dynamical systems: foundations of harmony theory";
trained by contrastive divergence (Hinton 2002, "Training products of experts by minimizing
contrastive divergence") with persistent chains (Tieleman 2008, "Training restricted Boltzmann
machines using approximations to the likelihood gradient"). With weights W (D, M), visible biases b
and hidden biases c:

    E(v, h) = −bᵀv − cᵀh − vᵀWh                      Bernoulli v; Gaussian v adds ½ vᵀv
    F(v)    = −bᵀv − Σ_j softplus(c_j + vᵀW_j)
    P(h_j = 1 | v) = σ(c_j + vᵀW_j)
    P(v_i = 1 | h) = σ(b_i + W_i h)                  Gaussian: v | h ~ N(b + Wh, I)

The update is in `contrastive_divergence.py`, its fast form in `fast_contrastive_divergence.py`; the
partition function in `ais.py`. W, b and c lie in one matrix θ (D + 1, M + 1), b as its last column
and c as its last row.

Initial values are those of Hinton 2012, "A practical guide to training restricted Boltzmann
machines", section 8. Departures from the papers, beside those of the update:
- Visible biases start at the log-odds of the training means with one example added of each value,
  so that what never occurred is not impossible.
- Persistent chains start at samples of these biases alone, not at training examples.
- Gaussian visible units have variance 1, and every feature is standardised (Hinton 2012, 13.2).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall.kit.tracing import Layer
from rockfall_boltzmann import ais
from rockfall_boltzmann.contrastive_divergence import ContrastiveDivergenceConfig
from rockfall_boltzmann.energy import HIDDEN, VISIBLE, EnergyModel
from rockfall_boltzmann.fast_contrastive_divergence import FastContrastiveDivergence

DEFAULT_LR = {"bernoulli": 0.1, "gaussian": 0.005}
"""Gaussian units take one or two orders of magnitude less (Hinton 2012, section 13.2)."""
BF16_MIN_MULTIPLICATIONS = 10_000_000
"""Multiplications of one matrix product from which on bf16 is worth the conversions."""
INIT_STD = 0.01
"""Standard deviation of the initial weights (Hinton 2012, section 8)."""


class RbmConfig(ContrastiveDivergenceConfig):
    epochs: int = Field(
        100, ge=1, description="passes over the training split; 13,000 updates on digits"
    )
    lr: float | None = Field(  # type: ignore[assignment]
        None,
        gt=0,
        description=f"initial learning rate; none: {DEFAULT_LR['bernoulli']} for bernoulli visible "
        f"units, {DEFAULT_LR['gaussian']} for gaussian ones",
    )
    visible: Literal["bernoulli", "gaussian"] = Field(
        "bernoulli",
        description="type of the visible units; bernoulli: binary, data from 0 to 1 as "
        "probabilities; gaussian: real with variance 1, any data, standardised",
    )


MNIST: dict[str, Any] = {
    "hidden": 500,  # as Salakhutdinov and Murray 2008 have
    "epochs": 30,  # 16,500 updates, a minute
    "batch_size": 100,  # a tenth of the updates, each of products that are large enough for bf16
}


class Rbm(EnergyModel):
    """Inputs (N, …), uint8 pictures or vectors.

    theta: θ (D + 1, M + 1), its corner unused. base_bias: visible biases (D,) of a machine without
    hidden units that has the training data's means. binary: whether visible units are Bernoulli.

    Logged too, if they are: `pseudo_likelihood`.
    """

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
        self.theta = nn.Parameter(torch.zeros(self.num_visible + 1, config.hidden + 1))
        nn.init.normal_(self.theta.data[:-1, :-1], std=INIT_STD)
        self.base_bias: Tensor
        self.register_buffer("base_bias", torch.zeros(self.num_visible))

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

    # Training -------------------------------------------------------------------------------

    @property
    def initial_lr(self) -> float:
        return self.config.lr or DEFAULT_LR[self.config.visible]

    def init_from_data(self, v: Tensor) -> None:
        """Visible biases that alone give the data's means, and chains sampled from them."""
        mean = v.mean(0)
        if self.binary:
            smallest = 1 / (len(v) + 2)
            mean = mean.clamp(smallest, 1 - smallest).logit()
        self.base_bias.copy_(mean)
        self.visible_bias.copy_(mean)
        self.chains.copy_(self.initial_visible(len(self.chains)))

    def learner(self, run: rockfall.Run) -> FastContrastiveDivergence:
        large = self.config.batch_size * self.num_weights() >= BF16_MIN_MULTIPLICATIONS
        reduced = run.record.precision == "bf16" and large and self.binary
        return self.contrastive_divergence(torch.bfloat16 if reduced else torch.float32, run)

    def contrastive_divergence(
        self, dtype: torch.dtype, run: rockfall.Run | None = None
    ) -> FastContrastiveDivergence:
        """dtype: of the matrix products. run: captures the updates, if there is one."""
        return FastContrastiveDivergence(
            self.theta.data, self.chains, self.config, binary=self.binary, dtype=dtype, run=run
        )

    def validation_metrics(self, v: Tensor, train_v: Tensor) -> dict[str, Tensor]:
        metrics = super().validation_metrics(v, train_v)
        if self.binary:
            metrics["pseudo_likelihood"] = self.pseudo_likelihood(v).mean()
        return metrics

    # The machine ----------------------------------------------------------------------------

    def free_energy(self, v: Tensor) -> Tensor:
        energy = -F.softplus(v @ self.weight + self.hidden_bias).sum(1) - v @ self.visible_bias
        return energy if self.binary else energy + v.square().sum(1) / 2

    def hidden_probabilities(self, v: Tensor) -> Tensor:
        return (v @ self.weight + self.hidden_bias).sigmoid()

    def visible_mean(self, h: Tensor, temperature: float = 1.0) -> Tensor:
        """h (N, M) → E[v | h] (N, D)."""
        inputs = h @ self.weight.T + self.visible_bias
        mean: Tensor = (inputs / temperature).sigmoid() if self.binary else inputs
        return mean

    def sample_visible(self, mean: Tensor, temperature: float = 1.0) -> Tensor:
        """E[v | h] (N, D) → v (N, D)."""
        if self.binary:
            return mean.bernoulli()
        return mean + torch.randn_like(mean) * math.sqrt(temperature)

    def initial_visible(self, count: int) -> Tensor:
        """Samples of v | h = 0."""
        no_hidden = self.theta.new_zeros(count, self.config.hidden)
        return self.sample_visible(self.visible_mean(no_hidden))

    def gibbs_step(self, v: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        logits = v @ self.weight + self.hidden_bias
        mean = self.visible_mean((logits / temperature).sigmoid().bernoulli(), temperature)
        return self.sample_visible(mean, temperature), mean

    def mean_field(self, v: Tensor) -> Tensor:
        return self.visible_mean(self.hidden_probabilities(v))

    def filters(self) -> Tensor:
        return self.weight.detach().T.reshape(-1, *self.shape)

    def hidden_layers(self, v: Tensor) -> list[Layer]:
        weight, bias = self.weight.detach().T, self.hidden_bias.detach()
        return [Layer(HIDDEN, "Sigmoid", self.hidden_probabilities(v), (VISIBLE,), weight, bias)]

    def reconstruction_layer(self, v: Tensor, shape: torch.Size) -> Layer:
        layer = super().reconstruction_layer(v, shape)
        kind = "Sigmoid" if self.binary else "Linear"
        weight, bias = self.weight.detach(), self.visible_bias.detach()
        return layer._replace(kind=kind, weight=weight, bias=bias)

    # Likelihood -----------------------------------------------------------------------------

    def visible_states(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → v (N, D); binarised by sampling if visible units are binary."""
        v: Tensor = self.inputs(inputs)
        return v.bernoulli() if self.binary else v

    def log_partition(self) -> ais.LogPartition:
        """log Z: exact if one layer is small, else by annealed importance sampling."""
        return ais.log_partition(self)

    def independent_log_likelihood(self, v: Tensor) -> Tensor:
        """v (N, D) → log p (N,) by the base rates: no hidden units, the training data's means."""
        v = v.double()
        energy = -v @ self.base_bias.double()
        if not self.binary:
            energy = energy + v.square().sum(1) / 2
        return -energy - ais.base_log_partition(self)

    def pseudo_likelihood(self, v: Tensor, unit: Tensor | None = None) -> Tensor:
        """Log pseudo-likelihood (Besag 1975) Σ_i log P(v_i | the other units) of v (N, D): (N,).

        An estimate from one unit (N, 1) of each example; None: a random one.
        """
        if unit is None:
            unit = torch.randint(self.num_visible, (len(v), 1), device=v.device)
        flipped = v.scatter(1, unit, 1 - v.gather(1, unit))
        return self.num_visible * F.logsigmoid(self.free_energy(flipped) - self.free_energy(v))
