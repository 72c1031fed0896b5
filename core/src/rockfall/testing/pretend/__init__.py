"""A pretend device, with which CUDA's rules hold on a machine without a GPU."""

from rockfall.testing.pretend.device import PretendDevice, pretend_device

__all__ = ["PretendDevice", "pretend_device"]
