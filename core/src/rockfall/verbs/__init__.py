"""What a verb needs, the core's own and a plugin's: options, completion, runs, and how it ends.

`rockfall.kit.console` prints. Heavy imports belong inside a command, so that `--help` stays quick.
"""

from rockfall.kit.lazy import attach

__getattr__, __all__ = attach(__name__, __file__)
