"""The settings that all agents share."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PositiveInt, model_validator

import rockfall
from rockfall_agents.encoders import Architecture
from rockfall_agents.memory import Memory


class AgentConfig(rockfall.Config):
    network: Architecture = Field(
        "mlp",
        description="network architecture; mlp takes any observation, conv grids, vin grids whose "
        "things fall, both slowly",
    )
    hidden: tuple[PositiveInt, ...] = Field(
        (128, 128), description="units in each hidden layer; enough for a few measurements"
    )
    layer_norm: bool = Field(
        True, description="LayerNorm in hidden layers; one learning rate suits most observations"
    )
    gamma: float = Field(
        0.99, ge=0, le=1, description="discount factor γ; 0.99 looks about 100 steps ahead"
    )
    evaluate_every: int = Field(
        0,
        ge=0,
        description="environment steps between evaluations of the deterministic policy, by which "
        "checkpoint best is chosen; 0 is none, since they take time",
    )
    evaluate_episodes: int = Field(
        20, ge=1, le=4_096, description="episodes of each of these evaluations; enough to compare"
    )
    keep_best: bool = Field(
        False,
        description="whether it ends with the weights that evaluated best, for what plays worse "
        "now and then to the end; without, with the last",
    )
    normalize_observations: bool = Field(
        False,
        description="whether measurements are brought to mean 0 and deviation 1; for mixed units",
    )
    normalize_rewards: bool = Field(
        False,
        description="whether rewards are divided by the deviation of returns, in training alone",
    )

    @model_validator(mode="after")
    def _best_of_some(self) -> Self:
        if self.keep_best and not self.evaluate_every:
            raise ValueError("keep_best needs evaluations to choose by: evaluate_every=10_000")
        return self


class RecurrentConfig(AgentConfig):
    """Settings of agents that can remember."""

    memory: Memory = Field(
        "none", description="recurrent layer; for tasks where one observation does not show all"
    )
