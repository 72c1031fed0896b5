"""Sweeps on a Ray cluster of several nodes, which die: see `ray.cluster_utils`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rockfall import RockfallError, UsageError
from rockfall_sweeps.places.on_ray import why
from rockfall_sweeps.study import Study
from tests.sweeps.pretending import told
from tests.sweeps.test_kills import FIXED, figures, learned

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

SWEEP = textwrap.dedent(
    """
    import sys
    from rockfall_sweeps import sweep
    settings = dict(word.split("=") for word in sys.argv[3].split())
    study = sweep(
        "autoencoder", config=settings, space={"lr": "1e-4..1e-1:log"}, trials=2, pruner="none",
        name="s", out=sys.argv[1], on=sys.argv[2], checkpoint_every=0.3, remote=sys.argv[5],
        place_options={"address": sys.argv[4]} if sys.argv[2] == "ray" else {},
    )
    """
)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head without room for trials, and one node with room for one."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
    made.add_node(num_cpus=1, **SMALL)
    made.wait_for_nodes()
    yield made
    made.shutdown()


SMALL = {"object_store_memory": 80_000_000, "include_dashboard": False}


def begin(out: Path, on: str, address: str = "", remote: str = "") -> subprocess.Popen[bytes]:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-c", SWEEP, str(out), on, FIXED, address, remote],
            stdout=said,
            stderr=said,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def ended(out: Path, driver: subprocess.Popen[bytes]) -> Study:
    assert driver.wait(240) == 0, (out / "said").read_text()[-3000:]
    return Study.open(out / "s")


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 400
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The same sweep on this machine, undisturbed."""
    out = tmp_path_factory.mktemp("whole")
    return ended(out, begin(out, "local"))


def same(study: Study, whole: Study) -> None:
    assert told(study) == told(whole)
    assert learned(study) == learned(whole)
    assert figures(study) == figures(whole)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False], ids=["shared folder", "checkpoints that travel"])
def test_a_node_that_dies_and_a_driver_that_is_killed_change_nothing(
    shared: bool, cluster: Any, whole: Study, tmp_path: Path
) -> None:
    out, far = tmp_path / "out", tmp_path / "far"
    remote = "" if shared else f"file://{far}"
    runs = out / "s" if shared else far / "s"
    driver = begin(out, "ray", cluster.address, remote)
    wait_for(runs / "trial-0" / "checkpoint" / "last.safetensors")
    (worker,) = cluster.worker_nodes
    cluster.add_node(num_cpus=1, **SMALL)
    cluster.remove_node(worker, allow_graceful=False)  # in the midst of trial 0
    wait_for(runs / "trial-1" / "checkpoint" / "last.safetensors")
    driver.send_signal(signal.SIGKILL)  # in the midst of trial 1, or just after it
    driver.wait()
    if not shared:
        assert not (out / "s" / "trial-1").exists()
    same(ended(out, begin(out, "ray", cluster.address, remote)), whole)


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    from rockfall_sweeps import sweep

    with pytest.raises(UsageError, match=r"no Ray cluster at 127\.0\.0\.1:1: start") as found:
        sweep("vae", on="ray", place_options={"address": "127.0.0.1:1"}, out=tmp_path)
    assert "\n" not in str(found.value) and not list(tmp_path.iterdir())


def test_a_node_without_the_plugin_is_one_line() -> None:
    with pytest.raises(RockfallError, match="a node of the Ray cluster lacks rockfall-sweeps"):
        why(RuntimeError("...\nModuleNotFoundError: No module named 'rockfall_sweeps'"))
    assert why(RuntimeError("node died")) == "its node or process was lost (RuntimeError)"
