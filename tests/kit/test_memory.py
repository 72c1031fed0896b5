"""What is free is told as Linux tells it, and too much is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rockfall.errors import RockfallError
from rockfall.kit import memory

CPU = torch.device("cpu")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for what the system tells: 3 GiB are free."""
    (tmp_path / "meminfo").write_text("MemTotal:  9 kB\nMemAvailable:    3145728 kB\nx: 1 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    return tmp_path


def test_of_the_machine(machine: Path) -> None:
    assert memory.available_memory(CPU) == 3 * 2**30


@pytest.mark.parametrize(
    ("most", "used", "free"),
    [("max", 5, 3 * 2**30), (2**30, 2**20, 2**30 - 2**20), (2**40, 0, 3 * 2**30), (5, 9, 0)],
)
def test_of_a_container(machine: Path, most: object, used: int, free: int) -> None:
    (machine / "memory.max").write_text(f"{most}\n")
    (machine / "memory.current").write_text(f"{used}\n")
    assert memory.available_memory(CPU) == free


def test_files_that_a_container_has_read_make_way(machine: Path) -> None:
    (machine / "memory.max").write_text("1000\n")
    (machine / "memory.current").write_text("900\n")
    (machine / "memory.stat").write_text("anon 200\nfile 700\ninactive_file 600\nactive_file 50\n")
    assert memory.available_memory(CPU) == 750


def test_too_much_is_refused(machine: Path) -> None:
    memory.require_memory(CPU, 3 * 2**30, "a mouse", "none")
    with pytest.raises(RockfallError) as caught:
        memory.require_memory(CPU, 3 * 2**30 + 1, "an elephant", "take a mouse")
    expected = "an elephant needs about 3.0 GiB of memory, and 3.0 are free: take a mouse"
    assert str(caught.value) == expected


def test_where_nothing_is_told_nothing_is_refused(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "meminfo").unlink()
    monkeypatch.delattr(memory.os, "sysconf", raising=False)
    assert memory.available_memory(CPU) is None
    memory.require_memory(CPU, 2**60, "a whale", "none")
