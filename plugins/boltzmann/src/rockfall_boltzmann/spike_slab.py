"""The spike-and-slab RBM (ssRBM): binary spikes h (M), K real slabs s a spike, real v (D).

Courville, Bergstra and Bengio 2011, "Unsupervised Models of Images by Spike-and-Slab RBMs", ICML,
with K slabs a spike as in their "A Spike and Slab Restricted Boltzmann Machine", AISTATS. With
x_ik = vᵀW_ik, diagonal precisions Λ and Φ_i of v, precisions α and means µ of the slabs:

    energy      E(v, s, h) = ½ vᵀ(Λ + Σ_i h_i Φ_i) v − Σ_i h_i b_i
                             + Σ_ik (½ α s² − h x s − h α µ s + ½ h α µ²)
    spikes      P(h_i = 1 | v) = σ(a_i)     a_i = b_i − ½ vᵀΦ_i v + Σ_k (x²/2α + µ x)
    slabs       s_ik | v, h ~ N(h_i (µ + x/α), 1/α)
    visible     v | s, h ~ N(C Σ_ik W_ik s_ik h_i, C)       C = (Λ + Σ_i h_i Φ_i)⁻¹
    marginal    v | h ~ N(C_h Σ_ik h_i W_ik µ_ik, C_h)      C_h = (C⁻¹ − Σ_ik h_i W_ik W_ikᵀ/α)⁻¹
    free energy F(v) = ½ vᵀΛv − Σ_i softplus(a_i) − ½ Σ_ik log(2π/α)

Λ, Φ and α are parametrised by their logarithms, so that they stay positive and C exists for every
h. C_h need not exist: where the active slabs take more precision from v, W Wᵀ/α, than Λ and Φ give,
the density grows without bound far from the data, and Markov chains diverge. Such machines have the
better features, so the visible space is bounded instead, as in the AISTATS paper, by a ball around
the data.

Departures from the papers:
- A sample of v | s, h outside of the ball is scaled back to its surface. Rejecting it would sample
  the truncated density exactly, but chains that are pulled outwards stick, and features are lost.
- Φ is not held above the bound that makes C_h exist (`certainly_normalisable` tests it).
- AdamW follows the gradient, with weight decay for W alone.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import RockfallError
from rockfall.kit.optimizers import AdamW
from rockfall.kit.schedules import set_lr
from rockfall.kit.tracing import Layer
from rockfall_boltzmann.energy import HIDDEN, VISIBLE, EnergyConfig, EnergyModel
from rockfall_boltzmann.preprocessing import Method

RADIUS_FACTOR = 1.3
"""Radius of the ball that the visible units stay in, in largest norms of the training data."""
CLIPPED_WEIGHT = 0.01
"""Weight of the newest update in the moving average `clipped`."""
CLIPPED_WARNING = 0.5
"""Share of clipped samples from which on the user is warned."""

PrecisionShape = Literal["scalar", "diagonal"]


class SpikeSlabConfig(EnergyConfig):
    hidden: int = Field(
        512, ge=1, description="number of spikes, M; many, each seldom on, are the best features"
    )
    slabs: int = Field(1, ge=1, description="number of slabs a spike, K")
    epochs: int = Field(
        30,
        ge=1,
        description="passes over the training split; 100 give better samples and worse features",
    )
    batch_size: int = Field(
        32, ge=1, description="mini-batch size, in examples; there are as many Markov chains"
    )
    lr: float = Field(0.001, gt=0, description="initial learning rate of AdamW")
    preprocessing: Method = Field(
        "centred",
        description="preprocessing of the data; unit: values from 0 to 1; centred: features of "
        "mean 0; standard: of standard deviation 1 as well; zca: patches, ZCA-whitened",
    )
    precision: float = Field(
        1.0,
        gt=0,
        description="initial precision Λ of the visible units; that of centred data, if all "
        "features varied alike",
    )
    precision_shape: PrecisionShape = Field(
        "scalar",
        description="shape of Λ; scalar: one for all visible units; diagonal: one for each",
    )
    alpha: float = Field(1.0, gt=0, description="initial precision α of every slab")
    fixed: tuple[str, ...] = ()
    weight_std: float = Field(
        0.03,
        gt=0,
        description="standard deviation of the initial weights W; larger ones make chains diverge "
        "at once",
    )
    bias: float = Field(
        -2.0, description="initial bias b of every spike; negative, so that few spikes are on"
    )


PATCHES = {
    "preprocessing": "zca",
    "hidden": 256,
    "epochs": 4,  # filters are edges and colours after three
    "batch_size": 100,
    "lr": 0.003,
    "precision": 2.0,
    "weight_std": 0.05,
    "bias": 0.0,
}
"""A preset for patches of pictures, 100,000 of 3 × 8 × 8."""


class HiddenPosterior(NamedTuple):
    """What v (N, D) makes of the hidden units.

    x: vᵀW (N, M, K). slab_means: E[s | v, h = 1] = µ + x/α (N, M, K). logits: a, those of
    P(h = 1 | v) (N, M).
    """

    x: Tensor
    slab_means: Tensor
    logits: Tensor


class SpikeSlab(EnergyModel):
    """weight W (D, M, K), bias b (M,), mu µ (M, K) and, as logarithms, log_alpha α (M, K),
    log_precision Λ (D,) or (1,), log_phi Φ (M, D) or (M, 1), None for Φ = 0.

    What is fixed requires no gradient. radius: of the ball. clipped: moving average of the share of
    the chains' samples that were scaled back to it, logged too.
    """

    mu: nn.Parameter
    log_phi: nn.Parameter | None
    radius: Tensor
    clipped: Tensor

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info, config.preprocessing)
        slabs_shape = config.hidden, config.slabs
        precisions = self.num_visible if config.precision_shape == "diagonal" else 1
        initial = torch.randn(self.num_visible, *slabs_shape)
        self.weight = nn.Parameter(initial * config.weight_std)
        self.bias = nn.Parameter(torch.full(slabs_shape[:1], config.bias))
        self.mu = nn.Parameter(torch.zeros(slabs_shape), requires_grad=False)
        self.log_alpha = self.log_parameter("alpha", slabs_shape)
        self.log_precision = self.log_parameter("precision", (precisions,))
        self.register_parameter("log_phi", None)
        self.register_buffer("radius", torch.tensor(math.inf))
        self.register_buffer("clipped", torch.tensor(0.0))

    def log_parameter(self, setting: str, shape: tuple[int, ...]) -> nn.Parameter:
        """The logarithm of a precision, everywhere that of the setting; learned unless fixed."""
        initial = torch.full(shape, math.log(getattr(self.config, setting)))
        return nn.Parameter(initial, requires_grad=setting not in self.config.fixed)

    def num_weights(self) -> int:
        return super().num_weights() * int(self.config.slabs)

    # The machine ----------------------------------------------------------------------------

    @property
    def alpha(self) -> Tensor:
        """α (M, K)."""
        return self.log_alpha.exp()

    @property
    def lambda_(self) -> Tensor:
        """Λ (D,), or (1,) for the same in every direction."""
        return self.log_precision.exp()

    @property
    def phi(self) -> Tensor:
        """Φ (M, D), or (M, 1) for the same in every direction."""
        if self.log_phi is None:
            return self.bias.new_zeros(len(self.bias), 1)
        return self.log_phi.exp()

    def energy(self, v: Tensor, s: Tensor, h: Tensor) -> Tensor:
        """E of v (N, D), s (N, M, K) and h (N, M): (N,)."""
        gates = h.unsqueeze(2)
        slabs = self.alpha * (s.square() / 2 + gates * self.mu * (self.mu / 2 - s))
        interaction = gates * self.projections(v) * s
        quadratic = v.square() * self.visible_precision(h) / 2
        return quadratic.sum(1) - h @ self.bias + (slabs - interaction).sum((1, 2))

    def projections(self, v: Tensor) -> Tensor:
        """x = vᵀW: (N, D) → (N, M, K)."""
        return (v @ self.weight.flatten(1)).view(len(v), *self.weight.shape[1:])

    def hidden_posterior(self, v: Tensor) -> HiddenPosterior:
        """v (N, D) → the parameters of P(h | v) and p(s | v, h)."""
        x = self.projections(v)
        slab_means = x / self.alpha + self.mu
        logits = self.bias + (x * (slab_means + self.mu)).sum(2) / 2
        if self.log_phi is not None:
            logits = logits - squares_as(self.phi, v.square()) @ self.phi.T / 2
        return HiddenPosterior(x, slab_means, logits)

    def visible_precision(self, h: Tensor) -> Tensor:
        """Diagonal of C⁻¹: h (N, M) → (N, D), or (N, 1) if it is the same in every direction."""
        return self.lambda_ + h @ self.phi

    def visible_mean(self, gated_slabs: Tensor, h: Tensor) -> Tensor:
        """C Σ W s h: gated_slabs s h (N, M, K), h (N, M) → (N, D)."""
        return gated_slabs.flatten(1) @ self.weight.flatten(1).T / self.visible_precision(h)

    def free_energy(self, v: Tensor) -> Tensor:
        quadratic = squares_as(self.lambda_, v.square()) @ self.lambda_ / 2
        slabs = (math.log(2 * math.pi) - self.log_alpha).sum() / 2
        return quadratic - F.softplus(self.hidden_posterior(v).logits).sum(1) - slabs

    def hidden_probabilities(self, v: Tensor) -> Tensor:
        return self.hidden_posterior(v).logits.sigmoid()

    def features(self, v: Tensor) -> Tensor:
        """P(h = 1 | v), and E[h s | v], its product with E[s | v, h = 1]: (N, M + M K)."""
        _, slab_means, logits = self.hidden_posterior(v)
        on = logits.sigmoid()
        return torch.cat([on, (on.unsqueeze(2) * slab_means).flatten(1)], 1)

    def mean_field(self, v: Tensor) -> Tensor:
        _, slab_means, logits = self.hidden_posterior(v)
        on = logits.sigmoid()
        return self.visible_mean(on.unsqueeze(2) * slab_means, on)

    def filters(self) -> Tensor:
        return self.weight.detach().flatten(1).T.reshape(-1, *self.shape)

    def hidden_layers(self, v: Tensor) -> list[Layer]:
        """The projections vᵀW (N, M K), and the spikes, which go by their squares."""
        weight = self.weight.detach().flatten(1).T
        projections = self.projections(v).flatten(1)
        return [
            Layer("projections", "Linear", projections, (VISIBLE,), weight),
            Layer(HIDDEN, "Sigmoid", self.hidden_probabilities(v), ("projections",)),
        ]

    # The marginal v | h ---------------------------------------------------------------------

    def visible_given_spikes(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """h (N, M) → mean (N, D) and covariance C_h (N, D, D) of v | h, in unbounded space.

        Raises RockfallError where C_h is not positive definite.
        """
        gates = h.unsqueeze(2)
        gated_weight = (gates / self.alpha).flatten(1).unsqueeze(1) * self.weight.flatten(1)
        precision = torch.diag_embed(self.visible_precision(h).expand(-1, self.num_visible))
        factor, failed = torch.linalg.cholesky_ex(
            precision - gated_weight @ self.weight.flatten(1).T
        )
        if failed.any():
            raise RockfallError(
                f"v | h has no covariance for {int((failed > 0).sum())} of {len(h)} settings of "
                "the spikes: W Wᵀ/α exceeds the precisions Λ and Φ"
            )
        weighted_means = (gates * self.mu).flatten(1) @ self.weight.flatten(1).T
        mean = torch.cholesky_solve(weighted_means.unsqueeze(2), factor).squeeze(2)
        return mean, torch.cholesky_inverse(factor)

    def certainly_normalisable(self) -> bool:
        """Whether φ_ij ≥ Σ_k |W_jik| Σ_j' |W_j'ik| / α_ik for all i, j.

        Then Φ_i − Σ_k W_ik W_ikᵀ/α_ik is diagonally dominant, and C_h exists for every h. This is
        sufficient, not necessary.
        """
        magnitude = self.weight.abs()
        bound = (magnitude * magnitude.sum(0) / self.alpha).sum(2).T
        return bool((self.phi >= bound).all())

    # Gibbs sampling -------------------------------------------------------------------------

    def initial_visible(self, count: int) -> Tensor:
        """Samples of v | h = 0."""
        return super().initial_visible(count) * self.lambda_.rsqrt()

    def gibbs_step(self, v: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        proposed, mean = self.unbounded_gibbs_step(v, temperature)
        return proposed * self.radius_scale(proposed), mean

    def unbounded_gibbs_step(self, v: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """h | v, then s | v, h, then v | s, h: v (N, D) → the next v, and its conditional mean.

        All slabs are sampled as if their spike were on: v does not depend on the others.
        """
        _, slab_means, logits = self.hidden_posterior(v)
        noise = math.sqrt(temperature)
        if temperature != 1:  # training has 1, and need not wait for a division
            logits = logits / temperature
        h = logits.sigmoid().nan_to_num().bernoulli()  # a NaN is reported as divergence by `fit`
        s = slab_means + torch.randn_like(slab_means) * ((-self.log_alpha / 2).exp() * noise)
        mean = self.visible_mean(h.unsqueeze(2) * s, h)
        spread = self.visible_precision(h).rsqrt() * noise
        return mean + torch.randn_like(v) * spread, mean

    def radius_scale(self, v: Tensor) -> Tensor:
        """v (N, D) → (N, 1): the factor that scales it to the radius if it is beyond, else 1."""
        norms: Tensor = torch.linalg.vector_norm(v, dim=1, keepdim=True)
        return (self.radius / norms).clamp(max=1)

    # Training -------------------------------------------------------------------------------

    def init_from_data(self, v: Tensor) -> None:
        """The radius; and chains that start at training examples."""
        largest = torch.linalg.vector_norm(v, dim=1).max()
        largest = torch.where(largest > 0, largest, 1)  # of a constant source every v is 0
        self.radius.copy_(RADIUS_FACTOR * largest)
        self.chains.copy_(v[torch.randint(len(v), (len(self.chains),), device=v.device)])

    def learner(self, run: rockfall.Run) -> StochasticMaximumLikelihood:
        return StochasticMaximumLikelihood(self, run)

    def warning(self) -> str:
        if self.clipped <= CLIPPED_WARNING:
            return ""
        return (
            f"{self.clipped:.0%} of the chains' samples are beyond the radius of {self.radius:.3g} "
            "and are scaled back to it: a higher precision or a lower lr avoids that"
        )

    def gradients(self, v: Tensor, coefficients: Tensor) -> dict[str, Tensor]:
        """Σ_n coefficient_n ∂F(v_n)/∂θ of every learned parameter θ; v (N, D), coefficients (N,).

        The coefficients sum to 0, so the gradient of ½ Σ log α, the same at every v, cancels.
        """
        x, slab_means, logits = self.hidden_posterior(v)
        on = (logits.sigmoid() * coefficients.unsqueeze(1)).unsqueeze(2)
        squares = v.square()
        gradients = {
            "weight": -(v.T @ (on * slab_means).flatten(1)).view_as(self.weight),
            "bias": -on.sum((0, 2)),
        }
        if self.mu.requires_grad:
            gradients["mu"] = -(on * x).sum(0)
        if self.log_alpha.requires_grad:
            gradients["log_alpha"] = (on * x.square()).sum(0) / self.alpha / 2
        if self.log_precision.requires_grad:
            quadratic = coefficients @ squares_as(self.lambda_, squares)
            gradients["log_precision"] = quadratic * self.lambda_ / 2
        if self.log_phi is not None and self.log_phi.requires_grad:
            gradients["log_phi"] = on.squeeze(2).T @ squares_as(self.phi, squares) * self.phi / 2
        return gradients

    def validation_metrics(self, v: Tensor, train_v: Tensor) -> dict[str, Tensor]:
        return {**super().validation_metrics(v, train_v), "clipped": self.clipped}


def squares_as(precision: Tensor, squares: Tensor) -> Tensor:
    """v² (N, D) for a precision of each of D directions, its sum (N, 1) for one of all."""
    return squares.sum(1, keepdim=True) if precision.shape[-1] == 1 else squares


class StochasticMaximumLikelihood:
    """Stochastic maximum likelihood (Younes 1999), also called PCD-1 (Tieleman 2008), by AdamW.

    The examples of a batch and the states of the chains stand in one matrix, so that both phases of
    the gradient are the same matrix products: coefficients of 1/B and −1/B are their means'
    difference.
    """

    def __init__(self, machine: SpikeSlab, run: rockfall.Run) -> None:
        self.machine = machine
        self.learned = {n: p for n, p in machine.named_parameters() if p.requires_grad}
        groups = [machine.weight], [p for p in self.learned.values() if p is not machine.weight]
        self.optimizer = AdamW(
            [
                {"params": parameters, "weight_decay": decay}
                for parameters, decay in zip(
                    groups, (machine.config.weight_decay, 0.0), strict=True
                )
            ],
            fused=True,
        )
        self.captured_update = run.capture(self.update, self.optimizer)

    def partial_fit(self, v: Tensor, lr: float) -> None:
        set_lr(self.optimizer, lr)
        for batch in v.split(self.machine.config.batch_size):
            self.captured_update(batch)

    def update(self, batch: Tensor) -> None:
        """One sweep of the chains, then one step along the gradient that batch (B, D) gives."""
        machine, chains = self.machine, self.machine.chains
        proposed, _ = machine.unbounded_gibbs_step(chains)
        scale = machine.radius_scale(proposed)
        torch.mul(proposed, scale, out=chains)
        machine.clipped.lerp_((scale < 1).to(scale.dtype).mean(), CLIPPED_WEIGHT)
        coefficients = batch.new_full((len(batch) + len(chains),), -1 / len(chains))
        coefficients[: len(batch)] = 1 / len(batch)
        gradients = machine.gradients(torch.cat([batch, chains]), coefficients)
        for name, gradient in gradients.items():
            self.learned[name].grad = gradient
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state)
