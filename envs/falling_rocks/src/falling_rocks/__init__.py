"""Falling Rocks, a small, fast Gymnasium environment: catch falling rocks with a bowl.

Importing it registers ``rockfall/FallingRocks-v0``, which takes the parameters of `Rules`, and
one id each for grids of 8, 16 and 32 rows and columns. Start reading at `falling_rocks.rules`.
"""

from falling_rocks.registration import register_all
from falling_rocks.rules import NO_ROCK, Rules, State, advance, start

__version__ = "0.1.0"
__all__ = ["NO_ROCK", "Rules", "State", "advance", "start"]

register_all()
