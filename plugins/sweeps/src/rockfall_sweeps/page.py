"""A sweep as `rockfall show` prints and draws it, and as `rockfall runs` lists it."""

from __future__ import annotations

import warnings as python_warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from rockfall import RockfallError
from rockfall.kit import pictures
from rockfall.kit.drawing import beside
from rockfall.kit.regular import own_folder
from rockfall.verbs import RunDirectory, measurement_lines
from rockfall_sweeps.driver import ERROR, REASON
from rockfall_sweeps.pictures import Drawing, Tried, whole
from rockfall_sweeps.request import Request
from rockfall_sweeps.settings import space_of
from rockfall_sweeps.study import Study
from rockfall_sweeps.table import short, value_text
from rockfall_sweeps.trial import NOT_METRICS

LISTED = 5
"""Trials that are listed, the best ones; and failures."""
MOST_CURVES = 200
PICTURE = "sweep"


class SweepPage:
    """A sweep that lies in a folder, running or not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._drawn: list[str] = []

    @cached_property
    def request(self) -> Request:
        return Request.read(self.path)

    @cached_property
    def study(self) -> Study:
        return Study.open(self.path)

    @property
    def address(self) -> str:
        """What to type so that it is found again."""
        return RunDirectory(self.path).address

    # What is said ----------------------------------------------------------------------------

    def lines(self) -> list[str]:
        request, best = self.request, self.study.best
        space = " ".join(f"{name}={text}" for name, text in request.space.items())
        common = " ".join(f"{name}={text}" for name, text in request.settings.items())
        lines = [
            f"{self.path.name}: sweep of {request.model.rpartition(':')[2]} on {request.source}, "
            f"by {request.sampler}: {self.counts()}",
            f"looked for: {space}" + (f"; with {common}" if common else ""),
        ]
        if best is None:
            return [*lines, *self._failures()]
        over = f", mean of {request.seeds} seeds" if request.seeds > 1 else ""
        better = request.better()
        lines += [
            f"best, trial {best.number}: {request.name} {self._value(best)}{over}, on validation; "
            f"{better} is better",
            f"  {request.command(best.params)}",
            *self._table(),
        ]
        if shares := self.importances:
            said = "  ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
            lines.append(f"importance: {said}")
        if figures := self.study.figures:
            seeds = f", {figures['seeds']} seeds" if request.seeds > 1 else ""
            lines.append(f"trial {figures['trial']} on test, which nothing else looked at{seeds}:")
            lines += [f"  {line}" for line in measurement_lines(figures["figures"])]
        return [*lines, *self._failures()]

    def counts(self) -> str:
        """`12 finished, 3 pruned, 1 failed`."""
        kinds = {
            "finished": TrialState.COMPLETE,
            "pruned": TrialState.PRUNED,
            "failed": TrialState.FAIL,
            "begun": TrialState.RUNNING,
        }
        found = {word: len(self.study.of(state)) for word, state in kinds.items()}
        return ", ".join(f"{n} {word}" for word, n in found.items() if n) or "nothing yet"

    @cached_property
    def importances(self) -> dict[str, float]:
        """Setting → the share of the differences that it explains; empty if that can't be told."""
        if len(self.study.of(TrialState.COMPLETE)) < 4:
            return {}
        try:
            with python_warnings.catch_warnings():
                python_warnings.simplefilter("ignore")
                evaluator = optuna.importance.PedAnovaImportanceEvaluator()
                return optuna.importance.get_param_importances(
                    self.study.optuna, evaluator=evaluator
                )
        except (RuntimeError, ValueError, ZeroDivisionError):  # all trials gave the same
            return {}

    def _best_first(self) -> list[FrozenTrial]:
        sign = 1 if self.request.lowest else -1
        return sorted(self.study.of(TrialState.COMPLETE), key=lambda each: sign * (each.value or 0))

    def _value(self, trial: FrozenTrial) -> str:
        return value_text({"value": trial.value, "error": trial.user_attrs.get(ERROR)})

    def _table(self) -> list[str]:
        return [
            f"  trial {trial.number}: {self._value(trial)}  "
            + " ".join(f"{name}={short(value)}" for name, value in trial.params.items())
            for trial in self._best_first()[1:LISTED]
        ]

    def _failures(self) -> list[str]:
        failed = self.study.of(TrialState.FAIL)
        more = f" (and {len(failed) - LISTED} more)" if len(failed) > LISTED else ""
        lines = [f"trial {t.number} failed: {t.user_attrs.get(REASON, '')}" for t in failed]
        return [*lines[:LISTED], *([more.strip()] if more else [])]

    @property
    def next(self) -> str:
        if self.study.best is None:
            return f"rockfall runs --out {self.path}"
        runs = self.study.runs_of(self.study.best)
        return f"rockfall show {runs[0].address}" if runs else f"rockfall runs --out {self.path}"

    def row(self) -> dict[str, Any]:
        try:
            model, source = self.request.model.rpartition(":")[2], self.request.source
        except RockfallError as error:
            return self._row("", "", f"damaged: {error}", {})
        try:
            best = self.study.best
            value = {} if best is None else {f"best {self.request.name}": best.value}
            return self._row(model, source, self.counts(), value)
        except RockfallError as error:
            return self._row(model, source, f"damaged: {error}", {})

    def _row(self, model: str, source: str, status: str, figures: dict[str, Any]) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "kind": "sweep",
            "model": f"sweep of {model}" if model else None,
            "source": source,
            "status": status,
            "figures": figures,
        }

    def to_json(self) -> dict[str, Any]:
        best, request = self.study.best, self.request
        trials = [
            {
                "trial": trial.number,
                "state": trial.state.name.lower(),
                "settings": trial.params,
                "value": trial.value,
                "error": trial.user_attrs.get(ERROR),
                "reason": trial.user_attrs.get(REASON, ""),
                "runs": [run.path.name for run in self.study.runs_of(trial)],
            }
            for trial in self.study.trials
        ]
        return {
            "sweep": self.path.name,
            "path": str(self.path),
            "model": request.model.rpartition(":")[2],
            "source": request.source,
            "space": request.space,
            "metric": request.metric,
            "seeds": request.seeds,
            "sampler": request.sampler,
            "best": None if best is None else best.number,
            "command": None if best is None else request.command(best.params),
            "importances": self.importances,
            "test": self.study.figures,
            "trials": trials,
        }

    # What is drawn ---------------------------------------------------------------------------

    def draw(self, out: Path | None) -> Path | None:
        """Write each picture of its own into the sweep's folder, and all of them on one page."""
        finished = self.study.of(TrialState.COMPLETE)
        if not finished:
            return None
        request = self.request
        tried = [
            Tried(each.number, each.params, float(each.value or 0), each.user_attrs.get(ERROR, 0.0))
            for each in finished
        ]
        drawing = Drawing(space_of(request), tried, request.name, request.lowest)
        drawn = {"history": drawing.history()}
        if self.importances:
            drawn["importance"] = drawing.importances(self.importances)
        drawn["slices"], drawn["parallel"] = drawing.slices(), drawing.parallel()
        metric, across, points = self._curves()
        if points:
            drawn["curves"] = drawing.curves(metric, across, points)
        title = f"{request.model.rpartition(':')[2]} on {request.source}: {self.counts()}"
        note = (
            f"{request.name}, of validation: {request.better()} is better; orange: the best trial"
        )
        first = [drawn[name] for name in ("history", "importance") if name in drawn]
        rest = [drawn[name] for name in ("slices", "parallel", "curves") if name in drawn]
        all_of_it = whole(title, note, [beside(first, 0), *rest])
        try:
            folder = own_folder(self.path / "pictures", make=True)
            for name, image in drawn.items():
                self._drawn.append(pictures.save(folder / f"{name}.png", image).name)
            return pictures.save(out or folder / f"{PICTURE}.png", all_of_it)
        except RockfallError as error:  # a folder to read alone
            if out:
                return pictures.save(out, all_of_it)
            self.warnings.append(f"no pictures: {error}")
            return None

    def picture_lines(self) -> list[str]:
        names = ", ".join(self._drawn)
        return [f"pictures in {self.path / 'pictures'}:", f"  {names}"] if names else []

    def _curves(self) -> tuple[str, str, dict[int, list[tuple[float, float]]]]:
        """The metric, or what else is logged, of the first run of each trial, over its steps."""
        logged: dict[int, list[dict[str, Any]]] = {}
        for trial in self.study.trials[-MOST_CURVES:]:
            for run in self.study.runs_of(trial)[:1]:
                try:
                    logged[trial.number] = run.logged()
                except RockfallError as error:
                    self.warnings.append(str(error))
        lines = [line for each in logged.values() for line in each]
        names = dict.fromkeys(name for line in lines for name in line if name not in NOT_METRICS)
        if not names:
            return "", "", {}
        metric = self.request.name if self.request.name in names else next(iter(names))
        across = "environment_steps" if "environment_steps" in lines[0] else "step"
        points = {
            number: [(float(x[across]), float(x[metric])) for x in each if metric in x]
            for number, each in logged.items()
        }
        return metric, across.replace("_", " "), points
