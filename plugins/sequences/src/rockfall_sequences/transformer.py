"""The transformer: no state at all; each step looks back at every one before, and picks.

Vaswani et al. 2017, "Attention Is All You Need", its decoder alone, as of Radford et al. 2018. A
layer is attention, and then a network of each step by itself, each added to what it read:

    u = x + O [softmax(qₜ·k / √d) v]      out = u + W₂ gelu(W₁ norm(u))

with q, k and v linear in norm(x), in `heads` parts, and the softmax over the steps up to t. It
remembers as much as it reads, and takes T² operations for it: a yardstick for the memories.

Departs from the papers: norms come before what they normalise; a step's place is told by turning q
and k by an angle that grows with it (Su et al. 2021, "RoFormer"), so that what counts is how far
two steps are apart; a layer whose input is not as wide first makes it so.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall_sequences.sequence_model import TEXT, TINY, MemoryConfig, SequenceModel

SLOWEST = 10_000
"""Steps in which the slowest pair of numbers turns by one radian."""


class TransformerConfig(MemoryConfig):
    layers: int = Field(2, ge=1, le=64, description="layers, each of which reads the one before")
    heads: int = Field(4, ge=1, le=64, description="parts that attend by themselves")
    lr: float = Field(3e-3, gt=0, le=1, description="peak learning rate of AdamW")
    warmup: float = Field(
        0.1, ge=0, lt=1, description="fraction of all steps in which the learning rate rises from 0"
    )


class TransformerLayer(nn.Module):
    """(N, T, inputs) → (N, T, units). Its state is nothing: it sees the steps that it is given."""

    def __init__(self, inputs: int, units: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.widen = nn.Identity() if inputs == units else nn.Linear(inputs, units)
        self.before = nn.LayerNorm(units)
        self.project = nn.Linear(units, 3 * units)
        self.out = nn.Linear(units, units)
        self.network = nn.Sequential(
            nn.LayerNorm(units), nn.Linear(units, 4 * units), nn.GELU(), nn.Linear(4 * units, units)
        )

    def forward(self, steps: Tensor, state: None = None) -> tuple[Tensor, None]:
        steps = self.widen(steps)
        query, key, value = self.parts(steps)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        steps = steps + self.out(seen.transpose(1, 2).flatten(2))
        return steps + self.network(steps), None

    def parts(self, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q, k and v, (N, heads, T, d) each, of which q and k are turned by their place."""
        parts = self.project(self.before(steps)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        return turned(query), turned(key), value

    def holds(self, steps: Tensor) -> dict[str, Tensor]:
        """How much each step attends to each; of a step, the units are the steps it looks at."""
        query, key, _ = self.parts(self.widen(steps))
        scores = query @ key.mT / query.shape[-1] ** 0.5
        later = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
        attention = scores.masked_fill(later, -torch.inf).softmax(-1)
        held = {f"attention of head {n + 1}": each for n, each in enumerate(attention.unbind(1))}
        return {**held, "output": self(steps)[0]}


def turned(values: Tensor) -> Tensor:
    """(N, heads, T, d): each pair of numbers as a vector, turned by its step times an angle."""
    steps, size = values.shape[-2:]
    places = torch.arange(steps, device=values.device, dtype=torch.float32)
    powers = torch.arange(0, size, 2, device=values.device, dtype=torch.float32) / size
    angles = places[:, None] * SLOWEST**-powers
    cos, sin = angles.cos().to(values.dtype), angles.sin().to(values.dtype)
    one, other = values.chunk(2, -1)
    return torch.cat((one * cos - other * sin, one * sin + other * cos), -1)


class Transformer(SequenceModel):
    """inputs (N, T, …) → outputs (N, T, K).

    Raises ValueError for units that heads of an even size can't share.
    """

    Config = TransformerConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": TINY, "text": {**TEXT, "lr": 3e-3}}

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        if config.units % (2 * config.heads):
            raise ValueError(
                f"units={config.units}: take a multiple of {2 * config.heads}, twice the heads"
            )
        super().__init__(config, info)

    def layer(self, inputs: int, units: int) -> nn.Module:
        return TransformerLayer(inputs, units, self.config.heads)
