"""Feature networks: convolutional networks whose activations tell what a picture shows and how.

By a name, or by the path of a file of their weights: `feature_network("squeezenet")`.
"""

from rockfall.kit.features.named import (
    FEATURE_NETWORKS,
    architecture_of,
    check_features,
    feature_network,
)
from rockfall.kit.features.network import NORMALISATIONS, Architecture, FeatureNetwork

__all__ = [
    "FEATURE_NETWORKS",
    "NORMALISATIONS",
    "Architecture",
    "FeatureNetwork",
    "architecture_of",
    "check_features",
    "feature_network",
]
