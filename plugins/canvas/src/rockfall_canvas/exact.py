"""The layer that takes coordinates stays in float32, whatever the run's precision: in bf16, with
three digits, neighbouring pixels lie in one place.
"""

from __future__ import annotations

import torch


def exactly(device: torch.device) -> torch.autocast:
    """The context for such a layer."""
    return torch.autocast(device.type, enabled=False)
