"""What an import costs, and what it gives."""

import subprocess
import sys

import gymnasium
import pytest

import drifting_rocks
from drifting_rocks.__main__ import main


def test_importing_it_imports_neither_torch_nor_pygame() -> None:
    code = "import drifting_rocks, sys; print({'torch', 'pygame'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_it_offers_is_there() -> None:
    assert all(hasattr(drifting_rocks, name) for name in drifting_rocks.__all__)


def test_its_ids_are_registered_lazily() -> None:
    for name, actions in (("DriftingRocks", "continuous"), ("DriftingRocksDiscrete", "discrete")):
        spec = gymnasium.spec(f"rockfall/{name}-v0")
        assert spec.kwargs == {"actions": actions}
        assert isinstance(spec.entry_point, str)
        assert isinstance(spec.vector_entry_point, str)
        assert spec.max_episode_steps is None


@pytest.mark.long
def test_run_as_a_program_it_prints_the_baselines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["drifting_rocks", "--episodes", "16"])
    main()
    head, names, *lines = capsys.readouterr().out.splitlines()
    assert "of 16 episodes" in head
    assert names.split() == ["actions", "random", "steering", "planner"]
    for line in lines:
        random, steering, planner = (float(cell.split()[-1]) for cell in line.split("±")[:-1])
        assert random < 1 < steering < 7 < 15 < planner
    assert [line.split()[0] for line in lines] == ["continuous", "discrete"]
