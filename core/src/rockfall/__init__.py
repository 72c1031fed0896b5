"""Rockfall: models, what they learn from, and the runs between them.

    run = rockfall.train(model, source, seed=0)  # by names, as in `rockfall list`
    run.result["figures"]

Start at `train`. The public names are these, `rockfall.plugin` (what a plugin registers with),
`rockfall.verbs` (what its verbs need), `rockfall.kit` (what plugins share), `rockfall.testing` (the
conformance kit) and `rockfall.estimators` (for scikit-learn); every other module is the core's own.
"""

from rockfall.kit.lazy import attach

__getattr__, __all__ = attach(__name__, __file__)


def __dir__() -> list[str]:
    return __all__
