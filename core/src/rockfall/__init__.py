"""Rockfall: models, what they learn from, and the runs between them.

    run = rockfall.train("reinforce", "falling-rocks-8x8", seed=0)
    run.result["figures"]

Start at `train`. The public names are these, `rockfall.plugin` (what a plugin registers with),
`rockfall.verbs` (what its verbs need), `rockfall.kit` (what plugins share) and `rockfall.testing`
(the conformance kit); every other module is the core's own.
"""

from typing import TYPE_CHECKING

from rockfall.lazy import attach

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

__getattr__, __all__ = attach(
    __name__,
    {
        "rockfall.config": "Config",
        "rockfall.errors": "ConfigError Diverged Interrupted RockfallError Unavailable UnknownName "
        "UsageError",
        "rockfall.kit.measurements": "Measurements measurement",
        "rockfall.kit.modules": "eval_mode",
        "rockfall.kit.randomness": "fork_rng",
        "rockfall.model": "Model",
        "rockfall.run.events": "Event",
        "rockfall.run.run": "Run",
        "rockfall.sources.dataset": "Batch Dataset Split",
        "rockfall.sources.environment": "Environment",
        "rockfall.sources.info": "SourceInfo",
        "rockfall.sources.opening": "open_source",
        "rockfall.sources.picture": "Picture",
        "rockfall.sources.source": "Source",
        "rockfall.training": "evaluate open_run resume train",
    },
)


def __dir__() -> list[str]:
    return __all__
