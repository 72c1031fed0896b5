"""What an import costs, and what it gives."""

import subprocess
import sys

import gymnasium
import pytest

import falling_rocks
from falling_rocks.__main__ import main


def test_importing_it_imports_neither_torch_nor_pygame() -> None:
    code = "import falling_rocks, sys; print({'torch', 'pygame'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_it_offers_is_there() -> None:
    assert all(hasattr(falling_rocks, name) for name in falling_rocks.__all__)


def test_its_ids_are_registered_lazily() -> None:
    for size in (8, 16, 32):
        spec = gymnasium.spec(f"rockfall/FallingRocks-{size}x{size}-v0")
        assert spec.kwargs == {"size": size}
        assert isinstance(spec.entry_point, str)
        assert isinstance(spec.vector_entry_point, str)
        assert spec.max_episode_steps is None


def test_run_as_a_program_it_prints_the_baselines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["falling_rocks", "--episodes", "64"])
    main()
    head, names, *lines = capsys.readouterr().out.splitlines()
    assert "of 64 episodes" in head
    assert names.split() == ["size", "random", "oracle", "clairvoyant"]
    for line in lines:
        random, oracle, clairvoyant = (float(cell.split()[-1]) for cell in line.split("±")[:-1])
        assert random < oracle <= clairvoyant
    assert [line.split()[0] for line in lines] == ["8", "16", "32"]
