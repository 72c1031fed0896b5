"""SAC: an actor that is rewarded for its entropy, and two critics, from a replay buffer.

Haarnoja, Zhou, Abbeel and Levine 2018, "Soft Actor-Critic: Off-Policy Maximum Entropy Deep
Reinforcement Learning with a Stochastic Actor", https://arxiv.org/abs/1801.01290, with the learned
temperature of Haarnoja et al. 2018, "Soft Actor-Critic Algorithms and Applications",
https://arxiv.org/abs/1812.05905, in the implementation of stable-baselines3:

    repeat
        take T steps in each of N environments by the policy π, and store the transitions
        for U gradient steps
            sample a minibatch of transitions (s, a, r, s′) from the replay buffer
            y ← r + γ (min(Q₁⁻, Q₂⁻)(s′, a′) − α log π(a′ | s′)),  a′ ~ π(· | s′)
            descend the gradient of  (Q₁(s, a) − y)² + (Q₂(s, a) − y)²
            descend that of  α log π(ã | s) − min(Q₁, Q₂)(s, ã),  ã ~ π(· | s), for the actor
            move log α, so that the entropy of π comes to −dim(a)
            Q⁻ ← (1 − τ) Q⁻ + τ Q

Actions are a tanh of a normal variable, scaled to the bounds of the action space. After a terminal
state y is r alone; a truncated episode would have gone on, and bootstraps from its final s′.

From stable-baselines3's defaults we depart in: four environments, and as many gradient steps as
environment steps after every eight of each; the learning rate, which falls to 0, since runs are
short; 1,000 random steps at first instead of 100; the replay buffer, of 100,000 transitions instead
of a million, since all are in every checkpoint; and Adam's fused implementation.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveFloat
from stable_baselines3 import SAC
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor

import rockfall
from rockfall import Environment
from rockfall.kit.optimizers import Adam
from rockfall_agents.continuous import CONTINUOUS, TINY, ContinuousAgent, ContinuousConfig


class SacConfig(ContinuousConfig):
    ent_coef: Literal["auto"] | PositiveFloat = Field(
        "auto",
        description="temperature α, the weight of the entropy; auto learns it, as the paper does",
    )


class Sac(ContinuousAgent):
    """observations (N, *shape) → the mean actions, (N, *action shape)."""

    Config = SacConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": TINY,
        "Pendulum-v1": {"lr": 1e-3, "steps": 20_000},  # both RL Zoo's
        "continuous": CONTINUOUS,
    }
    policy_class = SACPolicy
    losses: ClassVar = {
        "actor_loss": "train/actor_loss",
        "critic_loss": "train/critic_loss",
        "ent_coef": "train/ent_coef",
    }

    def outputs(self, flat: Tensor) -> Tensor:
        """The mean actions, as `tanh` has them: their bounds are −1 and 1."""
        policy: Any = self.policy
        mean, *_ = policy.actor.get_action_dist_params(flat)
        actions: Tensor = mean.tanh()
        return actions

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        self.fit_off_policy(UncompiledSac, source, run, ent_coef=self.config.ent_coef)

    def kept(self, algorithm: Any) -> dict[str, Any]:
        learned = self.config.ent_coef == "auto"
        return {
            **super().kept(algorithm),
            **({"entropy": Temperature(algorithm)} if learned else {}),
        }


class UncompiledSac(SAC):
    """Theirs, but that it learns α by an Adam which does not import torch's compiler: see
    `rockfall.kit.optimizers`. The arithmetic is the same.
    """

    def _setup_model(self) -> None:
        learned = self.ent_coef == "auto"
        if learned:
            self.ent_coef = 1.0  # a fixed one, for which nothing is made
        super()._setup_model()
        if learned:
            self.log_ent_coef = torch.zeros(1, device=self.device, requires_grad=True)
            self.ent_coef_optimizer = Adam([self.log_ent_coef], lr=self.lr_schedule(1))


class Temperature:
    """The learned log α of an algorithm, and its optimizer."""

    def __init__(self, algorithm: SAC) -> None:
        assert algorithm.log_ent_coef is not None and algorithm.ent_coef_optimizer is not None
        self.log, self.optimizer = algorithm.log_ent_coef, algorithm.ent_coef_optimizer

    def state_dict(self) -> dict[str, Any]:
        return {"log": self.log.detach(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self.log.copy_(state["log"])
        self.optimizer.load_state_dict(state["optimizer"])
