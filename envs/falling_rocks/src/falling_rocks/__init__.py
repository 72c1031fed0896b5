"""Falling Rocks: a bowl catches what falls. A small, fast Gymnasium environment.

To import this registers ``rockfall/FallingRocks-v0``, which takes the parameters of `Rules`, and
the games of 8, 16 and 32 rows and columns. Start reading at `falling_rocks.rules`.
"""

from falling_rocks.registration import register_all
from falling_rocks.rules import NO_ROCK, Rules, State, advance, start

__version__ = "0.1.0"
__all__ = ["NO_ROCK", "Rules", "State", "advance", "start"]

register_all()
