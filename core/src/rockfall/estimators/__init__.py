"""What a plugin makes scikit-learn estimators of its models with.

A subclass of `Estimator` names a model, and its parameters are the settings of the model's
`Config`. It is trained by the `fit` that `rockfall train` calls, in a run that is kept in memory.
`FeatureEstimator` transforms, `DensityEstimator` scores and samples, `ClassifierEstimator`
classifies pictures. They need scikit-learn, which the plugin requires: the core does without
(`rockfall-core[estimators]`).
"""

from rockfall.estimators.abilities import DensityEstimator as DensityEstimator
from rockfall.estimators.abilities import FeatureEstimator as FeatureEstimator
from rockfall.estimators.classifier import ClassifierEstimator as ClassifierEstimator
from rockfall.estimators.estimator import Array as Array
from rockfall.estimators.estimator import Estimator as Estimator

__all__ = ["Array", "ClassifierEstimator", "DensityEstimator", "Estimator", "FeatureEstimator"]
