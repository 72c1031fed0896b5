"""Stochastic policies over every action space: a network's outputs → a distribution of actions.

- Discrete: softmax; an output is the logit of an action.
- MultiDiscrete: a softmax for each number, independent given the state; the logits of all.
- MultiBinary: a Bernoulli for each number, independent given the state; the logits of 1.
- Box: a Gaussian for each number; the means. Their deviations are learned, and do not depend on the
  state, as in Schulman et al. 2015 (TRPO), https://arxiv.org/abs/1502.05477, appendix D.
"""

from __future__ import annotations

from math import prod
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, Normal

import rockfall

WIDEST = 1e6
"""The widest range of an action that is meant as one; what is wider is as good as unbounded."""


class ActionDistribution(Protocol):
    """π(· | s) for states (…)."""

    def log_prob(self, actions: Tensor) -> Tensor:
        """log π(a | s), (…), of actions (…) or (…, K)."""

    def entropy(self) -> Tensor:
        """H(π(· | s)), (…), in nats."""


class Policy(nn.Module):
    """Outputs (…, `outputs`) of a network → π(· | s)."""

    outputs: int

    def forward(self, outputs: Tensor) -> ActionDistribution:
        raise NotImplementedError

    def sample(self, outputs: Tensor) -> Tensor:
        """Actions drawn from π(· | s). Nothing of it waits for the device."""
        raise NotImplementedError

    def mode(self, outputs: Tensor) -> Tensor:
        """The most probable actions."""
        raise NotImplementedError

    def expected(self, outputs: Tensor) -> Tensor:
        """The probabilities of the choices there are, or means, (…, `outputs`)."""
        raise NotImplementedError


def policy_of(info: rockfall.SourceInfo) -> Policy:
    """The policy over the actions of a source."""
    space = info.action_space or {"type": "Discrete", "n": info.actions}
    match space["type"]:
        case "Discrete":
            return Softmax(space["n"])
        case "MultiDiscrete":
            return Softmaxes(torch.tensor(space["nvec"]).flatten().tolist())
        case "MultiBinary":
            return Bernoullis(prod(space["shape"]))
        case "Box":
            return Gaussian(tuple(space["shape"]), space["low"], space["high"])
    raise ValueError(f"there is no policy over {space['type']} actions")


class Softmax(Policy):
    """Actions (…) from 0 to `outputs` − 1."""

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.outputs = actions

    def forward(self, outputs: Tensor) -> Categorical:
        return Categorical(logits=outputs, validate_args=False)

    def sample(self, outputs: Tensor) -> Tensor:
        """As `Categorical.sample` draws them, but without a look at the probabilities, for which it
        would wait for the device."""
        probs: Tensor = self.forward(outputs).probs
        return (probs / torch.empty_like(probs).exponential_()).argmax(-1)

    def mode(self, outputs: Tensor) -> Tensor:
        return outputs.argmax(-1)

    def expected(self, outputs: Tensor) -> Tensor:
        return outputs.softmax(-1)


class Softmaxes(Policy):
    """Actions (…, K), the k-th from 0 to sides[k] − 1."""

    def __init__(self, sides: list[int]) -> None:
        super().__init__()
        self.sides = sides
        self.outputs = sum(sides)
        self.each = Softmax(0)

    def forward(self, outputs: Tensor) -> Independent:
        return Independent([self.each(part) for part in outputs.split(self.sides, -1)])

    def sample(self, outputs: Tensor) -> Tensor:
        return torch.stack([self.each.sample(part) for part in outputs.split(self.sides, -1)], -1)

    def mode(self, outputs: Tensor) -> Tensor:
        return torch.stack([part.argmax(-1) for part in outputs.split(self.sides, -1)], -1)

    def expected(self, outputs: Tensor) -> Tensor:
        return torch.cat([part.softmax(-1) for part in outputs.split(self.sides, -1)], -1)


class Independent:
    """Actions (…, K) of which each has a distribution of its own."""

    def __init__(self, parts: list[Categorical]) -> None:
        self.parts = parts

    def log_prob(self, actions: Tensor) -> Tensor:
        columns = zip(self.parts, actions.unbind(-1), strict=True)
        return torch.stack([part.log_prob(column) for part, column in columns], -1).sum(-1)

    def entropy(self) -> Tensor:
        return torch.stack([part.entropy() for part in self.parts], -1).sum(-1)


class Bernoullis(Policy):
    """Actions (…, K), each 0 or 1."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, outputs: Tensor) -> ActionDistribution:
        return Summed(Bernoulli(logits=outputs, validate_args=False))

    def sample(self, outputs: Tensor) -> Tensor:
        return (torch.rand_like(outputs) < outputs.sigmoid()).long()

    def mode(self, outputs: Tensor) -> Tensor:
        return (outputs > 0).long()

    def expected(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()


class Gaussian(Policy):
    """Actions (…, *shape) in the environment's units.

    A mean of 0 is the middle of an action's bounds, and a deviation of 1, with which it begins,
    half of their distance, so that all of the range is tried. Without bounds they are themselves.
    What is drawn beyond a bound stays what it is here, and the environment takes the bound.
    """

    middle: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], low: Any, high: Any) -> None:
        super().__init__()
        self.shape = shape
        self.outputs = prod(shape)
        bounds = [_numbers(bound, self.outputs) for bound in (low, high)]
        width = bounds[1] - bounds[0]
        bounded = width.isfinite() & (width > 0) & (width <= WIDEST)
        middle = torch.where(bounded, (bounds[0] + bounds[1]) / 2, 0.0)
        # Follow from the description, and need not be in a checkpoint.
        self.register_buffer("middle", middle.float(), persistent=False)
        scale = torch.where(bounded, width / 2, 1.0)
        self.register_buffer("scale", scale.float(), persistent=False)
        self.log_std = nn.Parameter(torch.zeros(self.outputs))

    def forward(self, outputs: Tensor) -> ActionDistribution:
        deviation = (self.scale * self.log_std.exp()).expand_as(outputs)
        normal = Normal(self._mean(outputs), deviation, validate_args=False)
        return Summed(normal, self.shape)

    @torch.no_grad()  # what was done is done: no gradient goes through it to the deviations
    def sample(self, outputs: Tensor) -> Tensor:
        noise = torch.randn_like(outputs) * self.log_std.exp()
        return self._shaped(self._mean(outputs) + self.scale * noise)

    def mode(self, outputs: Tensor) -> Tensor:
        return self._shaped(self._mean(outputs))

    def expected(self, outputs: Tensor) -> Tensor:
        return self._mean(outputs)

    def _mean(self, outputs: Tensor) -> Tensor:
        return self.middle + self.scale * outputs

    def _shaped(self, actions: Tensor) -> Tensor:
        return actions.reshape(*actions.shape[:-1], *self.shape)


class Summed:
    """Actions (…, K), or (…, *shape), that are independent: what each has, all together."""

    def __init__(self, each: Bernoulli | Normal, shape: tuple[int, ...] | None = None) -> None:
        self.each = each
        self.axes = 1 if shape is None else len(shape)

    def log_prob(self, actions: Tensor) -> Tensor:
        flat = actions.reshape(*actions.shape[: actions.ndim - self.axes], -1)
        log_probs: Tensor = self.each.log_prob(flat.float())  # type: ignore[no-untyped-call]
        return log_probs.sum(-1)

    def entropy(self) -> Tensor:
        entropies: Tensor = self.each.entropy()  # type: ignore[no-untyped-call]
        return entropies.sum(-1)


def _numbers(bound: Any, count: int) -> Tensor:
    """A bound of each number, (count,); not finite where there is none."""
    values = bound if isinstance(bound, list) else [bound] * count
    real = [float("nan") if value is None else float(value) for value in values]
    return torch.tensor(real, dtype=torch.float64)
