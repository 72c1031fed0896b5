"""The Gymnasium ids of the game."""

import gymnasium

SIZES = (8, 16, 32)
ENV_IDS = {
    "rockfall/FallingRocks-v0": {},
    **{f"rockfall/FallingRocks-{size}x{size}-v0": {"size": size} for size in SIZES},
}


def register_all() -> None:
    """Register every id; the entry points are strings, imported on first use."""
    for env_id, kwargs in ENV_IDS.items():
        gymnasium.register(
            id=env_id,
            entry_point="falling_rocks.env:FallingRocksEnv",
            vector_entry_point="falling_rocks.vector:FallingRocksVectorEnv",
            kwargs=kwargs,
        )
