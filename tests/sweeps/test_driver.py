"""What a sweep decides: proposals, pruning, several seeds, and all of it again after any kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from rockfall import Interrupted, RockfallError
from rockfall_sweeps.driver import ERROR, REASON
from rockfall_sweeps.journal import Journal
from rockfall_sweeps.request import JOURNAL
from rockfall_sweeps.trial import Job
from tests.sweeps.pretending import Pretended, bowl, drive, request, told

WAYS = [
    {"sampler": "tpe", "pruner": "median"},
    {"sampler": "random", "pruner": "halving", "seeds": 2},
    {"sampler": "cmaes", "pruner": "hyperband"},
    {"sampler": "grid", "pruner": "none", "seeds": 3},
]


class Killed(BaseException):
    """The driver is gone at once."""


@pytest.mark.parametrize("how", WAYS, ids=lambda how: how["sampler"])
def test_killed_at_any_write_it_decides_what_it_would_have(
    how: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill before a write of the journal, in the midst of it, and after it, and again and again
    until the end: no proposal, value or pruning differs from those of an undisturbed sweep.
    """
    trials = 12
    asked = request(**how)
    (tmp_path / "whole").mkdir()
    whole = drive(tmp_path / "whole" / "s", asked, trials=trials)
    writes = (tmp_path / "whole" / "s" / JOURNAL).read_bytes().count(b"\n")
    assert writes > 5 * trials
    original = Journal.append_logs

    for number, place in enumerate(("before", "midst", "after")):
        countdown = [0]

        def append(self: Journal, logs: list[dict[str, Any]], place: str = place) -> None:
            countdown[0] -= 1  # noqa: B023
            if countdown[0] == 0:  # noqa: B023
                if place == "after":
                    original(self, logs)
                if place == "midst":
                    with self.path.open("ab") as file:
                        file.write(b'{"op_code": 5, "worker_id": "12')
                raise Killed
            original(self, logs)

        folder = tmp_path / place / "s"
        folder.parent.mkdir()
        monkeypatch.setattr(Journal, "append_logs", append)
        kills = 0
        while True:
            # Each life is longer than what it takes to come to where the last one died.
            countdown[0] = 4 + (kills * 7 + number) % 11
            try:
                found = drive(folder, asked, trials=trials)
            except Killed:
                kills += 1
                assert kills < 10 * writes
                continue
            break
        monkeypatch.setattr(Journal, "append_logs", original)
        assert kills > 10
        for mine, theirs in zip(told(found), told(whole), strict=True):
            assert mine == theirs


def test_a_new_sampler_with_the_same_seed_does_not_begin_again(tmp_path: Path) -> None:
    asked = request(sampler="random")
    drive(tmp_path / "s", asked, trials=3)
    study = drive(tmp_path / "s", asked, trials=6)
    assert len({each.params["lr"] for each in study.trials}) == 6
    other = drive(tmp_path / "t", request(sampler="random", seed=1), trials=6)
    assert other.trials[0].params != study.trials[0].params


def test_tpe_and_cma_es_find_what_chance_does_not(tmp_path: Path) -> None:
    """The mean of the last proposals' values, on a bowl whose best is known."""
    means = {}
    for sampler in ("random", "tpe", "cmaes"):
        asked = request(sampler=sampler, pruner="none", space={"lr": "1e-6..1e-1:log"})
        study = drive(tmp_path / sampler, asked, trials=40)
        last = [each.value or 0.0 for each in study.trials[-12:]]
        means[sampler] = sum(last) / len(last)
    assert means["tpe"] > 0.5 * means["random"] > means["random"]
    assert means["cmaes"] > 0.5 * means["random"]


def test_the_grid_is_gone_through_once(tmp_path: Path) -> None:
    asked = request(
        sampler="grid", pruner="none", space={"lr": "1e-4..1e-2:log", "batch_size": "64,8"}
    )
    study = drive(tmp_path / "s", asked, trials=None)
    assert len(study.trials) == 10
    assert len({tuple(each.params.values()) for each in study.trials}) == 10


def test_several_seeds_are_judged_by_their_mean(tmp_path: Path) -> None:
    place = Pretended()
    study = drive(tmp_path / "s", request(seeds=3, seed=5, pruner="none"), place, trials=2)
    assert place.begun[:3] == ["trial-0-seed-5", "trial-0-seed-6", "trial-0-seed-7"]
    assert [job.seed for job in place.jobs_begun[:3]] == [5, 6, 7]
    lr = study.trials[0].params["lr"]
    values = [bowl(job, 20) for job in place.jobs_begun[:3]]
    assert all(job.settings["lr"] == lr for job in place.jobs_begun[:3])
    assert study.trials[0].value == pytest.approx(sum(values) / 3)
    assert study.trials[0].user_attrs[ERROR] == pytest.approx(0.01 / 3**0.5)


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_bad_trials_are_pruned_and_their_other_seeds_never_begin(
    pruner: str, tmp_path: Path
) -> None:
    place = Pretended()
    asked = request(pruner=pruner, sampler="random", seeds=2)
    study = drive(tmp_path / "s", asked, place, trials=25)
    pruned, kept = study.of(TrialState.PRUNED), study.of(TrialState.COMPLETE)
    assert len(pruned) >= 3 and len(kept) >= 2
    assert study.best in kept
    for trial in pruned:
        assert f"trial-{trial.number}-seed-1" not in place.begun
        assert trial.user_attrs[REASON].startswith("pruned after ")
    last = [max(each.intermediate_values) for each in pruned]
    assert max(last) < 20 and len(set(last)) >= 1


def test_the_lowest_is_best_where_it_is_asked(tmp_path: Path) -> None:
    asked = request(metric="-loss", pruner="none", sampler="random")
    study = drive(tmp_path / "s", asked, trials=8)
    assert study.best_value == min(each.value or 0 for each in study.trials)


def test_a_trial_that_fails_is_recorded_and_the_sweep_goes_on(tmp_path: Path) -> None:
    def sometimes(job: Job, rung: int) -> float:
        if job.name == "trial-2":
            raise RuntimeError("Diverged: loss is nan")
        return bowl(job, rung)

    study = drive(tmp_path / "s", request(pruner="none"), Pretended(outcome=sometimes), trials=5)
    assert [each.state.name for each in study.trials] == ["COMPLETE"] * 2 + ["FAIL"] + [
        "COMPLETE"
    ] * 2
    assert study.trials[2].user_attrs[REASON] == "Diverged: loss is nan"


def test_when_all_fail_alike_it_does_not_go_on(tmp_path: Path) -> None:
    def never(job: Job, rung: int) -> float:
        raise RuntimeError("no such file")

    place = Pretended(outcome=never)
    with pytest.raises(RockfallError, match="the first 5 trials failed: no such file"):
        drive(tmp_path / "s", request(), place, trials=50)
    assert len(place.begun) == 5


def test_a_run_that_is_killed_goes_on_and_over_and_over_fails(tmp_path: Path) -> None:
    class Fragile(Pretended):
        """The first trial dies twice, the second always."""

        def start(self, job: Job) -> None:
            super().start(job)
            deaths = {"trial-0": 2, "trial-1": 1_000}.get(job.name, 0)
            if self.begun.count(job.name) <= deaths:
                gone = {"event": "gone", "message": "it was killed (signal 9)"}
                self._words[job.name] = [*self._words[job.name][:5], gone]

    place = Fragile()
    study = drive(tmp_path / "s", request(pruner="none"), place, trials=3)
    assert place.begun == ["trial-0"] * 3 + ["trial-1"] * 4 + ["trial-2"]
    assert [each.state.name for each in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert "begun 4 times" in study.trials[1].user_attrs[REASON]


def test_jobs_run_at_once_and_each_trial_gives_what_it_would_alone(tmp_path: Path) -> None:
    alone = drive(tmp_path / "a", request(sampler="random", pruner="none"), trials=6)
    place = Pretended(jobs=3)
    study = drive(tmp_path / "b", request(sampler="random", pruner="none"), place, trials=6)
    assert told(study) == told(alone)


def test_no_trial_begins_when_time_is_up(tmp_path: Path) -> None:
    place = Pretended(jobs=2)
    study = drive(tmp_path / "s", request(), place, trials=None, seconds=0.0)
    assert place.begun == [] and study.best is None


def test_ctrl_c_leaves_a_trial_open_and_the_same_command_ends_it(tmp_path: Path) -> None:
    class Pressed(Pretended):
        def heard(self, seconds: float) -> Any:
            if len(self.begun) == 3:
                raise KeyboardInterrupt
            return super().heard(seconds)

    asked = request(pruner="none")
    with pytest.raises(Interrupted, match="the same command goes on"):
        drive(tmp_path / "s", asked, Pressed(), trials=5)
    place = Pretended()
    study = drive(tmp_path / "s", asked, place, trials=5)
    assert place.begun == ["trial-2", "trial-3", "trial-4"]
    assert told(study) == told(drive(tmp_path / "whole" / "s", asked, trials=5))


def test_other_versions_are_refused(tmp_path: Path) -> None:
    class Older(Pretended):
        def start(self, job: Job) -> None:
            super().start(job)
            self._words[job.name][0]["versions"]["torch"] = "1.0"

    with pytest.raises(RockfallError, match=r"a trial runs with torch 1\.0, and this machine has"):
        drive(tmp_path / "s", request(), Older(), trials=2)


def test_a_full_disk_is_one_line_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(pruner="none")
    drive(tmp_path / "s", asked, trials=2)

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(RockfallError, match=r"can't write .*journal\.log: No space left"):
            drive(tmp_path / "s", asked, trials=4)
    study = drive(tmp_path / "s", asked, trials=4)
    assert told(study) == told(drive(tmp_path / "whole" / "s", asked, trials=4))


def test_a_damaged_journal_names_its_line(tmp_path: Path) -> None:
    drive(tmp_path / "s", request(), trials=2)
    path = tmp_path / "s" / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"{nothing\n", *lines[3:]]))
    with pytest.raises(RockfallError, match=r"journal\.log is damaged: line 4"):
        drive(tmp_path / "s", request(), trials=2)


def test_nothing_in_a_journal_is_unpickled(tmp_path: Path) -> None:
    """Optuna's own CMA-ES would keep one there."""
    drive(tmp_path / "s", request(sampler="cmaes"), trials=20)
    text = (tmp_path / "s" / JOURNAL).read_text()
    assert "cma:" not in text and "8004" not in text.split('"params"')[0]
