"""A value iteration network, which plans in a grid whose things fall.

Tamar, Wu, Thomas, Levine and Abbeel 2016, "Value Iteration Networks",
https://arxiv.org/abs/1602.02867: value iteration is a recurrent layer of convolutions and maxima,

    V(x) ← max_a Σ P(x′ | x, a) (R(x′) + γ V(x′))

and what the layer takes for rewards, transitions and discount is learned with the rest, from the
agent's own loss alone; attention to where the agent is then gives what it decides by.

Where it departs from the paper: there a map of rewards stands still, and every iteration reads all
of it. Here things fall by a row a step, so that the grid is read row by row from the top, and a row
stands for the time at which it arrives: an iteration is one row, and a step moves the agent, which
is in the last row, by a column at most. There are several channels of value, which mix where the
paper has one and a discount; and the agent's place is found by a learned softmax over the last row,
where the paper is told it. Nothing knows what a rock or a bowl is. A grid whose things move in
other ways may be shown to it as well, but its plans are of little use there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall_agents.grids import Grids

CHANNELS = 16
"""Channels of value; one would do for a single kind of thing, more are learned sooner."""
NEAR = 3
"""Columns from which one is reached in a step: its own and its neighbours."""


class PlanningEncoder(nn.Module):
    """Grids (N, *shape) → the values around the agent, (N, features)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Raises ValueError for a grid of a single row."""
        super().__init__()
        self.grids = Grids(shape)
        if self.grids.sides[0] < 2:
            raise ValueError(
                "network=vin plans for the rows above the last, and these grids have one row: use "
                "network=mlp"
            )
        self.plan = Plan(self.grids.channels)
        self.attention = Attention(self.grids.channels)
        self.features = NEAR * CHANNELS

    def forward(self, grids: Tensor) -> Tensor:
        grids = self.grids(grids)
        features: Tensor = self.attention(grids[:, :, -1], self.plan(grids[:, :, :-1]))
        return features


class Plan(nn.Module):
    """Rows of a grid, (N, C, H, W) → the values of what is in them at its bottom, (N, K, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reward = nn.Parameter(torch.empty(CHANNELS, channels, 1, NEAR).uniform_(-0.2, 0.2))
        # Near the identity times a discount, values last for many rows from the beginning on.
        noise = torch.empty(CHANNELS, CHANNELS).uniform_(-0.1, 0.1)
        self.discount = nn.Parameter(0.8 * torch.eye(CHANNELS) + noise)

    def forward(self, rows: Tensor) -> Tensor:
        rewards = F.conv2d(rows, self.reward, padding=(0, NEAR // 2))
        values, *others = rewards.permute(2, 1, 0, 3).unbind()  # (K, N, W) of every row
        for reward in others:
            best = F.max_pool1d(values, NEAR, stride=1, padding=NEAR // 2)
            values = (self.discount @ best.flatten(1)).view_as(best) + reward
        return values.transpose(0, 1)


class Attention(nn.Module):
    """Where the agent is in the last row, (N, C, W), and of values (N, K, W) those around it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # At first it looks where the row is fullest.
        noise = torch.empty(1, channels, NEAR).uniform_(-0.5, 0.5)
        self.weight = nn.Parameter(3 + noise)

    def forward(self, row: Tensor, values: Tensor) -> Tensor:
        edge = NEAR // 2
        # Beyond an edge is neither full nor empty: so an agent beside it differs from one at it.
        scores = F.conv1d(row - 0.5, self.weight, padding=edge)  # (N, 1, W)
        around = F.pad(values, (edge, edge)).unfold(2, NEAR, 1)  # (N, K, W, 3)
        return torch.einsum("nw,nkwc->nkc", scores.squeeze(1).softmax(1), around).flatten(1)
