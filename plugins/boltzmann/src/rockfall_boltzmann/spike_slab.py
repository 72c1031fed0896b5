"""What the spike-and-slab machines share: binary spikes h (M), K real slabs s a spike, real v (D).

Courville, Bergstra and Bengio 2011, "Unsupervised Models of Images by Spike-and-Slab RBMs", ICML,
with K slabs a spike as in their "A Spike and Slab Restricted Boltzmann Machine", AISTATS. With
x_ik = vᵀW_ik, and diagonal Λ, Φ_i and α_i:

    energy      E(v, s, h) = ½ vᵀ(Λ + Σ_i h_i Φ_i) v − Σ_i h_i b_i
                             + Σ_ik (½ α s² − h x s − h α µ s + ½ h α µ²)
    spikes      P(h_i = 1 | v) = σ(a_i)     a_i = b_i − ½ vᵀΦ_i v + Σ_k (x²/2α + µ x)
    slabs       s_ik | v, h ~ N(h_i (µ + x/α), 1/α)
    visible     v | s, h ~ N(C Σ_ik W_ik s_ik h_i, C)       C = (Λ + Σ_i h_i Φ_i)⁻¹
    or          v | h ~ N(C_h Σ_ik h_i W_ik µ_ik, C_h)      C_h = (C⁻¹ − Σ_ik h_i W_ik W_ikᵀ/α)⁻¹
    free        F(v) = ½ vᵀΛv − Σ_i softplus(a_i) − ½ Σ_ik log(2π/α)

Λ, Φ and α are kept as logarithms, so that they stay positive whatever is learned and C exists for
every h. C_h need not: where the wells that spikes dig are steeper than Λ and Φ hold, the density
grows without bound far from the data, and chains run away. Such machines have the better features,
so the visible space ends at a radius instead, 1.3 times the largest norm of the training data, and
a draw of v | s, h from beyond is scaled back to it. (Rejecting it would leave the cut density
exact, but a chain that is pulled outwards stuck: features were lost.)
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
from rockfall_boltzmann.energy import EnergyConfig, EnergyModel
from rockfall_boltzmann.inputs import Form

REACH = 1.3
"""The radius of the visible space, in largest norms of the training data."""
LATELY = 0.01
"""Weight of the newest update in the share of draws that were clipped."""
OFTEN = 0.5
"""A share of clipped draws from which on it is said."""

Shape = Literal["scalar", "diagonal"]


class SpikeSlabConfig(EnergyConfig):
    hidden: int = Field(512, ge=1, description="spikes, M; many that are seldom on tell most")
    slabs: int = Field(1, ge=1, description="real numbers a spike, K")
    epochs: int = Field(
        30, ge=1, description="passes over the data; 100 make better samples, and worse features"
    )
    batch_size: int = Field(32, ge=1, description="examples an update, and Markov chains beside")
    lr: float = Field(0.001, gt=0, description="Adam's step size in the first epoch")
    inputs: Form = Field(
        "centred",
        description="unit: from 0 to 1; centred: of mean 0; standard: of deviation 1 as well; "
        "zca: patches, whitened",
    )
    precision: float = Field(
        1.0, gt=0, description="Λ at first; that of the data, if it varied alike all over"
    )
    precision_shape: Shape = Field(
        "scalar", description="scalar: one Λ for all numbers of v; diagonal: one for each"
    )
    alpha: float = Field(1.0, gt=0, description="α of every slab at first")
    fixed: tuple[str, ...] = ()
    spread: float = Field(
        0.03, gt=0, description="deviation of W at first; larger, the wells are too steep at once"
    )
    bias: float = Field(-2.0, description="b at first; below 0, so that few spikes are on")


PATCHES = {
    "inputs": "zca",
    "hidden": 256,
    "epochs": 4,  # filters are edges and colours after three
    "batch_size": 100,
    "lr": 0.003,
    "precision": 2.0,
    "spread": 0.05,
    "bias": 0.0,
}
"""A preset for patches of pictures, 100,000 of 3 × 8 × 8."""


class Upward(NamedTuple):
    """What v (N, D) tells the hidden units.

    x: vᵀW (N, M, K). slabs: E[s | v, h = 1] = µ + x/α (N, M, K). a: logit of P(h = 1 | v) (N, M).
    """

    x: Tensor
    slabs: Tensor
    a: Tensor


class SpikeSlab(EnergyModel):
    """weight W (D, M, K), bias b (M,), mu µ (M, K) and, as logarithms, log_alpha α (M, K),
    log_precision Λ (D,) or (1,), log_phi Φ (M, D) or (M, 1), None for Φ = 0.

    What is fixed asks for no gradient. clipped: share of the chains' last steps that were scaled
    back to the radius.
    """

    mu: nn.Parameter
    log_phi: nn.Parameter | None
    radius: Tensor
    clipped: Tensor

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info, config.inputs)
        hidden = config.hidden, config.slabs
        held = self.visible if config.precision_shape == "diagonal" else 1
        self.weight = nn.Parameter(torch.randn(self.visible, *hidden) * config.spread)
        self.bias = nn.Parameter(torch.full(hidden[:1], config.bias))
        self.mu = nn.Parameter(torch.zeros(hidden), requires_grad=False)
        self.log_alpha = self.logarithm("alpha", hidden)
        self.log_precision = self.logarithm("precision", (held,))
        self.register_parameter("log_phi", None)
        self.register_buffer("radius", torch.tensor(math.inf))
        self.register_buffer("clipped", torch.tensor(0.0))

    def logarithm(self, name: str, shape: tuple[int, ...]) -> nn.Parameter:
        """Of a precision at first, the same everywhere."""
        first = torch.full(shape, math.log(getattr(self.config, name)))
        return nn.Parameter(first, requires_grad=name not in self.config.fixed)

    def weights(self) -> int:
        return super().weights() * int(self.config.slabs)

    # The machine, as above ------------------------------------------------------------------

    @property
    def alpha(self) -> Tensor:
        return self.log_alpha.exp()

    @property
    def precision(self) -> Tensor:
        return self.log_precision.exp()

    @property
    def phi(self) -> Tensor:
        """(M, D), or (M, 1) for the same in every direction."""
        if self.log_phi is None:
            return self.bias.new_zeros(len(self.bias), 1)
        return self.log_phi.exp()

    def energy(self, v: Tensor, s: Tensor, h: Tensor) -> Tensor:
        """E of v (N, D), s (N, M, K) and h (N, M): (N,)."""
        spikes = h.unsqueeze(2)
        slabs = self.alpha * (s.square() / 2 + spikes * self.mu * (self.mu / 2 - s))
        wells = spikes * self.projections(v) * s
        held = v.square() * self.visible_precision(h) / 2
        return held.sum(1) - h @ self.bias + (slabs - wells).sum((1, 2))

    def projections(self, v: Tensor) -> Tensor:
        """x = vᵀW: (N, D) → (N, M, K)."""
        return (v @ self.weight.flatten(1)).view(len(v), *self.weight.shape[1:])

    def upward(self, v: Tensor) -> Upward:
        x = self.projections(v)
        slabs = x / self.alpha + self.mu
        a = self.bias + (x * (slabs + self.mu)).sum(2) / 2
        if self.log_phi is not None:
            a = a - matching(v.square(), self.phi) @ self.phi.T / 2
        return Upward(x, slabs, a)

    def visible_precision(self, h: Tensor) -> Tensor:
        """Diagonal of C⁻¹: h (N, M) → (N, D), or (N, 1) if all numbers have the same."""
        return self.precision + h @ self.phi

    def visible_mean(self, gated: Tensor, h: Tensor) -> Tensor:
        """C Σ W s h: gated s h (N, M, K), h (N, M) → (N, D)."""
        return gated.flatten(1) @ self.weight.flatten(1).T / self.visible_precision(h)

    def free_energy(self, v: Tensor) -> Tensor:
        held = matching(v.square(), self.precision) @ self.precision / 2
        slabs = (math.log(2 * math.pi) - self.log_alpha).sum() / 2
        return held - F.softplus(self.upward(v).a).sum(1) - slabs

    def hidden(self, v: Tensor) -> Tensor:
        return self.upward(v).a.sigmoid()

    def features(self, v: Tensor) -> Tensor:
        """P(h = 1 | v), and that times E[s | v, h = 1]: (N, M + M K)."""
        _, slabs, a = self.upward(v)
        on = a.sigmoid()
        return torch.cat([on, (on.unsqueeze(2) * slabs).flatten(1)], 1)

    def mean_field(self, v: Tensor) -> Tensor:
        _, slabs, a = self.upward(v)
        on = a.sigmoid()
        return self.visible_mean(on.unsqueeze(2) * slabs, on)

    def filters(self) -> Tensor:
        return self.weight.detach().flatten(1).T.reshape(-1, *self.shape)

    # The visible units without the slabs ----------------------------------------------------

    def visible_given_spikes(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """h (N, M) → mean (N, D) and covariance C_h (N, D, D) of v | h, in all of space.

        Raises RockfallError where C_h is not positive definite.
        """
        spikes = h.unsqueeze(2)
        wells = (spikes / self.alpha).flatten(1).unsqueeze(1) * self.weight.flatten(1)
        held = torch.diag_embed(self.visible_precision(h).expand(-1, self.visible))
        factor, failed = torch.linalg.cholesky_ex(held - wells @ self.weight.flatten(1).T)
        if failed.any():
            raise RockfallError(
                f"v | h has no covariance for {int((failed > 0).sum())} of {len(h)} settings of "
                "the spikes: the wells are steeper than the precisions hold"
            )
        pulled = (spikes * self.mu).flatten(1) @ self.weight.flatten(1).T
        mean = torch.cholesky_solve(pulled.unsqueeze(2), factor).squeeze(2)
        return mean, torch.cholesky_inverse(factor)

    def certainly_normalisable(self) -> bool:
        """Whether φ_ij ≥ Σ_k |W_jik| Σ_j' |W_j'ik| / α_ik for all i, j.

        Then Φ_i − Σ_k W_ik W_ikᵀ/α_ik is diagonally dominant, and C_h exists for every h. The
        reverse does not hold: C_h may exist without.
        """
        size = self.weight.abs()
        needed = (size * size.sum(0) / self.alpha).sum(2).T
        return bool((self.phi >= needed).all())

    # Chains ---------------------------------------------------------------------------------

    def noise(self, count: int) -> Tensor:
        return super().noise(count) * self.precision.rsqrt()

    def sweep(self, v: Tensor) -> tuple[Tensor, Tensor]:
        drawn, mean = self.draw(v)
        return drawn * self.within(drawn), mean

    def draw(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """h | v, then s | v, h, then v | s, h: v (N, D) → v and the mean it was drawn about.

        All slabs are drawn as if their spike were on: the others play no part in v.
        """
        _, slabs, a = self.upward(v)
        h = a.sigmoid().nan_to_num().bernoulli()  # of weights that diverge it is told elsewhere
        s = slabs + torch.randn_like(slabs) * (-self.log_alpha / 2).exp()
        mean = self.visible_mean(h.unsqueeze(2) * s, h)
        return mean + torch.randn_like(v) * self.visible_precision(h).rsqrt(), mean

    def within(self, v: Tensor) -> Tensor:
        """v (N, D) → (N, 1): what brings it to the radius if it is beyond, else 1."""
        norms: Tensor = torch.linalg.vector_norm(v, dim=1, keepdim=True)
        return (self.radius / norms).clamp(max=1)

    # Learning -------------------------------------------------------------------------------

    def begin(self, v: Tensor) -> None:
        """The radius; the chains begin at examples."""
        self.radius.copy_(REACH * torch.linalg.vector_norm(v, dim=1).max())
        self.chains.copy_(v[torch.randint(len(v), (len(self.chains),), device=v.device)])

    def learner(self, run: rockfall.Run) -> PersistentChains:
        return PersistentChains(self, run)

    def slopes(self, v: Tensor, share: Tensor) -> dict[str, Tensor]:
        """Σ_n share_n ∂F(v_n)/∂θ of every learned parameter θ; v (N, D), share (N,).

        The shares sum to 0, so that the slope of ½ Σ log α, the same at every v, is left out.
        """
        x, slabs, a = self.upward(v)
        on = (a.sigmoid() * share.unsqueeze(1)).unsqueeze(2)
        squares = v.square()
        found = {
            "weight": -(v.T @ (on * slabs).flatten(1)).view_as(self.weight),
            "bias": -on.sum((0, 2)),
        }
        if self.mu.requires_grad:
            found["mu"] = -(on * x).sum(0)
        if self.log_alpha.requires_grad:
            found["log_alpha"] = (on * x.square()).sum(0) / self.alpha / 2
        if self.log_precision.requires_grad:
            found["log_precision"] = share @ matching(squares, self.precision) * self.precision / 2
        if self.log_phi is not None and self.log_phi.requires_grad:
            found["log_phi"] = on.squeeze(2).T @ matching(squares, self.phi) * self.phi / 2
        return found

    def watch(self, v: Tensor, trained: Tensor) -> dict[str, Tensor]:
        return {**super().watch(v, trained), "clipped": self.clipped}


def matching(squares: Tensor, precision: Tensor) -> Tensor:
    """v² (N, D), or its sum (N, 1) where one precision holds for all D."""
    return squares.sum(1, keepdim=True) if precision.shape[-1] == 1 else squares


class PersistentChains:
    """Stochastic maximum likelihood (Younes 1999; Tieleman 2008), with AdamW.

    The data is one half of a batch and the chains the other, so that both phases are the same
    matrix products.
    """

    def __init__(self, machine: SpikeSlab, run: rockfall.Run) -> None:
        self.machine, self.run = machine, run
        self.learned = {n: p for n, p in machine.named_parameters() if p.requires_grad}
        decaying = [machine.weight], [p for p in self.learned.values() if p is not machine.weight]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": each, "weight_decay": decay}
                for each, decay in zip(decaying, (machine.config.weight_decay, 0.0), strict=True)
            ],
            fused=True,
        )
        self.warned = False

    def learn(self, v: Tensor, lr: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        for batch in v.split(self.machine.config.batch_size):
            self.update(batch)
        if self.machine.clipped > OFTEN and not self.warned:
            self.warned = True
            self.run.warn(
                f"{self.machine.clipped:.0%} of the chains' steps end beyond the radius of "
                f"{self.machine.radius:.3g} and are scaled back to it: a higher precision or a "
                "lower lr keeps them in"
            )

    def update(self, batch: Tensor) -> None:
        machine, chains = self.machine, self.machine.chains
        drawn, _ = machine.draw(chains)
        factor = machine.within(drawn)
        torch.mul(drawn, factor, out=chains)
        machine.clipped.lerp_((factor < 1).to(factor.dtype).mean(), LATELY)
        share = batch.new_full((len(batch) + len(chains),), -1 / len(chains))
        share[: len(batch)] = 1 / len(batch)
        for name, slope in machine.slopes(torch.cat([batch, chains]), share).items():
            self.learned[name].grad = slope
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state)
