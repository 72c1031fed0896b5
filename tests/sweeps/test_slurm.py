"""Trials as jobs, by the executor of submitit that needs no Slurm."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from rockfall import UsageError
from rockfall_sweeps import sweep
from rockfall_sweeps.places.on_slurm import OnSlurm
from rockfall_sweeps.study import Study
from tests.sweeps.pretending import drive, request, told
from tests.sweeps.test_kills import FIXED, learned

pytest.importorskip("submitit")


def test_where_there_is_no_slurm_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Slurm is here"):
        sweep("vae", on="slurm", out=tmp_path)


@pytest.mark.slow
# submitit does not wait for a job's process, nor close what it reads of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_jobs_give_what_trials_here_give_and_go_on_after_a_kill(tmp_path: Path) -> None:
    settings = dict(word.split("=") for word in FIXED.split())
    asked = request(
        model="rockfall-generators:autoencoder",
        settings=settings,
        space={"lr": "1e-4..1e-1:log"},
        metric="-validation_loss",
        pruner="none",
    )
    study = sweep(
        "autoencoder",
        config=settings,
        space=asked.space,
        trials=2,
        pruner="none",
        name="s",
        out=tmp_path / "whole",
    )

    class Fragile(OnSlurm):
        """The first job is killed once it has a checkpoint."""

        killed = False

        def heard(self, seconds: float):  # type: ignore[no-untyped-def]
            saved = folder / "trial-0" / "checkpoint" / "last.safetensors"
            if not self.killed and saved.exists():
                self.killed = True
                os.kill(int(self._running["trial-0"].job.job_id), signal.SIGKILL)
                self._running["trial-0"].job._process.kill()
                time.sleep(1)
            return super().heard(seconds)

    folder = tmp_path / "jobs" / "s"
    place = Fragile(1, folder, cluster="local")
    found: Study = drive(folder, asked, place, trials=2, checkpoint_every=0.3)
    assert place.killed
    assert told(found) == told(study)
    assert learned(found) == learned(study)
