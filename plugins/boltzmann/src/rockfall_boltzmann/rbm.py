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
another, and nothing is allocated in between: on digits, with 100 hidden units, an update takes
some 30 µs. The one product also means that a PCD chain's first hidden units are drawn by the
weights of one update ago. Large machines multiply in bf16 where the device gains from it: units
that are drawn are exact in it, probabilities are rounded to 8 bits, and θ stays float32.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall_boltzmann import ais
from rockfall_boltzmann.energy import EnergyConfig, EnergyModel
from rockfall_boltzmann.noise import LogisticNoise, UniformNoise

LR = {"bernoulli": 0.1, "gaussian": 0.005}
"""Real units take one or two orders of magnitude less (Hinton 2010, section 13.2)."""
LARGE = 10_000_000
"""Multiplications of one product from which on bf16 pays for the conversions."""
DRAWN = 400_000
"""Random numbers that are drawn in one go."""
WEIGHT = 0.01
"""Deviation of the first weights (Hinton 2010, section 8)."""
KEPT = ("velocity", "chain_inputs", "activity")
"""What a learner remembers from update to update."""
MEMORY = 0.9
"""Of the mean activities that the sparsity target is held against (Hinton 2010, section 11.1)."""


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
