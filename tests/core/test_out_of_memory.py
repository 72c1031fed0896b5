"""When memory runs out after all, one line says so."""

from __future__ import annotations

import pytest
import torch

from rockfall import cli


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 9. EiB"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 EiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_out_of_memory(error: Exception) -> None:
    assert cli._explained(error) == (
        "out of memory: take smaller pictures, batches or networks",
        1,
    )


def test_torch_s_own_words() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert cli._explained(caught.value)[0].startswith("out of memory")


def test_other_errors_are_told_as_they_are() -> None:
    message, code = cli._explained(RuntimeError("no idea"))
    assert message.startswith("RuntimeError: no idea") and code == 1
