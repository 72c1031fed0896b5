"""Play: an agent, the baselines and a person beside each other, on the same episode.

`asks.py` says what the page can ask, `players.py` who plays in which environment, `game.py` how
time goes by.
"""

from rockfall_studio.views.play import asks

__all__ = ["asks"]
