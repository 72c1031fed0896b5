"""REINFORCE with baseline: Monte Carlo policy gradients, on many environments at once.

Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement
learning", Machine Learning 8; with the baseline of Sutton and Barto 2018, section 13.4. The
textbook method is `lam=1 clip=0 epochs=1`, the preset `textbook`:

    repeat
        collect T steps in each of N environments by the policy π
        G_t ← r_t + γ G_{t+1}                                      for t = T − 1 … 0
        A_t ← G_t − b(s_t)                                         the advantage over the baseline
        descend the gradient of  (b(s_t) − G_t)² / 2 − A_t log π(a_t | s_t)

Two options, on by default, make more of every step:

- `lam` below 1 bootstraps from the baseline, which lowers the variance of A_t and biases it a
  little: generalised advantage estimation (GAE; Schulman et al. 2016,
  https://arxiv.org/abs/1506.02438, equation 16).
- `clip` above 0 lets a rollout be used for several `epochs`, since the gradient vanishes where the
  policy is already far from the one that collected: the clipped surrogate objective of proximal
  policy optimisation (PPO; Schulman et al. 2017, https://arxiv.org/abs/1707.06347, equation 7).

Where it departs from the textbook, also with that preset: it learns from rollouts of a fixed length
instead of whole episodes, so that the baseline stands in for the return at a rollout's last step
and where an episode is truncated; advantages are normalised over a rollout; there is no factor
γ^t; policy and baseline are one network with two heads; an entropy bonus keeps the policy
exploring; Adam descends, with a learning rate that falls to 0 and gradients clipped at norm 0.5.
From PPO, with both options, it departs in that advantages are normalised over the rollout, not over
each minibatch, and in the annealed entropy bonus; `ppo` is stable-baselines3's.

With memory the network has a recurrent layer, and minibatches are whole sequences of steps.

On falling rocks 16 × 16 it ends with both options at 98.1 % of the oracle after 55 CPU seconds on
one thread (2 seeds), and by the textbook at 95.3 to 95.5 % after 24 (3 seeds).
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Environment
from rockfall.kit.environments import ActingWithMemory
from rockfall.kit.optimizers import Adam
from rockfall.kit.schedules import LinearToZero
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_agents.config import RecurrentConfig
from rockfall_agents.distributions import policy_of
from rockfall_agents.evaluating import Evaluations
from rockfall_agents.networks import Network
from rockfall_agents.normalizing import Rewards
from rockfall_agents.rollout import (
    Rollout,
    RolloutCollector,
    Samples,
    lambda_returns,
)

MAX_GRAD_NORM = 0.5
"""Norm at which gradients are clipped; usual for actor–critics, and stable-baselines3's."""


class ReinforceConfig(RecurrentConfig):
    steps: int = Field(500_000, ge=1, description="environment steps in all; for easy games")
    envs: int = Field(
        32, ge=1, le=65_536, description="parallel environments; enough to decorrelate the steps"
    )
    rollout_steps: int = Field(
        64, ge=1, description="steps of each environment per update; (γλ)^64 < 0.001"
    )
    lam: float = Field(
        0.9, ge=0, le=1, description="λ of GAE; below 1 lowers the variance, 1 is Monte Carlo"
    )
    clip: float = Field(
        0.2, ge=0, lt=1, description="clip range of the probability ratio, PPO's; 0 is none"
    )
    epochs: int = Field(
        4, ge=1, description="passes over each rollout; more than 1 needs a clip, which allows it"
    )
    batch_size: int = Field(
        512, ge=1, description="transitions in each minibatch; fewer give noisy gradients"
    )
    entropy: float = Field(
        0.003,
        ge=0,
        description="entropy bonus coefficient, annealed to 0; for exploration",
    )
    lr: float = Field(
        2e-3,
        gt=0,
        le=1,
        description="learning rate of Adam, annealed to 0; high for short runs",
    )

    @model_validator(mode="after")
    def _on_policy(self) -> Self:
        if self.epochs > 1 and not self.clip:
            raise ValueError("without a clip a rollout is good for one epoch: epochs=1 or clip=0.2")
        return self


FALLING_ROCKS: dict[str, Any] = {
    "layer_norm": False,  # learns sooner there without
    "envs": 256,  # a batched step of this game costs little more than one of 32
    "rollout_steps": 32,  # half an episode
    "gamma": 0.9,  # a move matters within ten steps; later rewards are other rocks', and noise
    "lam": 0.8,  # (γλ)^10 is 0.04: as far as γ looks
    "epochs": 2,  # 8,192 steps give 16 minibatches an epoch, enough with two
}
FALLING_ROCKS_32X32: dict[str, Any] = {
    **FALLING_ROCKS,
    "layer_norm": True,  # steadier with four times as many cells
    "rollout_steps": 64,  # a whole episode, since a rock falls for half of one
    "gamma": 0.95,  # 0.95^31 is 0.2: a rock is in sight for 31 steps before it lands
    "lam": 0.9,  # in step with γ
    "entropy": 0.01,  # rewards are rare at first, and a policy that is sure too soon finds none
    "lr": 1e-3,  # half, since rewards are rarer and gradients noisier
    "steps": 2_400_000,  # 1.5 × those of 16 × 16; not yet converged
}
TEXTBOOK: dict[str, Any] = {
    **FALLING_ROCKS,
    "lam": 1,
    "clip": 0,
    "epochs": 1,
    "batch_size": 2048,  # nothing but its size bounds an update: a gradient of less variance,
    "lr": 1e-3,  # half the learning rate,
    "entropy": 0.02,  # and a larger bonus, so that the policy is not sure too soon
}


class Reinforce(ActingWithMemory):
    """observations (N, *shape) → what the policy takes and, last, the baseline, (N, K + 1)."""

    Config = ReinforceConfig
    parallel: ClassVar[str] = "batches"
    monitor: ClassVar[str] = "evaluation_score"
    headline: ClassVar[str] = "score"
    tuned_by: ClassVar[str] = "score"
    lengthened_by: ClassVar[str] = "steps"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        # A second of training, for tests.
        "tiny": {"hidden": (16,), "steps": 2_000, "envs": 8, "rollout_steps": 16, "batch_size": 64},
        "falling-rocks-8x8": {**FALLING_ROCKS, "steps": 600_000},  # 99 % of the oracle, in 6 CPU s
        "falling-rocks-16x16": {
            **FALLING_ROCKS,
            "hidden": (512,),  # 97 % with two layers of 128: one wide layer finds more
            "steps": 2_000_000,
        },  # 98.1 %, in 55 CPU s
        "falling-rocks-32x32": FALLING_ROCKS_32X32,
        "textbook": {**TEXTBOOK, "steps": 3_200_000},  # twice, as each is used once: 24 CPU s
        "CartPole-v1": {
            "steps": 300_000,  # every seed balances for all 500 steps, after 10 CPU s
            "lam": 0.95,  # amid what the GAE paper found best for a cart-pole, 0.92 to 0.98
        },
        "continuous": {
            # CleanRL's ppo_continuous_action, with 16 environments for one, in wider layers.
            "normalize_observations": True,  # speeds and angles have other scales,
            "normalize_rewards": True,  # and so have the tasks
            "steps": 1_000_000,
            "envs": 16,
            "rollout_steps": 128,
            "lam": 0.95,
            "epochs": 10,
            "batch_size": 64,
            "entropy": 0.0,  # a Gaussian is wide enough at first
            "lr": 3e-4,
        },
        "Acrobot-v1": {
            "steps": 200_000,  # −80, after 14 CPU s; −100 is solved
            # Speeds and cosines have other scales, and returns go to −500: without, it stays there.
            "normalize_observations": True,
            "normalize_rewards": True,
            "rollout_steps": 128,  # a swing takes many steps
            "lam": 0.95,  # in step with the rollouts
        },
        "Pendulum-v1": {
            "steps": 200_000,  # −170 (one run); −200 is solved
            "normalize_rewards": True,  # they go to −16 a step
            "envs": 16,
            "rollout_steps": 128,
            "gamma": 0.9,  # RL Zoo's for ppo: what a torque does shows within ten steps
            "lam": 0.95,
            "epochs": 10,  # RL Zoo's for ppo
            "batch_size": 128,  # 16 minibatches an epoch
            "entropy": 0.0,  # a Gaussian is wide enough at first
            "lr": 1e-3,  # half, as so many epochs go far
        },
        "LunarLander-v3": {
            "steps": 600_000,  # 288, after 49 CPU s; 200 is solved
            "normalize_observations": True,  # as for Acrobot: returns go from −500 to 300
            "normalize_rewards": True,
            "rollout_steps": 128,
            "gamma": 0.995,  # a landing takes some 300 steps
            "lam": 0.97,  # in step with γ
            "entropy": 0.005,  # hovering is a trap
            "lr": 1e-3,  # half, as rewards are noisy
        },
    }

    def __init__(self, config: ReinforceConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        self.info = info
        self.policy = policy_of(info)
        self.network = Network(
            config.network,
            info,
            config.hidden,
            self.policy.outputs + 1,
            layer_norm=config.layer_norm,
            memory=config.memory,
            normalize=config.normalize_observations,
        )
        with torch.no_grad():  # the initial policy is nearly uniform, so that it tries everything
            self.network.head.weight[:-1] *= 0.01

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        updates = max(1, config.steps // (config.envs * config.rollout_steps))
        env = source.batch(config.envs, device=run.device, seed=run.seed)
        collector = RolloutCollector(env, self.network, self.explore, run)
        optimizer = Adam(self.parameters(), lr=config.lr, fused=True)
        schedule = LinearToZero(optimizer, updates)
        # On several devices, this one's share.
        batch_size = max(1, config.batch_size * env.num_envs // config.envs)
        samples = Samples(self.network, env.num_envs, config.rollout_steps, batch_size)
        rewards = Rewards(config.normalize_rewards, env.num_envs, config.gamma, run)
        steps_an_update = config.envs * config.rollout_steps
        evaluations = Evaluations(self, source, run, steps_an_update)
        run.keep(player=collector, optimizer=optimizer, schedule=schedule)
        entropy_coef = torch.zeros((), device=run.device)

        def learn(orders: Tensor, *rolled: Tensor) -> dict[str, Tensor]:
            """Update the network in minibatches of a rollout; returns the last one's losses."""
            rollout = Rollout(*rolled)
            values, next_values = rollout.outputs[..., -1], rollout.next_outputs[..., -1]
            returns = lambda_returns(rollout, next_values, config.gamma, config.lam)
            advantages = returns - values
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
            old_policy = self.policy(rollout.outputs[..., :-1])
            old_log_probs = old_policy.log_prob(rollout.actions).detach()
            given = (rollout.observations, rollout.memory, rollout.ended)
            columns = [
                samples.of(column)
                for column in (*given, rollout.actions, old_log_probs, advantages, returns)
            ]
            for rows in samples.minibatches(orders):
                *seen, action, old_log_prob, advantage, target = (
                    column[rows] for column in columns
                )
                with run.autocast():
                    outputs = self.network.unroll(*seen).float()
                pi = self.policy(outputs[..., :-1])
                log_prob = pi.log_prob(action)
                objective = surrogate(log_prob, old_log_prob, advantage, config.clip).mean()
                value_loss = F.mse_loss(outputs[..., -1], target)
                entropy = pi.entropy().mean()
                loss = 0.5 * value_loss - objective - entropy_coef * entropy
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.parameters(), MAX_GRAD_NORM)
                optimizer.step()
            return {
                "loss": loss,
                "value_loss": value_loss,
                "entropy": entropy,
                "explained_variance": explained_variance(values, returns),
                **moved(log_prob.detach() - old_log_prob, config.clip),
            }

        learn = run.capture(learn, optimizer)
        for update in run.steps(updates):
            entropy_coef.fill_(config.entropy * (1 - update / updates))
            rollout = rewards.scaled(collector.collect(config.rollout_steps))
            orders = samples.orders(config.epochs, run.device)
            losses = learn(orders, *rollout)
            schedule.step()
            self.network.observe(rollout.observations.flatten(0, 1))
            run.environment_steps = (update + 1) * steps_an_update
            run.log(**losses, **collector.metrics(), **evaluations.metrics())
        evaluations.finish()

    def explore(self, outputs: Tensor) -> Tensor:
        """Actions drawn from π(· | s), from outputs (…, K + 1) of the network."""
        return self.policy.sample(outputs[..., :-1])

    def trace(self, observations: Tensor) -> list[Layer]:
        """Observations (N, *shape), with which episodes begin → the layers up to the policy's
        parameters, such as the probabilities (N, actions). The head's last number is the baseline.
        """

        def parameters(given: Tensor) -> Tensor:
            return self.policy.expected(self.network(given)[:, :-1])

        return trace_layers(self, observations, parameters)

    @property
    def memory_size(self) -> int:
        """Numbers that it remembers of an episode."""
        return self.network.memory_size

    @torch.no_grad()
    def act_next(
        self, observations: Tensor, memory: Tensor, *, deterministic: bool = True
    ) -> tuple[Tensor, Tensor]:
        """The most probable actions (N, …), or such as are drawn from the policy, and the memory
        (N, `memory_size`) after them.
        """
        outputs, memory = self.network.step(observations, memory)
        choose = self.policy.mode if deterministic else self.policy.sample
        return choose(outputs[:, :-1]), memory


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """The share of the returns' variance that the baseline knows of: 1 at best, below 0 if it is
    worse than a constant; 0 for returns that are all the same.
    """
    variance = returns.var()
    return torch.where(variance > 0, 1 - (returns - values).var() / variance, 0.0)


def moved(log_ratio: Tensor, clip: float) -> dict[str, Tensor]:
    """How far π is from the policy π₀ that collected, by log π / π₀ of some actions: an estimate of
    the KL divergence (http://joschu.net/blog/kl-approx.html), and the share that the clip holds.
    """
    log_ratio = log_ratio.clamp(-30, 30)  # whose exponential is a finite number
    change = log_ratio.exp() - 1
    clipped = {"clip_fraction": (change.abs() > clip).float().mean()} if clip else {}
    return {"approx_kl": (change - log_ratio).mean(), **clipped}


def surrogate(log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The surrogate objective, (N,), whose mean's gradient is the policy gradient.

    log_prob, old_log_prob, advantage: (N,); log π(a | s) by the present policy and by the one that
        collected the rollout.
    clip: PPO's clip range c: the minimum of ρA and clip(ρ, 1 − c, 1 + c)A, where ρ = π / π₀.
        0 is the objective of REINFORCE, A log π.
    """
    if not clip:
        return log_prob * advantage
    ratio = (log_prob - old_log_prob).exp()
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
