"""The classifiers as scikit-learn estimators of arrays of pictures.

    ResNet(n_iter=20).fit(digits.images, digits.target).predict(digits.images)

A network is trained by the `fit` that `rockfall train` calls, in a run that writes nothing to disk,
and its parameters are the settings of the model's `Config`.
"""

from __future__ import annotations

from typing import ClassVar

from rockfall.estimators import ClassifierEstimator
from rockfall_vision.convnet import Convnet
from rockfall_vision.fastnet import Fastnet
from rockfall_vision.lenet import Lenet5, Lenet5Plus
from rockfall_vision.mlp import Mlp
from rockfall_vision.resnet import Resnet
from rockfall_vision.simplenet import Simplenet

ATTRIBUTES = """
Attributes
----------
machine_ : torch.nn.Module
    The fitted network, with all its capabilities in Rockfall.
classes_ : ndarray of shape (n_classes,)
    The labels, in the order of `predict_proba`.
n_epochs_ : int
    Epochs it was trained for.
n_features_in_ : int
    Number of features seen during fit, where X had rows of them.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Their names, if all are strings.
"""


class PictureClassifier(ClassifierEstimator):
    """The base class of the networks."""

    NAMES: ClassVar[dict[str, str]] = {"epochs": "n_iter", "lr": "learning_rate"}
    ATTRIBUTES = ATTRIBUTES
    PRINTED = ("validation accuracy",)


class MLP(PictureClassifier):
    """Multilayer perceptron (MLP): fully connected layers of rectified units."""

    Model, Config = Mlp, Mlp.Config


class ConvNet(PictureClassifier):
    """Convolutional network (CNN): of any layers, written down as text."""

    Model, Config = Convnet, Convnet.Config


class LeNet5(PictureClassifier):
    """LeNet-5: two convolutional and three fully connected layers, of 1998."""

    Model, Config = Lenet5, Lenet5.Config


class LeNet5Plus(PictureClassifier):
    """LeNet-5 with batch normalisation, dropout and averaged weights."""

    Model, Config = Lenet5Plus, Lenet5Plus.Config


class SimpleNet(PictureClassifier):
    """SimpleNet: thirteen convolutional layers in a row, no shortcuts."""

    Model, Config = Simplenet, Simplenet.Config


class ResNet(PictureClassifier):
    """ResNet: a small network of pre-activation residual blocks."""

    Model, Config = Resnet, Resnet.Config


class FastNet(PictureClassifier):
    """airbench CNN: patch whitening and Muon learn in the least computing."""

    Model, Config = Fastnet, Fastnet.Config
