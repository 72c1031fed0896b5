"""REINFORCE: make what went better than expected more likely, on many environments at once.

The textbook method (Williams 1992, "Simple statistical gradient-following algorithms for
connectionist reinforcement learning", Machine Learning 8; with the baseline of Sutton and Barto
2018, section 13.4) is `lam=1 clip=0 epochs=1`, the preset `textbook`:

    repeat
        play T steps in each of N environments by the policy π
        G_t ← r_t + γ G_{t+1}                                      for t = T − 1 … 0
        A_t ← G_t − b(s_t)                  better or worse than the baseline expected?
        descend the gradient of  − A_t log π(a_t | s_t) + (b(s_t) − G_t)²

Two options make more of every step that was played:

- `lam` below 1 trusts the baseline for what comes later, which has less luck in it: generalised
  advantage estimation (Schulman et al. 2016, https://arxiv.org/abs/1506.02438, equation 16).
- `clip` above 0 lets a rollout be used for several `epochs`, since a policy that has come far
  from the one that played gains nothing by going further: proximal policy optimisation (Schulman
  et al. 2017, https://arxiv.org/abs/1707.06347, equation 7).
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents.networks import Kind, Network
from rockfall_agents.rollout import Player, lambda_returns, minibatches


class ReinforceConfig(rockfall.Config):
    network: Kind = Field("mlp", description="conv sees grids place by place, and takes longer")
    hidden: tuple[int, ...] = Field((128, 128), description="units a layer, for policy and baseline")
    norm: bool = Field(True, description="LayerNorm: one step size then suits most observations")
    steps: int = Field(500_000, ge=1, description="played in all; CartPole is learnt by then")
    envs: int = Field(32, ge=1, description="played at once; enough that steps are unalike")
    rollout: int = Field(64, ge=1, description="steps of each between updates")
    gamma: float = Field(0.99, ge=0, le=1, description="a reward's worth one step later")
    lam: float = Field(0.9, ge=0, le=1, description="λ: 1 returns, below it advantage estimation")
    clip: float = Field(0.2, ge=0, lt=1, description="how far π may go an update; 0 is no bound")
    epochs: int = Field(4, ge=1, description="passes over a rollout; needs a clip if above 1")
    batch_size: int = Field(512, ge=1, description="steps a gradient")
    entropy: float = Field(0.003, ge=0, description="reward for undecidedness; falls to 0")
    lr: float = Field(2e-3, gt=0, le=1, description="Adam's first step size; falls to 0")

    @model_validator(mode="after")
    def _on_policy(self) -> Self:
        if self.epochs > 1 and not self.clip:
            raise ValueError("without a clip a rollout is good for one epoch: epochs=1 or clip=0.2")
        return self


class Reinforce(nn.Module):
    """observations (N, *shape) → logits of the actions and, last, the baseline (N, actions + 1)."""

    Config = ReinforceConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    threads: ClassVar[int] = 1  # the products are too small for a second thread to pay

    def __init__(self, config: ReinforceConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        assert info.actions is not None
        self.config = config
        self.network = Network(
            config.network, info, config.hidden, info.actions + 1, norm=config.norm
        )
        with torch.no_grad():  # begin undecided: what is tried first is all that is learnt from
            self.network.head.weight[:-1] *= 0.01

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        updates = max(1, config.steps // (config.envs * config.rollout))
        player = Player(source.batch(config.envs, device=run.device, seed=run.seed))
        optimizer = torch.optim.Adam(self.parameters(), lr=config.lr, fused=True)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
        run.keep(player=player, optimizer=optimizer, schedule=schedule)
        for update in run.steps(updates):
            with run.autocast():
                rollout = player.play(config.rollout, self.network, sample)
            returns = lambda_returns(
                rollout, rollout.next_outputs[..., -1], config.gamma, config.lam
            )
            advantages = returns - rollout.outputs[..., -1]
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
            played = log_probability(rollout.outputs, rollout.actions)
            examples = [
                column.flatten(0, 1)
                for column in (rollout.observations, rollout.actions, played, advantages, returns)
            ]
            for rows in minibatches(
                returns.numel(), config.epochs, config.batch_size, run.device
            ):
                seen, actions, before, better, target = (column[rows] for column in examples)
                with run.autocast():
                    outputs = self.network(seen).float()
                policy = policy_loss(log_probability(outputs, actions), before, better, config.clip)
                baseline = F.mse_loss(outputs[:, -1], target)
                undecided = entropy(outputs)
                loss = policy + 0.5 * baseline - config.entropy * (1 - update / updates) * undecided
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.parameters(), 0.5)
                optimizer.step()
            schedule.step()
            run.log(policy=policy.detach(), baseline=baseline.detach(), entropy=undecided.detach())
            if len(rollout.scores):
                run.log(score=rollout.scores.mean())

    @torch.no_grad()
    def act(self, observations: Tensor) -> Tensor:
        outputs: Tensor = self.network(observations)
        return outputs[:, :-1].argmax(1)


def sample(outputs: Tensor) -> Tensor:
    """Outputs (N, actions + 1) → actions (N,), each as likely as the policy says."""
    return torch.multinomial(outputs[:, :-1].softmax(1), 1).squeeze(1)


def log_probability(outputs: Tensor, actions: Tensor) -> Tensor:
    """log π(a | s) of outputs (…, actions + 1) and actions (…)."""
    return outputs[..., :-1].log_softmax(-1).gather(-1, actions[..., None]).squeeze(-1)


def entropy(outputs: Tensor) -> Tensor:
    """Of the policy, in nats, over a batch of outputs (N, actions + 1): 0 is decided."""
    log = outputs[:, :-1].log_softmax(1)
    return -(log.exp() * log).sum(1).mean()


def policy_loss(now: Tensor, before: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """The loss whose gradient is the policy's, all (N,).

    now, before: log π of the actions played, by the policy as it is and as it was when it played.
    """
    if not clip:
        return -(now * advantages).mean()
    ratio = (now - before).exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()
