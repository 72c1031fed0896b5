"""The planner: thrusts that are tried out by the rules themselves, in batches."""

import numpy as np
from numpy.typing import NDArray

from drifting_rocks.rules import Rules, State, advance
from drifting_rocks.spaces import TABLE

Floats = NDArray[np.float32]

HORIZON = 20
"""Steps that each trial lasts: further ahead, a rock in the way is better left to later plans."""
HELD = (0, *(4,) * 9, *(8,) * 9)
"""For how many steps each trial holds a thrust, before it steers for the beacon: one trial does so
at once, and each of the nine thrusts is held shortly and long."""
LEAD = 10
"""Steps of the present velocity that are taken off the way when steering: what would carry the
craft past the beacon is braked, and it is slow where it arrives, since the next may be anywhere."""


def plan(rules: Rules, state: State) -> Floats:
    """Choose the thrusts ``(2, num_envs)`` that begin the best of some trials.

    Each trial holds one of nine thrusts for a while and then steers straight for the beacon, by
    the rules, without knowing where the next one will appear. The best trial is the one that goes
    longest without a hit; of these, the one that reaches the beacon soonest; and of those that
    don't within the horizon, the one that ends nearest.
    """
    num_envs, trials = state.velocity.shape[-1], len(HELD)
    # The trials of all games are games of one batch.
    games = State(*(np.repeat(part[..., None, :], trials, -2) for part in state))
    games = State(*(part.reshape(*part.shape[:-2], -1) for part in games))
    held = np.concatenate([TABLE[:, :1], TABLE, TABLE], axis=1)[:, :, None]
    until = np.array(HELD)[:, None]

    never = HORIZON
    first_hit, first_reached = np.full((2, trials * num_envs), never)
    no_beacon = np.zeros_like(games.beacon)
    for step in range(HORIZON):
        steered = steer(rules, games).reshape(2, trials, num_envs)
        thrust = np.where(step < until, held, steered)
        if step == 0:
            begin = thrust
        games, reached, hit = advance(rules, games, thrust.reshape(2, -1), no_beacon)
        first_reached[reached & (first_reached == never) & (first_hit == never)] = step
        first_hit[hit & (first_hit == never)] = step

    x, y = games.beacon
    # A way is shorter than 2, so that each part of the value outweighs those after it.
    missed = np.where(first_reached == never, np.sqrt(x * x + y * y), 0)
    value = (first_hit * (never + 1) - first_reached) * 2 - missed
    best = value.reshape(trials, num_envs).argmax(0)
    return np.take_along_axis(begin, best[None, None], 1)[:, 0]


def steer(rules: Rules, state: State) -> Floats:
    """Full thrust towards the beacon, braked in time, ``(2, …)``."""
    way = state.beacon - state.velocity * LEAD
    thrust: Floats = way / np.maximum(abs(way).max(0), np.float32(1e-6))
    return thrust.round() if rules.actions == "discrete" else thrust
