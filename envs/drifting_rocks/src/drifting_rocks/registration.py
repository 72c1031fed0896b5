"""The Gymnasium ids of the game."""

import gymnasium

ENV_IDS = {
    "rockfall/DriftingRocks-v0": {"actions": "continuous"},
    "rockfall/DriftingRocksDiscrete-v0": {"actions": "discrete"},
}


def register_all() -> None:
    """Register every id; the entry points are strings, imported on first use."""
    for env_id, kwargs in ENV_IDS.items():
        gymnasium.register(
            id=env_id,
            entry_point="drifting_rocks.env:DriftingRocksEnv",
            vector_entry_point="drifting_rocks.vector:DriftingRocksVectorEnv",
            kwargs=kwargs,
        )
