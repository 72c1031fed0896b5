"""The settings that all agents share."""

from __future__ import annotations

from pydantic import Field, PositiveInt

import rockfall
from rockfall_agents.networks import Architecture


class AgentConfig(rockfall.Config):
    network: Architecture = Field(
        "mlp", description="network architecture; mlp takes any observation, conv grids, slowly"
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
