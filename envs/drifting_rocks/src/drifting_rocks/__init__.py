"""Drifting Rocks, a small, fast Gymnasium environment: fly from beacon to beacon among rocks.

Importing it registers ``rockfall/DriftingRocks-v0``, where the actions are thrusts along two axes,
and ``rockfall/DriftingRocksDiscrete-v0``, where they are nine thrusts to choose from; both take
the parameters of `Rules`. Start reading at `drifting_rocks.rules`.
"""

from drifting_rocks.registration import register_all
from drifting_rocks.rules import Rules, State, advance, start

__version__ = "0.1.0"
__all__ = ["Rules", "State", "advance", "start"]

register_all()
