"""The core's fixture of a run around any toy model."""

from tests.core.conftest import start

__all__ = ["start"]
