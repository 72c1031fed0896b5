"""REINFORCE: Monte Carlo policy gradients, on many environments at once.

Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement
learning"; Sutton and Barto 2018, section 13.4:

    repeat
        play T steps in each of N environments by the policy π
        G_t = r_t + γ G_{t+1}                                          the returns
        ascend the gradient of  (G_t − b_t) log π(a_t | s_t)

Where it departs from the textbook: it learns from T steps instead of whole episodes, after which
nothing is counted; the baseline b_t is the mean of G_t over the N environments; advantages are
divided by their standard deviation; there is no factor γ^t; and Adam ascends.
"""

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Categorical

import rockfall
from rockfall.kit.environments import Acting
from rockfall.kit.optimizers import Adam
from rockfall.kit.tracing import Layer, trace_layers


class Hello(Acting):
    class Config(rockfall.Config):
        updates: int = Field(150, ge=1, description="number of gradient steps; a few seconds")
        envs: int = Field(64, ge=1, description="N: parallel environments; more lower the variance")
        rollout_steps: int = Field(32, ge=1, description="T: steps of each before an update")
        hidden: int = Field(64, ge=1, description="units in the hidden layer; for small screens")
        gamma: float = Field(0.9, ge=0, le=1, description="discount factor γ; ten steps ahead")
        lr: float = Field(0.01, gt=0, description="learning rate of Adam; high for short runs")

    presets: ClassVar = {"tiny": {"updates": 5, "envs": 4, "rollout_steps": 8, "hidden": 8}}

    def __init__(self, config: Config, info: rockfall.SourceInfo) -> None:
        super().__init__()
        assert info.actions is not None
        self.config = config
        self.info = info
        pixels, hidden = math.prod(info.shape), config.hidden
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, info.actions)
        )

    def fit(self, source: rockfall.Environment, run: rockfall.Run) -> None:
        config = self.config
        env = source.batch(config.envs, device=run.device, seed=run.seed)
        optimizer = Adam(self.parameters(), lr=config.lr)
        run.keep(env=env, optimizer=optimizer)
        for _ in run.steps(config.updates):
            log_probs, rewards, goes_on = [], [], []
            for _ in range(config.rollout_steps):
                policy = Categorical(logits=self.logits(env.observation))
                actions = policy.sample()
                step = env.step(actions)
                log_probs.append(policy.log_prob(actions))
                rewards.append(step.reward)
                goes_on.append(~(step.terminated | step.truncated))
            returns = [torch.zeros_like(rewards[0])]
            for reward, on in zip(reversed(rewards), reversed(goes_on), strict=True):
                returns.append(reward + config.gamma * on * returns[-1])
            g = torch.stack(returns[:0:-1])
            advantages = (g - g.mean(1, keepdim=True)) / (g.std() + 1e-8)
            loss = -(advantages * torch.stack(log_probs)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log(loss=loss, reward=torch.stack(rewards).mean())

    def logits(self, observations: Tensor) -> Tensor:
        """Observations (N, *shape) → logits of the actions (N, actions)."""
        logits: Tensor = self.layers(observations.float())
        return logits

    def choose(self, observations: Tensor, deterministic: bool) -> Tensor:
        """Observations (N, *shape) → the most probable actions (N,), or such as the policy draws;
        `Acting` makes `act` of it, which also takes and gives what Gymnasium does.
        """
        logits = self.logits(observations)
        return logits.argmax(1) if deterministic else Categorical(logits=logits).sample()

    def trace(self, observations: Tensor) -> list[Layer]:
        """Observations (N, *shape) → what each layer makes of them, for whoever looks inside."""
        return trace_layers(self, observations, self.logits)
