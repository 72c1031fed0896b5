"""Mixtures of discretised logistics of a pixel, its channels one after the other.

Salimans et al. 2017, "PixelCNN++", section 2.2: a pixel belongs to one component in all of its
channels, and the mean of a channel depends linearly on the values of the channels before it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall_generators import discretised_logistic

MIN_LOG_SCALE = -7.0
"""As in the authors' code: a quarter of a byte's width, of values from 0 to 1."""


def parameters(channels: int, components: int) -> int:
    """How many numbers say the mixture of a pixel: of each component a share, and a mean and a log
    scale of each channel; and a coefficient for each channel before it.
    """
    return components * (1 + 2 * channels + channels * (channels - 1) // 2)


def log_probability(x: Tensor, parameters: Tensor) -> Tensor:
    """Bytes as k / 255 (N, C, …) and parameters (N, P, …) → log P of each pixel (N, …)."""
    channels = x.shape[1]
    log_shares, means, log_scales, coefficients = _unpacked(parameters, channels)
    total = log_shares
    for channel in range(channels):
        mean = means[:, channel] + _of_channels_before(x[:, :channel], coefficients, channel)
        scale = log_scales[:, channel].exp()
        value = x[:, channel, None]
        total = total + discretised_logistic.log_probability(value, mean, scale)
    return total.logsumexp(1)


def sample(parameters: Tensor, channels: int) -> Tensor:
    """Parameters (N, P) → pixels (N, C) as k / 255, from torch's global generator."""
    log_shares, means, log_scales, coefficients = _unpacked(parameters, channels)
    chosen = log_shares.exp().multinomial(1)  # (N, 1)
    x = parameters.new_zeros(len(parameters), channels)
    for channel in range(channels):
        mean = means[:, channel] + _of_channels_before(x[:, :channel], coefficients, channel)
        share = torch.rand_like(x[:, :1]).clamp(1e-5, 1 - 1e-5)
        drawn = mean.gather(1, chosen) + log_scales[:, channel].exp().gather(1, chosen) * (
            share.logit()
        )
        x[:, channel] = (drawn.squeeze(1).clamp(0, 1) * 255).round() / 255
    return x


def _unpacked(parameters: Tensor, channels: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Parameters (N, P, …) → log shares (N, K, …), means and log scales (N, C, K, …), and
    coefficients (N, C (C − 1) / 2, K, …).
    """
    pairs = channels * (channels - 1) // 2
    grouped = parameters.unflatten(1, (1 + 2 * channels + pairs, -1))
    shares, means, log_scales, coefficients = grouped.split((1, channels, channels, pairs), 1)
    return (
        shares[:, 0].log_softmax(1),
        means + 0.5,  # so that it begins in the middle
        (log_scales - 2).clamp(min=MIN_LOG_SCALE),  # and wide
        coefficients,
    )


def _of_channels_before(before: Tensor, coefficients: Tensor, channel: int) -> Tensor | float:
    """Σ of what the channels (N, c, …) before one add to its means (N, K, …)."""
    first = channel * (channel - 1) // 2
    terms = [
        coefficients[:, first + other].tanh() * before[:, other, None] for other in range(channel)
    ]
    return torch.stack(terms).sum(0) if terms else 0.0
