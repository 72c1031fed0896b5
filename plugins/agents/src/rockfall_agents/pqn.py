"""PQN: Q-learning on many environments at once, without a replay buffer or a target network.

Gallici, Fellows, Ellis, Pou, Masmitja, Foerster and Martin 2024, "Simplifying Deep Temporal
Difference Learning", https://arxiv.org/abs/2407.04811.

    repeat
        play T steps in each of N environments, ε-greedily by Q
        G_t ← r_t + γ ((1 − λ) max_a Q(s_{t+1}, a) + λ G_{t+1})    for t = T − 1 … 0
        for every minibatch of the N × T steps, a few times over
            descend the gradient of (Q(s_t, a_t) − G_t)²

Replay breaks up the correlation of successive steps: here many environments do. A target network
keeps Q from chasing itself: here λ-returns and, where they don't suffice, LayerNorm do.

On falling rocks 16 × 16 it plays at 95 % of the oracle after 4 to 5 CPU seconds on one thread, at
98 % after 8 to 10, and ends at 99.0 to 99.3 % after 45 (3 seeds).
"""

from __future__ import annotations

import copy
from functools import partial
from typing import Any, ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents.networks import Kind, Network
from rockfall_agents.rollout import Player, lambda_returns, minibatches


class PqnConfig(rockfall.Config):
    network: Kind = Field("mlp", description="conv sees grids place by place, and takes longer")
    hidden: tuple[PositiveInt, ...] = Field(
        (128, 128), description="units a layer; enough for a few measurements"
    )
    norm: bool = Field(True, description="LayerNorm: stability on what nobody has tried yet")
    steps: int = Field(500_000, ge=1, description="played in all; easy games are learnt by then")
    envs: int = Field(32, ge=1, le=65_536, description="played at once; enough to differ")
    rollout: int = Field(64, ge=1, description="steps of each between updates; λ fades well before")
    epochs: int = Field(2, ge=1, description="passes over a rollout before it is forgotten")
    batch_size: int = Field(128, ge=1, description="steps a gradient; small ones learn soonest")
    gamma: float = Field(0.99, ge=0, le=1, description="a reward's worth one step later")
    lam: float = Field(0.65, ge=0, le=1, description="λ: 0 trusts Q, 1 only rewards played")
    explore: float = Field(0.1, ge=0, le=1, description="share of training for ε to fall from 1")
    epsilon: float = Field(0.05, ge=0, le=1, description="share of random actions after that")
    lr: float = Field(2e-3, gt=0, le=1, description="Adam's first step size; falls to 0")
    averaging: float = Field(
        0.9, ge=0, lt=1, description="memory of the mean over updates of Q that acts; 0 is Q"
    )


FALLING_ROCKS: dict[str, Any] = {
    "hidden": (256,),  # one wide layer finds where things are sooner than two narrow ones
    "norm": False,  # with so many environments it is stable anyway, and sooner there
    "envs": 256,
    "rollout": 32,  # half an episode
    "batch_size": 512,
    "gamma": 0.97,  # a rock is seen up to 31 steps before it lands, and 0.97 ** 31 is 0.4
    "explore": 0.03,
    "epsilon": 0.02,  # one slip in fifty costs few rocks, so Q is almost the greedy policy's
}


class Pqn(nn.Module):
    """observations (N, *shape) → the value of every action (N, actions)."""

    Config = PqnConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": (16,), "steps": 2_000, "envs": 8, "rollout": 16},
        "falling-rocks-8x8": {**FALLING_ROCKS, "steps": 600_000},
        "falling-rocks-16x16": {**FALLING_ROCKS, "steps": 3_200_000},
        "falling-rocks-32x32": {**FALLING_ROCKS, "steps": 3_200_000},
        "CartPole-v1": {"steps": 300_000, "epochs": 4},
    }
    threads: ClassVar[int] = 1  # the products are too small for a second thread to pay

    def __init__(self, config: PqnConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        assert info.actions is not None
        self.config = config
        self.q = Network(config.network, info, config.hidden, info.actions, norm=config.norm)
        self.average = copy.deepcopy(self.q).requires_grad_(False)

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        updates = max(1, config.steps // (config.envs * config.rollout))
        player = Player(source.batch(config.envs, device=run.device, seed=run.seed))
        optimizer = torch.optim.Adam(self.q.parameters(), lr=config.lr, fused=True)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
        run.keep(player=player, optimizer=optimizer, schedule=schedule)
        for update in run.steps(updates):
            explored = min(1.0, update / updates / config.explore) if config.explore else 1.0
            epsilon = 1 - (1 - config.epsilon) * explored
            with run.autocast():
                rollout = player.play(config.rollout, self.q, partial(explore, epsilon=epsilon))
            best = rollout.next_outputs.amax(-1)
            targets = lambda_returns(rollout, best, config.gamma, config.lam).flatten()
            observations = rollout.observations.flatten(0, 1)
            actions = rollout.actions.flatten()
            for rows in minibatches(len(targets), config.epochs, config.batch_size, run.device):
                with run.autocast():
                    values = self.q(observations[rows]).gather(1, actions[rows, None]).squeeze(1)
                    loss = F.mse_loss(values.float(), targets[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
            self.follow(update)
            run.log(loss=loss.detach(), epsilon=epsilon, value=best.mean())
            if len(rollout.scores):
                run.log(score=rollout.scores.mean())

    @torch.no_grad()
    def follow(self, update: int) -> None:
        """Move the averaged network towards Q: a plain mean at first, then a fading one."""
        weight = max(1 - self.config.averaging, 1 / (update + 1))
        for mean, latest in zip(self.average.parameters(), self.q.parameters(), strict=True):
            mean.lerp_(latest, weight)

    @torch.no_grad()
    def act(self, observations: Tensor) -> Tensor:
        values: Tensor = self.average(observations)
        return values.argmax(1)


def explore(q: Tensor, epsilon: float) -> Tensor:
    """Values (N, actions) → actions (N,): the best one, or with probability ε any."""
    best = q.argmax(1)
    anything = torch.randint_like(best, q.shape[1])
    return torch.where(torch.rand_like(q[:, 0]) < epsilon, anything, best)
