"""Checkpoints: what went in comes out, and nothing that was touched is ever loaded."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from rockfall.errors import CheckpointError, RockfallError
from rockfall.kit import checkpoint

tensors = st.builds(
    lambda shape, dtype: (torch.rand(shape) * 100).to(dtype),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from([torch.float32, torch.bfloat16, torch.uint8, torch.int64, torch.bool]),
)
photographs = st.builds(
    lambda shape: torch.rand(shape).contiguous(memory_format=torch.channels_last),
    st.tuples(*[st.integers(2, 3)] * 4),
)
arrays = st.builds(
    lambda shape, dtype: np.asarray(np.random.default_rng(0).random(shape) * 100).astype(dtype),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from(["float64", "uint8", "int32", "bool"]),
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),  # PCG64's state has 128 bits
    st.floats(allow_nan=False),
    st.text(),
    tensors,
    photographs,
    arrays,
)
keys = st.one_of(st.text(), st.integers())
nests = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
    ),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        as_laid = a.stride() == b.stride() or not a.numel()
        return a.dtype == b.dtype and a.shape == b.shape and as_laid and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(nests)
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, state: Any) -> None:
    path = tmp_path_factory.mktemp("nest") / "last.safetensors"
    checkpoint.write(path, state)
    assert same(checkpoint.read(path), state)


def test_infinity_and_shared_memory(tmp_path: Path) -> None:
    shared = torch.arange(6.0)
    path = tmp_path / "a"
    checkpoint.write(path, {"inf": -math.inf, "a": shared, "b": shared.view(2, 3).T})
    read = checkpoint.read(path)
    assert read["inf"] == -math.inf
    assert torch.equal(read["b"], shared.view(2, 3).T)


def test_tensors_lie_in_memory_as_those_of_a_model_do(tmp_path: Path) -> None:
    # Elsewhere products of matrices are rounded otherwise, and a resumed run goes on differently.
    path = tmp_path / "checkpoint"
    checkpoint.write(path, {"a": torch.rand(3), "b": torch.rand(5), "c": torch.tensor([True])})
    assert [tensor.data_ptr() % 64 for tensor in checkpoint.read(path).values()] == [0, 0, 0]


def test_what_needs_pickle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="/optimizer/fn is a function"):
        checkpoint.write(tmp_path / "a", {"optimizer": {"fn": same}})
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "a"
    checkpoint.write(path, {"model": {"w": torch.arange(5.0)}, "step": 7})
    return path.read_bytes()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_refused(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(good) * 8 - 1))
    bad = bytearray(good)
    bad[place // 8] ^= 1 << place % 8
    path = tmp_path_factory.mktemp("bad") / "a"
    path.write_bytes(bad)
    with pytest.raises(CheckpointError, match=str(path)):
        checkpoint.read(path)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_cut_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a"
    path.write_bytes(good[: data.draw(st.integers(0, len(good) - 1))])
    with pytest.raises(CheckpointError):
        checkpoint.read(path)


def test_a_newer_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "FORMAT", 99)
        checkpoint.write(tmp_path / "a", {})
    with pytest.raises(CheckpointError, match=r"format 99.*upgrade"):
        checkpoint.read(tmp_path / "a")


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(pickle.dumps(Bomb(), protocol))
    with pytest.raises(CheckpointError):
        checkpoint.read(tmp_path / "a")
    assert not (tmp_path / "exploded").exists()


def test_a_torch_file_is_called_a_pickle(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "a")
    with pytest.raises(CheckpointError, match="pickle"):
        checkpoint.read(tmp_path / "a")


def test_other_safetensors_are_told_apart(tmp_path: Path) -> None:
    save_file({"w": torch.ones(2)}, tmp_path / "a")
    with pytest.raises(CheckpointError, match="not a Rockfall checkpoint"):
        checkpoint.read(tmp_path / "a")


def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.safetensors"
    checkpoint.write(path, {"step": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(RockfallError, match=r"can't write .*: No space left on device"):
            checkpoint.write(path, {"step": 2})
    assert checkpoint.read(path) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]


def test_content_is_json_of_the_header(tmp_path: Path) -> None:
    """Another program can read it: safetensors, and JSON in the metadata."""
    from safetensors import safe_open

    checkpoint.write(tmp_path / "a", {"w": torch.ones(2), "step": 7})
    with safe_open(tmp_path / "a", framework="np") as file:
        assert json.loads(file.metadata()["content"]) == {
            "dict": [["w", {"tensor": "/w"}], ["step", 7]]
        }
