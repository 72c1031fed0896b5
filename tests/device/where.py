"""Where the tests run: on CUDA, or in a rehearsal on the pretend device."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from rockfall.testing import pretend_device

REHEARSAL = bool(os.environ.get("ROCKFALL_REHEARSAL"))
"""Set by `python -m tests.device --rehearse`."""
CUDA = torch.cuda.is_available() and not REHEARSAL
DEVICE = "cuda" if CUDA else "pretend"
"""As `check_model` has it. Inside `device()`, either is "cuda"."""

# Deterministic products need it before the process first multiplies on CUDA.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

needs_a_gpu = pytest.mark.skipif(
    not CUDA and not REHEARSAL, reason="no GPU here: `make device` where there is one"
)


class Cuda:
    """The real device, with what the pretend one offers."""

    @contextlib.contextmanager
    def refuse_synchronisations(self, what: str = "this") -> Iterator[None]:
        """Inside, whatever waits for the GPU raises RuntimeError."""
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)


@contextlib.contextmanager
def device() -> Iterator[Any]:
    """Inside, "cuda" is there, and the device yielded can refuse to be waited for."""
    if CUDA:
        yield Cuda()
    else:
        with pretend_device() as pretend:
            yield pretend
