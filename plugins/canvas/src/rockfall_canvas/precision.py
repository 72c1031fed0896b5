"""Full precision for one layer inside an autocast region."""

from __future__ import annotations

import torch


def without_autocast(device: torch.device) -> torch.autocast:
    """The context in which layers that take coordinates are evaluated: in float32, whatever the
    run's precision. bf16 has three significant digits, so that neighbouring pixels would have the
    same coordinates.
    """
    return torch.autocast(device.type, enabled=False)
