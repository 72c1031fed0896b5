"""Rockfall: models, what they learn from, and the runs between them.

    run = rockfall.train("reinforce", "falling-rocks-8x8", seed=0)
    run.result["figures"]

Start at `train`; `rockfall.plugin` is the door for plugins, `rockfall.testing` checks them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rockfall.config import Config as Config
    from rockfall.errors import Interrupted as Interrupted
    from rockfall.errors import RockfallError as RockfallError
    from rockfall.errors import UsageError as UsageError
    from rockfall.model import Model as Model
    from rockfall.run.events import Event as Event
    from rockfall.run.run import Run as Run
    from rockfall.sources.dataset import Dataset as Dataset
    from rockfall.sources.dataset import Split as Split
    from rockfall.sources.environment import Environment as Environment
    from rockfall.sources.info import SourceInfo as SourceInfo
    from rockfall.sources.opening import open_source as open_source
    from rockfall.sources.source import Source as Source
    from rockfall.training import evaluate as evaluate
    from rockfall.training import open_run as open_run
    from rockfall.training import resume as resume
    from rockfall.training import train as train

# Resolved on first use: `import rockfall` must stay light, and torch is not.
_HOMES = {
    "Config": "rockfall.config",
    "Dataset": "rockfall.sources.dataset",
    "Environment": "rockfall.sources.environment",
    "Event": "rockfall.run.events",
    "Interrupted": "rockfall.errors",
    "Model": "rockfall.model",
    "RockfallError": "rockfall.errors",
    "Run": "rockfall.run.run",
    "Source": "rockfall.sources.source",
    "SourceInfo": "rockfall.sources.info",
    "Split": "rockfall.sources.dataset",
    "UsageError": "rockfall.errors",
    "evaluate": "rockfall.training",
    "open_run": "rockfall.training",
    "open_source": "rockfall.sources.opening",
    "resume": "rockfall.training",
    "train": "rockfall.training",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rockfall' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
