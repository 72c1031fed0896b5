"""PQN: Q-learning on parallel environments, without a replay buffer or a target network.

Gallici, Fellows, Ellis, Pou, Masmitja, Foerster and Martin 2024, "Simplifying Deep Temporal
Difference Learning", https://arxiv.org/abs/2407.04811; theirs is https://github.com/mttga/purejaxql.

    repeat
        collect T steps in each of N environments, ε-greedily by Q
        G_t ← r_t + γ ((1 − λ) max_a Q(s_{t+1}, a) + λ G_{t+1})    for t = T − 1 … 0
        for every minibatch of the N × T steps, in a few epochs
            descend the gradient of (Q(s_t, a_t) − G_t)²

A replay buffer decorrelates successive steps: here parallel environments do. A target network keeps
the targets from following Q: here λ-returns and, where they don't suffice, LayerNorm do. As in the
paper, λ-returns are Peng's: an exploratory action does not cut them.

Where it departs from the paper's implementation: Adam takes the place of RAdam; gradients are not
clipped (theirs at norm 10); a truncated episode bootstraps from its final observation, where theirs
ends as if in a terminal state; rewards are not scaled (theirs by 0.1 on CartPole); and the trained
policy is greedy in an exponential moving average of Q's weights (`ema`), which takes part neither
in collecting nor in the targets. The presets for falling rocks leave LayerNorm out, but
on 32 × 32. With `memory` a minibatch holds whole sequences, each of which begins with what the
collecting network remembered.

On falling rocks 16 × 16, on one thread, it plays at 95 % of the oracle after 3 to 5 CPU seconds, at
98 % after 7 to 8, and ends at 99.0 to 99.3 % after 32 to 40 (3 seeds). On the CPU, where the
processor multiplies in bf16, wide layers on grids act and learn in it: the same run ends at 99.3 %
after 17 (3 seeds, in turns with float32, which took 1.9 times as long).

On 32 × 32 an MLP ends at 95.4 % after 127 CPU seconds and 4.8 million steps (`network=mlp
hidden=512 layer_norm=true batch_size=512 lr=2e-3 gamma=0.95 lam=0.8 steps=4_800_000`). What it
lacks is exactness: of what it loses, most goes by actions 6 to 20 steps ahead of a landing, amid
four or more rocks. Nothing common mended that in trials: 2,048 units ended at 95.2 %, 1,024 after
12 million steps with λ falling to 0 at 96.5 %, and two layers, more epochs, a lower learning rate
or a longer average moved it by less than a point after 1.2 million steps. A network that can plan
does: the preset with `network=vin` ends at 99.1 to 99.2 % after 186 to 219 CPU seconds and 400,000
steps (3 seeds), where a planner that discounts and knows no clock reaches 99.2 to 99.4 %; on 16 ×
16, at 99.9 to 100.0 % after 42 seconds and 300,000 steps.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall import Environment
from rockfall.kit.environments import ActingWithMemory
from rockfall.kit.optimizers import Adam
from rockfall.kit.schedules import LinearToZero
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_agents.config import RecurrentConfig
from rockfall_agents.evaluating import Evaluations
from rockfall_agents.networks import Network
from rockfall_agents.normalizing import Rewards
from rockfall_agents.rollout import (
    Rollout,
    RolloutCollector,
    Samples,
    lambda_returns,
)


class PqnConfig(RecurrentConfig):
    # The grids of MinAtar are 10 × 10 cells, of CartPole there are four measurements.
    steps: int = Field(
        500_000, ge=1, description="environment steps in all; purejaxql's for CartPole"
    )
    envs: int = Field(
        32, ge=1, le=65_536, description="parallel environments; purejaxql's for CartPole"
    )
    rollout_steps: int = Field(
        64, ge=1, description="steps of each environment per update; purejaxql's for CartPole"
    )
    epochs: int = Field(2, ge=1, description="passes over each rollout; purejaxql's for MinAtar")
    batch_size: int = Field(
        128, ge=1, description="transitions in each minibatch; 16 an epoch, as in purejaxql"
    )
    lam: float = Field(
        0.65, ge=0, le=1, description="λ of the returns; 0 is one-step Q-learning, 1 Monte Carlo"
    )
    exploration_fraction: float = Field(
        0.1, ge=0, le=1, description="share of training in which ε falls from 1; purejaxql's"
    )
    epsilon: float = Field(
        0.05, ge=0, le=1, description="final ε of the ε-greedy policy; purejaxql's for MinAtar"
    )
    lr: float = Field(
        2e-3,
        gt=0,
        le=1,
        description="learning rate of Adam, annealed to 0; high for short runs",
    )
    ema: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="exponential decay rate of the averaged weights that act; 10 updates or so",
    )


BF16_MULTIPLICATIONS = 4_000_000
"""Of a minibatch's forward pass, from which on bf16 pays; 8.4 million on falling rocks 8 × 8, where
it saves little, and 2.2 on CartPole, where it loses."""

FALLING_ROCKS: dict[str, Any] = {
    "hidden": (256,),  # one wide layer finds where things are sooner than two narrow ones
    "layer_norm": False,  # with so many environments it is stable anyway, and learns sooner
    "envs": 256,  # a batched step of this game costs little more than one of 32
    "rollout_steps": 32,  # half an episode
    "batch_size": 512,  # 16 minibatches an epoch, as by default
    "gamma": 0.97,  # a rock is in sight for up to 31 steps before it lands, and 0.97^31 is 0.4
    "exploration_fraction": 0.03,  # random play catches rocks from the start
    "epsilon": 0.02,  # one random action in fifty costs few rocks: Q is almost that of greedy play
}
PLANNING: dict[str, Any] = {
    **FALLING_ROCKS,
    "network": "vin",  # what a rock is worth from afar is planned, not learned cell by cell,
    "hidden": (64,),  # so that little is left to learn,
    "steps": 300_000,  # from a tenth of the steps
    "batch_size": 256,  # and each of them is costly
    "lr": 3e-3,  # higher, as few weights are learned
}


class Pqn(ActingWithMemory):
    """observations (N, *shape) → Q of every action, (N, actions)."""

    Config = PqnConfig
    parallel: ClassVar[str] = "batches"
    monitor: ClassVar[str] = "evaluation_score"
    headline: ClassVar[str] = "score"
    tuned_by: ClassVar[str] = "score"
    search_spaces: ClassVar[dict[str, dict[str, str]]] = {
        "": {
            "lr": "3e-4..6e-3:log",
            "hidden": "128,256,512",
            "gamma": "0.95,0.97,0.99",
            "lam": "0.5..0.9",
            "epochs": "1,2,4",
        }
    }
    lengthened_by: ClassVar[str] = "steps"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        # A second of training, for tests.
        "tiny": {"hidden": (16,), "steps": 2_000, "envs": 8, "rollout_steps": 16},
        "falling-rocks-8x8": {**FALLING_ROCKS, "steps": 600_000},  # 99 % of the oracle, in 4 CPU s
        "falling-rocks-16x16": {
            **FALLING_ROCKS,
            "steps": 3_200_000,
        },  # 99 %, in 17 CPU s in bf16, 36 in float32
        "falling-rocks-32x32": {**PLANNING, "steps": 400_000},  # 99.1 %, in 202 CPU s
        "planning": PLANNING,  # on 16 × 16 99.9 %, in 42 CPU s
        "minigrid": {
            "normalize_observations": True,  # kinds of cell are numbers to 10 in pixels to 255
            "gamma": 0.9,  # a truncated episode is bootstrapped, and 0.99 lets its value stay
            "exploration_fraction": 0.5,  # nothing is rewarded but the goal
            "steps": 100_000,  # Empty-5x5 after 40,000
        },
        "CartPole-v1": {
            "steps": 300_000,  # every seed balances for all 500 steps, after 12 CPU s
            "epochs": 4,  # purejaxql's
        },
        "drifting-rocks-discrete": {
            "steps": 3_000_000,  # 10.5, in 43 CPU s, and still rising; steering blindly gets 5.2
            "hidden": (256, 128),
            "envs": 256,  # as many as of falling rocks, for it is batched as well
            "rollout_steps": 32,
            "batch_size": 512,
            "gamma": 0.97,  # a beacon is a dozen steps away, and 0.97^12 is 0.7
            "exploration_fraction": 0.05,  # random play reaches one in three games
            "epsilon": 0.02,  # less of the random thrusts, since one may end a game
        },
        "atari": {
            # purejaxql's, but for 32 environments instead of 128.
            "network": "conv",
            "hidden": (512,),
            "steps": 1_000_000,  # of 50 million: a few hours on a CPU
            "rollout_steps": 32,
            "batch_size": 128,
            "lr": 2.5e-4,
            "epsilon": 0.001,
        },
        "Acrobot-v1": {
            "steps": 300_000,  # −84, after 19 CPU s; −100 is solved
            # Speeds and cosines have other scales, and returns go to −500: without, it stays there.
            "normalize_observations": True,
            "normalize_rewards": True,
            "exploration_fraction": 0.3,  # longer, as nothing is learned before the first swing up
            "lam": 0.8,  # a swing takes many steps
        },
        "LunarLander-v3": {
            "steps": 500_000,  # 242, after 39 CPU s; 200 is solved
            "normalize_observations": True,  # as for Acrobot: returns go from −500 to 300
            "normalize_rewards": True,
        },
        "MinAtar/Breakout-v1": {
            "steps": 1_500_000,  # 22 bricks, after 70 CPU s, and still rising
            "network": "conv",  # ball and paddle are single cells of a grid with four channels
            "hidden": (128,),
            "envs": 64,
            "rollout_steps": 32,  # as many steps an update as by default, of more environments
            "lr": 1e-3,  # half, as the run is longer
        },
    }

    def __init__(self, config: PqnConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        assert info.actions is not None
        self.config = config
        self.info = info
        self.q = Network(
            config.network,
            info,
            config.hidden,
            info.actions,
            layer_norm=config.layer_norm,
            memory=config.memory,
            normalize=config.normalize_observations,
        )
        self.average = copy.deepcopy(self.q).requires_grad_(False)
        # Cells of a grid are exact in bf16, and measurements are not.
        self.grids = np.issubdtype(np.dtype(info.dtype), np.integer)

    @property
    def precision(self) -> Mapping[str, str]:
        """On the CPU bf16 pays from wide layers on: with the preset of CartPole it takes 1.2 times
        as long, with that of falling rocks 8 × 8 0.8 times, 16 × 16 and 32 × 32 0.55 times.
        """
        weights = sum(each.numel() for each in self.q.hidden.parameters())
        wide = self.config.batch_size * weights >= BF16_MULTIPLICATIONS
        mlp = self.config.network == "mlp" and self.config.memory == "none"
        pays = self.grids and wide and mlp
        return {"cpu": "bf16"} if pays else {}

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        updates = max(1, config.steps // (config.envs * config.rollout_steps))
        epsilon = torch.ones((), device=run.device)
        env = source.batch(config.envs, device=run.device, seed=run.seed)
        collector = RolloutCollector(env, self.q, partial(epsilon_greedy, epsilon=epsilon), run)
        # On several devices, this one's share.
        batch_size = max(1, config.batch_size * env.num_envs // config.envs)
        samples = Samples(self.q, env.num_envs, config.rollout_steps, batch_size)
        optimizer = Adam(self.q.parameters(), lr=config.lr, fused=True)
        schedule = LinearToZero(optimizer, updates)
        rewards = Rewards(config.normalize_rewards, env.num_envs, config.gamma, run)
        steps_an_update = config.envs * config.rollout_steps
        evaluations = Evaluations(self, source, run, steps_an_update)
        run.keep(player=collector, optimizer=optimizer, schedule=schedule)

        def learn(orders: Tensor, *rolled: Tensor) -> tuple[Tensor, Tensor]:
            """Update Q in minibatches of a rollout; returns the last loss and the mean value."""
            rollout = Rollout(*rolled)
            next_values = rollout.next_outputs.amax(-1)
            targets = lambda_returns(rollout, next_values, config.gamma, config.lam)
            data = (rollout.observations, rollout.memory, rollout.ended, rollout.actions, targets)
            columns = [samples.of(column) for column in data]
            for rows in samples.minibatches(orders):
                # Faster than column[rows].
                *seen, actions, target = (column.index_select(0, rows) for column in columns)
                with run.autocast():
                    taken = self.q.unroll(*seen).gather(-1, actions[..., None]).squeeze(-1)
                    loss = F.mse_loss(taken.float(), target)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return loss, next_values.mean()

        learn = run.capture(learn, optimizer)
        for update in run.steps(updates):
            exploration = self.exploration_rate(update / updates)
            epsilon.fill_(exploration)
            rollout = rewards.scaled(collector.collect(config.rollout_steps))
            orders = samples.orders(config.epochs, run.device)
            loss, mean_value = learn(orders, *rollout)
            schedule.step()
            self.q.observe(rollout.observations.flatten(0, 1))
            self.update_average(update)
            run.environment_steps = (update + 1) * steps_an_update
            run.log(
                loss=loss,
                epsilon=exploration,
                q_values=mean_value,
                **collector.metrics(),
                **evaluations.metrics(),
            )
        evaluations.finish()

    def exploration_rate(self, progress: float) -> float:
        """ε after this share of the training: falls linearly from 1, then stays."""
        config = self.config
        fraction = config.exploration_fraction
        return 1 - (1 - config.epsilon) * (min(1.0, progress / fraction) if fraction else 1.0)

    @torch.no_grad()
    def update_average(self, update: int) -> None:
        """Average Q's weights: with equal weight at first, exponentially once there are many."""
        weight = max(1 - self.config.ema, 1 / (update + 1))
        averages: list[Tensor] = list(self.average.parameters())
        latest: list[Tensor] = list(self.q.parameters())
        torch._foreach_lerp_(averages, latest, weight)
        for average, statistic in zip(self.average.buffers(), self.q.buffers(), strict=True):
            average.copy_(statistic)

    def trace(self, observations: Tensor) -> list[Layer]:
        """Observations (N, *shape), with which episodes begin → the layers up to Q (N, actions)."""
        return trace_layers(self, observations, self.average)

    @property
    def memory_size(self) -> int:
        """Numbers that it remembers of an episode."""
        return self.q.memory_size

    @torch.no_grad()
    def act_next(
        self, observations: Tensor, memory: Tensor, *, deterministic: bool = True
    ) -> tuple[Tensor, Tensor]:
        """The greedy actions (N,), or the final ε-greedy ones, and the memory (N, `memory_size`)
        after them.
        """
        q, memory = self.average.step(observations, memory)
        epsilon = 0.0 if deterministic else self.config.epsilon
        return epsilon_greedy(q, torch.full_like(q[0, 0], epsilon)) if epsilon else q.argmax(
            1
        ), memory


def epsilon_greedy(q: Tensor, epsilon: Tensor) -> Tensor:
    """Q (N, actions) → actions (N,): each the greedy one, or with probability ε a random one."""
    greedy = q.argmax(1)
    random = torch.randint_like(greedy, q.shape[1])
    return torch.where(torch.rand_like(q[:, 0]) < epsilon, random, greedy)
