"""The Gymnasium spaces of the game."""

import gymnasium
import numpy as np

from falling_rocks.rules import NUM_ACTIONS, Rules


def observation_space(rules: Rules) -> gymnasium.spaces.Box:
    """Cells that are 0 or 1, of shape ``rules.observation_shape``."""
    return gymnasium.spaces.Box(0, 1, rules.observation_shape, np.dtype(rules.dtype).type)


def action_space() -> gymnasium.spaces.Discrete:
    """0 stay, 1 left, 2 right."""
    return gymnasium.spaces.Discrete(NUM_ACTIONS)
