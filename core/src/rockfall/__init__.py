"""Rockfall: models, what they learn from, and the runs between them.

    run = rockfall.train("reinforce", "falling-rocks-8x8", seed=0)
    run.result["figures"]

Start at `train`. The public names are these, `rockfall.plugin` (what a plugin registers with),
`rockfall.verbs` (what its verbs need), `rockfall.kit` (what plugins share) and `rockfall.testing`
(the conformance kit); every other module is the core's own.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rockfall.config import Config as Config
    from rockfall.errors import ConfigError as ConfigError
    from rockfall.errors import Diverged as Diverged
    from rockfall.errors import Interrupted as Interrupted
    from rockfall.errors import RockfallError as RockfallError
    from rockfall.errors import Unavailable as Unavailable
    from rockfall.errors import UnknownName as UnknownName
    from rockfall.errors import UsageError as UsageError
    from rockfall.kit.measurements import Measurements as Measurements
    from rockfall.kit.measurements import mean_and_error as mean_and_error
    from rockfall.kit.measurements import measurement as measurement
    from rockfall.kit.modules import eval_mode as eval_mode
    from rockfall.kit.randomness import fork_rng as fork_rng
    from rockfall.model import Model as Model
    from rockfall.run.events import Event as Event
    from rockfall.run.run import Run as Run
    from rockfall.sources.dataset import Batch as Batch
    from rockfall.sources.dataset import Dataset as Dataset
    from rockfall.sources.dataset import Split as Split
    from rockfall.sources.environment import Environment as Environment
    from rockfall.sources.info import SourceInfo as SourceInfo
    from rockfall.sources.opening import open_source as open_source
    from rockfall.sources.picture import Picture as Picture
    from rockfall.sources.source import Source as Source
    from rockfall.training import evaluate as evaluate
    from rockfall.training import open_run as open_run
    from rockfall.training import resume as resume
    from rockfall.training import train as train

# Resolved on first use: `import rockfall` must stay light, and torch is not.
_HOMES = {
    "Batch": "rockfall.sources.dataset",
    "Config": "rockfall.config",
    "ConfigError": "rockfall.errors",
    "Dataset": "rockfall.sources.dataset",
    "Diverged": "rockfall.errors",
    "Environment": "rockfall.sources.environment",
    "Event": "rockfall.run.events",
    "Interrupted": "rockfall.errors",
    "Measurements": "rockfall.kit.measurements",
    "Model": "rockfall.model",
    "Picture": "rockfall.sources.picture",
    "RockfallError": "rockfall.errors",
    "Run": "rockfall.run.run",
    "Source": "rockfall.sources.source",
    "SourceInfo": "rockfall.sources.info",
    "Split": "rockfall.sources.dataset",
    "Unavailable": "rockfall.errors",
    "UnknownName": "rockfall.errors",
    "UsageError": "rockfall.errors",
    "eval_mode": "rockfall.kit.modules",
    "evaluate": "rockfall.training",
    "fork_rng": "rockfall.kit.randomness",
    "mean_and_error": "rockfall.kit.measurements",
    "measurement": "rockfall.kit.measurements",
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
