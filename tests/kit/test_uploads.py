"""Arrays of a step of NumPy environments on their way to the device."""

from __future__ import annotations

import numpy as np
import torch

from rockfall.kit.environments.uploads import to_device
from rockfall.testing.pretend import pretend_device

ARRAYS = [
    np.arange(15, dtype=np.float64).reshape(3, 5),
    np.array([True, False, True]),
    np.arange(24, dtype=np.uint8).reshape(2, 3, 4).transpose(2, 0, 1),
    np.zeros((0, 4), np.float32),
    np.arange(3),
    np.array(7, np.int16),
]


def test_arrays_arrive_as_they_are_and_none_waits() -> None:
    with pretend_device() as device:
        arrived = to_device(ARRAYS, torch.device("cuda"))
        assert device.synchronisations == 0
        assert all(tensor.is_cuda for tensor in arrived)
        for tensor, array in zip(arrived, ARRAYS, strict=True):
            copied = tensor.cpu().numpy()
            assert copied.dtype == array.dtype
            np.testing.assert_array_equal(copied, array)


def test_they_travel_as_one_and_are_aligned() -> None:
    with pretend_device():
        arrived = to_device(ARRAYS, torch.device("cuda"))
        memory = {tensor.untyped_storage().data_ptr() for tensor in arrived if tensor.numel()}
        assert len(memory) == 1
        assert all(tensor.storage_offset() * tensor.itemsize % 16 == 0 for tensor in arrived)


def test_what_arrived_is_not_written_to_by_the_next() -> None:
    with pretend_device():
        first = to_device([np.ones(4)], torch.device("cuda"))[0]
        to_device([np.zeros(4)], torch.device("cuda"))
        assert first.cpu().tolist() == [1.0] * 4


def test_on_the_cpu_nothing_is_copied() -> None:
    array = np.arange(4)
    array[0] = 9
    (tensor,) = to_device([array], torch.device("cpu"))
    array[1] = 8
    assert tensor.tolist() == [9, 8, 2, 3]
