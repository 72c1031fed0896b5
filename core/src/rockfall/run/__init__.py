"""A run: one fitting and everything it left."""

from rockfall.run.run import Epoch, Run

__all__ = ["Epoch", "Run"]
