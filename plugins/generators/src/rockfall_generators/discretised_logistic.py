"""The discretised logistic distribution: the probability of a byte, not a density at it.

Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", section 5.2;
Salimans et al. 2017, "PixelCNN++", equation 2. A logistic with mean m and scale s is integrated
over the 1/255 about each value, and over all beyond for 0 and 255. It is no more than 1, so that no
scale makes it grow without bound, as a Gaussian's density does.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

HALF = 0.5 / 255
"""Half the distance between two bytes, as values from 0 to 1."""
SCALE_OF_STD = math.sqrt(3) / math.pi
"""Scale of the logistic whose standard deviation is 1."""


def log_probability(values: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """log P of bytes as values k / 255 (N, …), by mean and scale of the logistic in their units.

    With F the logistic function, F(a) − F(b) = F(a) F(−b) (1 − exp(b − a)) at both ends a > b of
    the interval, whose logarithm is exact however small they are.
    """
    above, below = (values - mean + HALF) / scale, (values - mean - HALF) / scale
    log_below_top, log_above_bottom = -softplus(-above), -softplus(below)
    inside = log_below_top + log_above_bottom + torch.log(-torch.expm1(below - above))
    inside = torch.where(values < HALF, log_below_top, inside)
    return torch.where(values > 1 - HALF, log_above_bottom, inside)
