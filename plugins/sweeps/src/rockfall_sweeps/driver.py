"""A sweep from wherever it is to its end: Optuna proposes, a place runs, and the journal remembers.

    while there is something left to do
        give every free job the next run: of a trial that is open, or of one that Optuna proposes
        hear what the runs say: at a rung, prune; at the end, judge

Every word of it can be killed. What counts is in the journal before it is acted upon, and a trial's
runs are found by their names, so that whoever comes next knows what is left: a trial that the
journal has open goes on, whatever its runs have reached, and none is asked for twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.trial import FrozenTrial, Trial, TrialState

from rockfall import Interrupted, RockfallError, UsageError
from rockfall.kit.measurements import mean_and_error
from rockfall_sweeps.journal import open_storage
from rockfall_sweeps.places import Place
from rockfall_sweeps.pruners import RUNGS, make_pruner
from rockfall_sweeps.request import JOURNAL, Request
from rockfall_sweeps.samplers import grid, make_sampler
from rockfall_sweeps.space import Space
from rockfall_sweeps.travel import fetch
from rockfall_sweeps.trial import Job, versions

LOOK = 0.2
"""Seconds between two looks at the clock."""
WORDS = 200
"""That all running trials together may say in a second of how far they are."""
ATTEMPTS = 3
"""Times that a run is begun again that was killed before it told of anything new."""
FIRST = 5
"""Trials that may fail before any has succeeded; then something is wrong with all of them."""
VALUES, ERROR, REASON = "values", "standard error", "reason"
"""What the journal has of a trial beside Optuna's own: its seeds' values by number, their standard
error, and why it failed or was pruned."""

Tell = Callable[[str, dict[str, Any]], None]
"""Hears of what happens: a kind and its data."""


class Driver:
    """Whoever holds the sweep's lock, and drives it."""

    def __init__(
        self,
        folder: Path,
        request: Request,
        space: Space,
        place: Place,
        tell: Tell,
        *,
        trials: int | None,
        seconds: float | None = None,
        checkpoint_every: float = 30.0,
        remote: str = "",
    ) -> None:
        """trials: how many in all. seconds: after which none is begun any more."""
        self.folder, self.request, self.space = folder, request, space
        self.place, self.tell = place, tell
        if request.sampler == "grid":
            size = math.prod(map(len, grid(space).values()))
            trials = size if trials is None else min(trials, size)
        self.trials = trials
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.checkpoint_every, self.remote = checkpoint_every, remote
        self.study = optuna.create_study(
            storage=open_storage(folder / JOURNAL, request.storage),
            study_name=folder.name,
            direction="minimize" if request.lowest else "maximize",
            pruner=make_pruner(request.pruner),
            load_if_exists=True,
        )
        self._open: dict[int, OpenTrial] = {}
        self._running: dict[str, tuple[OpenTrial, int]] = {}
        self._killed: dict[str, int] = {}
        self._warned: set[str] = set()

    def go(self) -> None:
        """Raises Interrupted after Ctrl-C, RockfallError if all trials fail."""
        request = self.request
        self.tell(
            "sweep",
            {
                "name": self.folder.name,
                "model": request.model.rpartition(":")[2],
                "source": request.source,
                "space": request.space,
                "metric": request.name,
                "lowest": request.lowest,
                "begun": len(self._trials()),
            },
        )
        try:
            for frozen in self._trials(TrialState.RUNNING, TrialState.WAITING):
                trial = self._open_trial(frozen.number)
                if trial.done:
                    self._close(trial, TrialState.COMPLETE)
            while self._begin_runs():
                for run, event in self.place.heard(LOOK):
                    self._hear(run, event)
        except KeyboardInterrupt:
            raise Interrupted("stopped; the same command goes on with the sweep") from None
        finally:
            self.place.close()

    # What is begun ---------------------------------------------------------------------------

    def _begin_runs(self) -> bool:
        """Give the free jobs something to do; False once there is nothing left."""
        while len(self._running) < self.place.jobs and (found := self._next_run()):
            trial, seed = found
            job = self._job(trial, seed)
            self._running[job.name] = found
            trial.begun.add(seed)
            self.tell("begun", {"run": job.name, **trial.described()})
            self.place.start(job)
        return bool(self._running)

    def _next_run(self) -> tuple[OpenTrial, int] | None:
        for trial in list(self._open.values()):
            if (seed := trial.next_seed()) is not None:
                return trial, seed
        late = self.deadline is not None and time.monotonic() >= self.deadline
        begun = len(self.study.get_trials(deepcopy=False))
        if late or (self.trials is not None and begun >= self.trials):
            return None
        return self._open_trial(begun), 0

    def _open_trial(self, number: int) -> OpenTrial:
        """A new one, or one that somebody has begun and left."""
        study = self.study
        request = self.request
        # Whether others run is not asked of the moment, which a kill would have changed.
        parallel = self.place.jobs > 1
        known = study.get_trials(deepcopy=False)
        begun = number < len(known)
        proposed = Trial(study, known[number]._trial_id) if begun else study.ask()
        parameters = {}
        for place, (name, distribution) in enumerate(self.space.items()):
            study.sampler = make_sampler(
                request.sampler, request.seed, number, place, self.space, parallel=parallel
            )
            parameters[name] = _suggest(proposed, name, distribution)
        self._open[number] = trial = OpenTrial(proposed, parameters, request)
        return trial

    def _job(self, trial: OpenTrial, seed: int) -> Job:
        request = self.request
        return Job(
            out=str(self.folder),
            name=request.run_name(trial.number, seed),
            model=request.model,
            source=request.source,
            source_options=request.source_options,
            settings=request.settings_of(trial.parameters),
            preset=request.preset,
            seed=request.seed + seed,
            device=request.device,
            precision=request.precision,
            threads=request.threads,
            deterministic=request.deterministic,
            metric=request.name,
            checkpoint_every=self.checkpoint_every,
            remote=self.remote,
            tell_every=self.place.jobs / WORDS,
        )

    # What is heard ---------------------------------------------------------------------------

    def _hear(self, run: str, event: dict[str, Any]) -> None:
        if run not in self._running:
            return
        trial, seed = self._running[run]
        match event["event"]:
            case "hello":
                _require_same(event["versions"])
            case "progress":
                self.tell("progress", {"run": run, **trial.described(), **event})
            case "warning" if event["message"] not in self._warned:
                self._warned.add(event["message"])
                self.tell("warning", {"run": run, "message": event["message"]})
            case "rung" if seed == 0:
                if event["rung"] > max(trial.reports, default=0):
                    self._killed.pop(run, None)  # it has come further
                if reason := trial.report(event["rung"], event["value"]):
                    self.place.stop(run, reason)
            case "ended":
                self._end(run, trial, seed, event["value"])
            case "failed":
                self._fail(run, trial, event["message"], usage=event.get("usage", False))
            case "interrupted" | "gone":
                self._begin_again(run, trial, seed, event["message"])

    def _end(self, run: str, trial: OpenTrial, seed: int, value: float | None) -> None:
        del self._running[run]
        if self.remote:
            fetch(f"{self.remote}/{run}", self.folder / run)
        if trial.pruned or value is None:
            self._close(trial, TrialState.PRUNED, trial.pruned or "stopped")
            return
        trial.judge(seed, value)
        self.tell("run", {"run": run, **trial.described(), "value": value})
        if trial.number in self._open and trial.done:
            self._close(trial, TrialState.COMPLETE)

    def _fail(self, run: str, trial: OpenTrial, message: str, *, usage: bool = False) -> None:
        del self._running[run]
        succeeded = self._trials(TrialState.COMPLETE, TrialState.PRUNED)
        if usage and "no trial has a metric" in message and not succeeded:
            raise UsageError(f"{message}: choose another --metric, and another --name")
        if trial.number in self._open:
            self._close(trial, TrialState.FAIL, message)
        failed = self._trials(TrialState.FAIL)
        if len(failed) >= FIRST and not succeeded and len({_why(each) for each in failed}) == 1:
            raise RockfallError(f"the first {len(failed)} trials failed: {message}")

    def _begin_again(self, run: str, trial: OpenTrial, seed: int, message: str) -> None:
        """A run that was killed goes on, unless it has been killed over and over."""
        self._killed[run] = self._killed.get(run, 0) + 1
        if self._killed[run] > ATTEMPTS:
            self._fail(run, trial, f"begun {ATTEMPTS + 1} times, and each time {message}")
            return
        del self._running[run]
        trial.begun.discard(seed)
        self.tell("warning", {"run": run, "message": f"{run}: {message}; it goes on"})

    def _close(self, trial: OpenTrial, state: TrialState, reason: str = "") -> None:
        del self._open[trial.number]
        if reason:
            trial.optuna.set_user_attr(REASON, reason)
        value = error = None
        if state == TrialState.COMPLETE:
            values = [trial.values[seed] for seed in sorted(trial.values, key=int)]
            value, error = mean_and_error(torch.tensor(values, dtype=torch.float64)).values()
            trial.optuna.set_user_attr(ERROR, error)
        self.study.tell(trial.number, value, state)
        outcome = {"state": state.name.lower(), "reason": reason, "value": value, "error": error}
        self.tell("trial", {**trial.described(), **outcome})

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states or None)


class OpenTrial:
    """A trial that is neither finished nor pruned: its settings, and what its seeds gave so far."""

    def __init__(self, trial: Trial, parameters: dict[str, Any], request: Request) -> None:
        self.optuna, self.parameters, self.request = trial, parameters, request
        self.number = trial.number
        self.values: dict[str, float] = dict(trial.user_attrs.get(VALUES, {}))
        self.begun = {int(seed) for seed in self.values}
        self.reports: dict[int, float] = dict(_frozen(trial).intermediate_values)
        self.pruned = ""

    @property
    def done(self) -> bool:
        return len(self.values) == self.request.seeds

    def described(self) -> dict[str, Any]:
        return {"trial": self.number, "settings": self.parameters}

    def next_seed(self) -> int | None:
        """The number of the seed to run next. While it may be pruned, the first goes ahead."""
        waits = self.request.pruner != "none" and "0" not in self.values
        seeds = range(1 if waits else self.request.seeds)
        return next((seed for seed in seeds if seed not in self.begun), None)

    def judge(self, seed: int, value: float) -> None:
        """Note what a seed gave, before anything depends on it."""
        self.values[str(seed)] = value
        self.optuna.set_user_attr(VALUES, self.values)

    def report(self, rung: int, value: float) -> str:
        """Tell Optuna of a rung; returns why the trial has to be pruned, or nothing.

        A run that goes on after a kill tells of its rungs again, and the last that is known is
        decided about again, in case that nobody has acted upon it.
        """
        last = max(self.reports, default=0)
        if rung < last:
            return ""
        if rung > last and not self.pruned:
            self.optuna.report(value, rung)
            self.reports[rung] = value
        if not self.pruned and self.optuna.should_prune():
            better = "worse than others"
            self.pruned = f"pruned after {100 * rung // RUNGS} % of the training: {better}"
        return self.pruned


def _frozen(trial: Trial) -> FrozenTrial:
    return trial.study._storage.get_trial(trial._trial_id)


def _suggest(trial: Trial, name: str, distribution: Any) -> Any:
    """What is proposed, or has been for this trial already."""
    if isinstance(distribution, optuna.distributions.CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    low, high, log = distribution.low, distribution.high, distribution.log
    if isinstance(distribution, optuna.distributions.IntDistribution):
        return trial.suggest_int(name, low, high, log=log)
    return trial.suggest_float(name, low, high, log=log)


def _why(trial: FrozenTrial) -> str:
    return str(trial.user_attrs.get(REASON, ""))


def _require_same(theirs: dict[str, str]) -> None:
    """Raise RockfallError for a trial that runs with other versions than the driver."""
    for name, mine in versions().items():
        if theirs.get(name) != mine:
            raise RockfallError(
                f"a trial runs with {name} {theirs.get(name)}, and this machine has {mine}: "
                "install one version everywhere"
            )
