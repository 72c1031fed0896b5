"""BipedalWalker with episodes that are the same again from their seed.

It puts the bodies of every episode into one world of Box2D, which remembers how earlier ones lay,
so that an episode depends on those before it. Gymnasium's LunarLander makes a new world in each
reset for that reason: https://github.com/Farama-Foundation/Gymnasium/issues/728.
"""

from __future__ import annotations

from typing import Any

import gymnasium

MODULE = "gymnasium.envs.box2d.bipedal_walker"


class OwnWorld(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Each episode in a world of its own."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        inner: Any = self.env.unwrapped
        inner._destroy()
        inner.world = type(inner.world)()
        return self.env.reset(seed=seed, options=options)


def in_own_world(env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """The same environment, in an `OwnWorld` if it needs it."""
    return OwnWorld(env) if type(env.unwrapped).__module__ == MODULE else env
