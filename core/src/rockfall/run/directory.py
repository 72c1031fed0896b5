"""The directory of a run: self-describing, found by name, prefix, path or `last`."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rockfall.errors import RockfallError, UnknownName, UsageError, did_you_mean
from rockfall.first_steps import first_command
from rockfall.kit.files import atomic, make_folder, sync_folder, to_json, unfinished, writing
from rockfall.kit.regular import is_regular, locked, own_folder
from rockfall.run import former

if TYPE_CHECKING:
    from rockfall.sources.source import Source

FORMAT = 2
"""Of `run.json`; `rockfall.run.schema` says which are read."""
LAST = "last"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


Named = Callable[["RunDirectory", bytes], None]
"""Gets a new directory, and what its `run.json` will be."""


class RunningElsewhere(RockfallError):
    """Another process holds the run."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """`run.json`: the request, and all it takes to build the model again.

    matmul_precision: of matrix products, and on CUDA of convolutions too.
    lengthened: at which steps it was asked for more, and what the setting was before.
    measured_on: the examples, or episodes, of the figures: test, or validation of one that was made
        to choose settings.
    devices: how many learned it together, `device` being that of the process that recorded it.
    """

    model: str
    source: str
    source_options: dict[str, Any] = field(default_factory=dict)
    preset: str = ""
    config: dict[str, Any]
    info: dict[str, Any]
    seed: int
    device: str
    precision: str
    threads: int
    matmul_precision: str
    deterministic: bool = False
    created: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    lengthened: list[dict[str, int]] = field(default_factory=list)
    measured_on: str = "test"
    devices: int = 1
    format: int = FORMAT

    @property
    def model_name(self) -> str:
        """The model's bare name."""
        return self.model.rpartition(":")[2]

    def open_source(
        self, options: Mapping[str, Any] | None = None, *, whole: bool = False
    ) -> Source:
        """Its source again, with options over its own, to measure and to look at.

        whole: with the test examples that were trained on, too. Raises UsageError if it names a
        module to import, which from a file is not done: see `rockfall.kit.trust`; RockfallError if
        all its test examples were trained on.
        """
        from rockfall.kit.recorded import opened_again
        from rockfall.kit.trust import only_typed
        from rockfall.sources.opening import open_source
        from rockfall.sources.unseen import unseen

        with only_typed(), opened_again(self.info):
            source = open_source(self.source, {**self.source_options, **(options or {})})
        return source if whole else unseen(source, self.info)


@dataclass(frozen=True)
class RunDirectory:
    """Paths inside one run's directory."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def address(self) -> str:
        """What to type so that it is found again: its name, or its path if it lies elsewhere, as a
        shell takes it.
        """
        here = (runs_folder() / self.name).resolve() == self.path.resolve()
        return shlex.quote(self.name if here else str(self.path))

    @property
    def record_file(self) -> Path:
        return self.path / "run.json"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def result_file(self) -> Path:
        return self.path / "result.json"

    @property
    def lock_file(self) -> Path:
        return self.path / ".lock"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures"

    def checkpoint(self, name: str) -> Path:
        """The file of checkpoint `last` or `best`."""
        return self.path / "checkpoint" / f"{name}.safetensors"

    def has_checkpoint(self, name: str) -> bool:
        """Whether one was written: one that can't be reached is not one that never was."""
        return os.path.lexists(self.checkpoint(name))

    def tidy(self) -> list[Path]:
        """Clear away the files that a killed process was writing, and return their paths. Only for
        who holds the lock.
        """
        left = unfinished(own_folder(self.path))
        for path in left:
            with writing(path):
                path.unlink(missing_ok=True)
        return left

    def tidy_if_idle(self) -> list[Path]:
        """As `tidy`, if no process trains here and the folder can be written."""
        if unfinished(self.path):
            with contextlib.suppress(RockfallError), self.lock():
                return self.tidy()
        return []

    def record(self) -> Record:
        """Read `run.json`. Raises RockfallError if it is damaged or newer than this core."""
        from rockfall.run import schema  # needs pydantic, as completion does not

        record = Record(**schema.read_record(self.record_file))
        return replace(record, config=former.config(record.model, record.config))

    def write(self, record: Record) -> None:
        """Write `run.json` anew, by the present names of everything."""
        with atomic(self.record_file) as file:
            file.write(to_json(asdict(replace(record, format=FORMAT))))

    def result(self) -> dict[str, Any] | None:
        """The final figures; None while there are none."""
        if not self.has_result():
            return None
        from rockfall.run import schema

        data = schema.read_result(self.result_file)
        return {**data, "figures": former.figures(self.record().model, data["figures"])}

    def has_result(self) -> bool:
        """Whether one was written, even if it can't be read any more."""
        return os.path.lexists(self.result_file)

    def logged(self) -> list[dict[str, Any]]:
        """Every logged line: its metrics by name, and `step`, `seconds` and `epoch`."""
        return list(self.lines())

    def lines(self) -> Iterator[dict[str, Any]]:
        """As `logged`, one line after the other. Raises RockfallError where one is damaged."""
        from rockfall.run import logged

        return former.metrics(self.record().model, logged.read(self.metrics_file))

    @property
    def status(self) -> str:
        """running, finished, stopped (by `Run.stop`), resumable (from a checkpoint) or started."""
        if locked(self.lock_file):
            return "running"
        if self.has_result():
            from rockfall.run import schema

            with contextlib.suppress(RockfallError):
                if schema.read_result(self.result_file).get("stopped"):
                    return "stopped"
            return "finished"
        return "resumable" if self.has_checkpoint("last") else "started"

    @contextlib.contextmanager
    def lock(self, wait: float = 0.0) -> Iterator[None]:
        """Hold the run for this process. Raises RunningElsewhere if another one has it.

        wait: seconds to allow for one that only checks whether the run is free.
        """
        import filelock

        for folder in (self.checkpoint(LAST).parent, self.pictures):
            own_folder(folder, make=True)
        if os.path.lexists(self.lock_file) and not is_regular(self.lock_file):
            raise RockfallError(f"{self.lock_file} is no regular file: remove it")
        lock = filelock.FileLock(self.lock_file, thread_local=False)
        try:
            lock.acquire(timeout=wait)
        except filelock.Timeout:
            raise RunningElsewhere(f"run {self.name} is being trained by another process") from None
        except OSError as error:
            raise RockfallError(f"can't write to {self.path}: {error.strerror}") from None
        try:
            yield
        finally:
            lock.release()

    @classmethod
    def create(
        cls, out: Path, name: str, stem: str, record: Record, named: Named | None = None
    ) -> Self:
        """Make a new directory called `name`, or `stem-1`, `stem-2`, … if that is empty.

        named: called when it has its name, and before it has a record, which makes it a run.
        """
        if name and not NAME.fullmatch(name):
            raise UsageError(f"run name {name!r}: use letters, digits, '.', '_' and '-'")
        if name == LAST:
            raise UsageError(f"{LAST} always means the newest run: choose another --name")
        if name and os.path.lexists(out / name):
            if not os.path.lexists(out / name / "run.json"):
                raise UsageError(
                    f"{out / name} is no run, though a killed process may have begun one there: "
                    "remove it, or choose another --name"
                )
            raise UsageError(
                f"there is a run {name} in {out}: choose another --name, "
                f"or continue it with `rockfall resume {name}`"
            )
        try:
            if not out.is_dir():
                with contextlib.suppress(FileExistsError):  # another process made it meanwhile
                    make_folder(out)
            if name:
                path = out / name
                path.mkdir()
            else:
                path = _next_free(out, stem)
        except OSError as error:
            raise RockfallError(f"can't make a run in {out}: {error.strerror}") from None
        directory = cls(path)
        try:
            directory.checkpoint("last").parent.mkdir()
            directory.pictures.mkdir()
            content = to_json(asdict(record))
            if named:
                named(directory, content)
            with atomic(directory.record_file) as file:
                file.write(content)
            with writing(out):
                sync_folder(out)
        except BaseException:
            directory.remove()
            raise
        return directory

    def remove(self) -> None:
        """Take it away with all that it holds, as far as that is possible."""
        shutil.rmtree(self.path, ignore_errors=True)


def _next_free(out: Path, stem: str) -> Path:
    pattern = re.compile(re.escape(stem) + r"-(\d+)")
    used = [int(match[1]) for path in out.iterdir() if (match := pattern.fullmatch(path.name))]
    number = max(used, default=0)
    while True:
        number += 1
        with contextlib.suppress(FileExistsError):  # another process took it meanwhile
            path = out / f"{stem}-{number}"
            path.mkdir()
            return path


def runs_folder() -> Path:
    """Where runs go: `ROCKFALL_RUNS`, or `runs` in the working directory."""
    return Path(os.environ.get("ROCKFALL_RUNS", "runs"))


def all_runs(out: Path | None = None) -> list[RunDirectory]:
    """Every run in a folder, oldest first."""
    out = out or runs_folder()
    if not out.is_dir():
        return []
    found = [(_written(path / "run.json"), path.name, path) for path in out.iterdir()]
    return [RunDirectory(path) for written, _, path in sorted(found) if written]


def _written(path: Path) -> int:
    """When a file was, in nanoseconds; 0 if there is none, or no more."""
    try:
        return os.lstat(path).st_mtime_ns
    except (OSError, ValueError):
        return 0


def find_run(text: str | Path, out: Path | None = None) -> RunDirectory:
    """A run by path, name, unique prefix, or `last`. Raises UnknownName with a suggestion."""
    path = Path(os.path.expanduser(text))
    for place in (path, (out or runs_folder()) / path):  # one in a folder among them, too
        if os.path.lexists(place / "run.json"):  # False for what can be no path
            return RunDirectory(place)
    runs = all_runs(out)
    folder = out or runs_folder()
    if not runs:
        raise UnknownName(f"there are no runs in {folder}/ yet: `{first_command()}`")
    if str(text) == LAST:
        return runs[-1]
    matching = [run for run in runs if run.name == str(text)] or [
        run for run in runs if run.name.startswith(str(text))
    ]
    if len(matching) == 1:
        return matching[0]
    if matching:
        names = ", ".join(run.name for run in matching)
        raise UnknownName(f"{text} begins the names of {len(matching)} runs: {names}")
    hint = did_you_mean(str(text), [run.name for run in runs]) or "; `rockfall runs` lists them"
    raise UnknownName(f"no run named {text} in {folder}/{hint}")
