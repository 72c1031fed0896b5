"""What lies in a run's folder may be anybody's: it is read within bounds, and by a schema."""

from __future__ import annotations

import copy
import itertools
import json
import os
import random
import shutil
import stat
import sys
import tracemalloc
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import rockfall as api
from rockfall.errors import CheckpointError, RockfallError
from rockfall.kit import checkpoint, series
from rockfall.kit.console import console
from rockfall.kit.optimizers import Adam
from rockfall.kit.regular import is_regular, open_regular, own_folder, read_whole
from rockfall.kit.states import load_kept, load_model
from rockfall.run.directory import RunDirectory
from rockfall.run.logged import series as thinned
from rockfall.run.metrics import Metrics
from rockfall.run.run import Run
from tests.core.conftest import Toy
from tests.core.test_cli_train import rockfall
from tests.torture.damage import FILES, MODULE, VALUES, _change

RECORDED = Path(__file__).parents[1] / "recorded_runs" / "v0.1"
ONCE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Runs `one` and `other`."""
    for name in ("one", "other"):
        shutil.copytree(RECORDED / "gan-gaussian", tmp_path / "runs" / name)
    return tmp_path


def listed(folder: Path) -> dict[str, str]:
    """Status by run, as `rockfall runs` has it."""
    done = rockfall(folder, "runs", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return {run["run"]: run["status"] for run in json.loads(done.stdout)}


# Regular files -------------------------------------------------------------------------------


def _link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def _zero(path: Path, outside: Path) -> None:
    path.symlink_to("/dev/zero")


def _pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path, outside: Path) -> None:
    path.mkdir()


def _dangling(path: Path, outside: Path) -> None:
    path.symlink_to(outside.parent / "nowhere")


PUT = (_link, _zero, _pipe, _folder, _dangling)


@pytest.mark.long
@pytest.mark.parametrize("put", PUT)
@pytest.mark.parametrize("name", [*FILES, ".lock", "pictures/samples.png"])
def test_what_is_no_file_of_the_run_is_neither_read_nor_written(
    name: str, put: Callable[[Path, Path], None], folder: Path
) -> None:
    outside = folder / "outside"
    outside.write_bytes(b"as it was\n")
    path = folder / "runs" / "one" / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    put(path, outside)
    assert listed(folder)["other"] == "finished"
    for typed in ("show one", "compare one other", "evaluate one --limit 2", "resume one"):
        done = rockfall(folder, *typed.split())
        assert done.returncode in (0, 1, 2), done.stderr
        assert "traceback" not in done.stderr
    if name != "result.json":
        (folder / "runs/one/result.json").unlink()
        assert rockfall(folder, "resume", "one").returncode in (0, 1)
    assert outside.read_bytes() == b"as it was\n"
    assert not (folder / "nowhere").exists()


@pytest.mark.parametrize("name", ["checkpoint", "pictures"])
def test_a_folder_elsewhere_is_not_written_to(name: str, folder: Path) -> None:
    outside = folder / "outside"
    outside.mkdir()
    (outside / ".writing-mine").write_text("mine")
    run = folder / "runs" / "one"
    (run / name).rename(run / "moved")
    (run / name).symlink_to(outside)
    (run / "result.json").unlink()
    assert rockfall(folder, "show", "one").returncode == 0
    done = rockfall(folder, "resume", "one")
    assert done.returncode == 1 and "should be a folder" in done.stderr
    assert [path.name for path in outside.iterdir()] == [".writing-mine"]


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    file, link, pipe, twin = (tmp_path / name for name in ("file", "link", "pipe", "twin"))
    file.write_bytes(b"12345")
    link.symlink_to(file)
    os.mkfifo(pipe)
    os.link(file, twin)
    assert read_whole(file, 5) == read_whole(link, 5, links=True) == b"12345"
    with pytest.raises(RockfallError, match="over 0 MB"):
        read_whole(file, 4)
    for path in (link, pipe, tmp_path, tmp_path / "none"):
        with pytest.raises(RockfallError, match="can't read"):
            read_whole(path, 5)
    for path in (link, pipe, twin):
        with pytest.raises(OSError, match=r"link|regular|No such device"):
            open_regular(path, "ab")
    assert [is_regular(path) for path in (file, link, pipe, tmp_path)] == [
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(RockfallError, match="should be a folder"):
        own_folder(file)
    with open_regular(tmp_path / "new", "ab") as made:
        made.write(b"a")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) & 0o100 == 0


# The schema ----------------------------------------------------------------------------------


@pytest.mark.long
@ONCE
@given(seed=st.integers(0, 2**32), name=st.sampled_from(["run.json", "result.json"]))
@example(seed=171522975, name="result.json")
def test_a_damaged_run_hides_no_other(seed: int, name: str, tmp_path_factory: Any) -> None:
    """Any value at any place of the JSON."""
    folder = tmp_path_factory.mktemp("work")
    for run in ("one", "other"):
        shutil.copytree(RECORDED / "gan-gaussian", folder / "runs" / run)
    path = folder / "runs" / "one" / name
    data = json.loads(path.read_bytes())
    _change(data, random.Random(seed))
    path.write_text(json.dumps(data))
    found = listed(folder)
    assert set(found) == {"one", "other"} and found["other"] == "finished"
    if found["one"].startswith("damaged: "):
        assert f"one/{name}" in found["one"]
    done = rockfall(folder, "show", "one")
    assert done.returncode in (0, 1, 2) and "traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("run.json", lambda data: data.pop("info"), "info: Field required"),
        ("run.json", lambda data: data["info"].update(shape=[10**9, 10**9]), "info.shape"),
        ("run.json", lambda data: data.update(seed="0"), "seed: Input should be a valid integer"),
        ("run.json", lambda data: data.update(format=3), "has format 3, this rockfall-core reads"),
        ("result.json", lambda data: data.pop("figures"), "figures: Field required"),
        ("result.json", lambda data: data["figures"]["mean"].pop("value"), "figures.mean.value"),
        ("result.json", lambda data: data.update(seconds=-1), "seconds: Input should be greater"),
    ],
)
def test_the_field_is_named(
    name: str, change: Callable[[Any], object], said: str, folder: Path
) -> None:
    path = folder / "runs" / "one" / name
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data))
    assert f"one/{name}" in listed(folder)["one"] and said in listed(folder)["one"]
    done = rockfall(folder, "show", "one")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and said in done.stderr


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", '{"step": 1}', '{"step": 1, "seconds": NaN}', "x"]
)
def test_a_damaged_line_is_named(line: str, folder: Path) -> None:
    path = folder / "runs" / "one" / "metrics.jsonl"
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([first, line, *others]) + "\n")
    done = rockfall(folder, "show", "one")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "metrics.jsonl is damaged: line 2" in done.stderr
    path.write_text("\n".join([first, *others, '{"step": 9']))
    assert rockfall(folder, "show", "one").returncode == 0, "a last line may be cut short"


# Many lines ----------------------------------------------------------------------------------


def test_curves_of_many_steps_take_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "MOST_POINTS", 1000)
    lines = (
        {"step": step, "seconds": step / 8, "loss": 1.0 / (1 + step)} for step in range(30_001)
    )
    tracemalloc.start()
    found = thinned(lines)["loss"]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 300_000
    points = found.points("step")
    assert 400 < len(points) <= 1001
    assert points[0] == (0, 1.0) and points[-1] == (30_000, found.last)
    assert all(value == 1 / (1 + step) for step, value in points)
    gaps = {later[0] - earlier[0] for earlier, later in itertools.pairwise(points[:-1])}
    assert len(gaps) == 1


@given(count=st.integers(1, 60))
def test_few_points_are_all_there(count: int) -> None:
    lines = [{"step": step, "seconds": 2.0 * step, "a": -step} for step in range(count)]
    assert thinned(lines)["a"].points("seconds") == [(2.0 * k, -k) for k in range(count)]


@pytest.mark.parametrize("size", [0, 1, 7, 2**16, 2**62])
def test_lines_are_cut_back_whatever_a_checkpoint_says(size: int, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    content = b'{"a": 1}\n' * 20_000
    path.write_bytes(content)
    assert Metrics(path, lambda lines: None).cut(size) == (size <= len(content))
    kept = content[:size]
    assert path.read_bytes() == kept[: kept.rfind(b"\n") + 1]


# Checkpoints that somebody made up -----------------------------------------------------------


def _saved(**changes: Any) -> dict[str, Any]:
    saved = checkpoint.read(RECORDED / "gan-gaussian/checkpoint/last.safetensors")
    return {**saved, **changes}


@pytest.mark.long
@pytest.mark.parametrize("key", ["kept", "random", "position", "step", "seconds", "finished"])
@ONCE
@given(value=st.sampled_from(VALUES))
@example(value={"indices": [[0, 10**18]], "endings": [[]]})
def test_any_value_behind_the_digest(key: str, value: Any, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("work")
    run = folder / "runs" / "one"
    shutil.copytree(RECORDED / "gan-gaussian", run)
    (run / "result.json").unlink()
    saved = _saved(finished=False, position={"indices": [[0, 1]], "endings": [[], []]})
    checkpoint.write(run / "checkpoint/last.safetensors", {**saved, key: copy.deepcopy(value)})
    done = rockfall(folder, "resume", "one")
    assert done.returncode in (0, 1) and "traceback" not in done.stderr
    if done.returncode:
        assert done.stderr.splitlines()[-1].startswith("rockfall: ")


def test_a_position_past_the_end_skips_no_training(folder: Path) -> None:
    path = folder / "runs/one/checkpoint/last.safetensors"
    (folder / "runs/one/result.json").unlink()
    for position in (
        {"indices": [[0, 10**18]], "endings": [[]]},
        {"indices": [[7, 0]], "endings": [[None] * 7]},
    ):
        checkpoint.write(path, _saved(finished=False, position=position))
        done = rockfall(folder, "resume", "one")
        assert done.returncode == 1 and not (folder / "runs/one/result.json").exists(), position


def _with(change: Callable[[torch.Tensor], Any]) -> dict[str, Any]:
    state = dict(torch.nn.Linear(2, 2).state_dict())
    return {**state, "weight": change(state["weight"])}


@pytest.mark.parametrize(
    "state",
    [
        {}, None, 5, {"weight": 1}, _with(lambda w: w.T[:1]), _with(lambda w: w.long()),
        _with(lambda w: w.bool()), _with(lambda w: w * torch.nan), _with(lambda w: w / 0),
        _with(lambda w: w.to(torch.complex64)), _with(lambda w: "weight"), _with(lambda w: w[:0]),
    ],
)  # fmt: skip
def test_weights_that_are_none(state: Any) -> None:
    with pytest.raises(CheckpointError, match="the file"):
        load_model(torch.nn.Linear(2, 2), state, "the file")


def test_weights_of_another_precision_are_taken() -> None:
    load_model(torch.nn.Linear(2, 2), _with(lambda w: w.double()), "the file")


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3,), (4,), (1, 2), (2, 3), (1000,), (2, 2, 2)])
@pytest.mark.parametrize(
    ("kind", "more"), [(torch.optim.Adam, {}), (Adam, {}), (torch.optim.SGD, {"momentum": 0.9})]
)
@pytest.mark.parametrize("inside", [False, True])
def test_an_optimizer_reads_past_no_end(
    kind: type[Any], more: dict[str, float], shape: tuple[int, ...], inside: bool
) -> None:
    """One that a thing has, too, which is loaded with it."""
    model = torch.nn.Linear(2, 2, bias=False)
    other = torch.nn.Linear(5, 5)

    def made() -> Any:
        return kind([*model.parameters(), *other.parameters()], lr=0.1, fused=True, **more)

    optimizer = made()
    (model(torch.ones(1, 2)).sum() + other(torch.ones(1, 5)).sum()).backward()
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())

    def load() -> None:
        thing = made()
        if inside:
            held = types.SimpleNamespace(parts=[{"optimizer": thing}])
            held.load_state_dict = thing.load_state_dict
            thing = held
        load_kept(thing, state, "it")

    load()
    name = next(key for key, value in state["state"][0].items() if value.shape == (2, 2))
    state["state"][0][name] = torch.zeros(shape)
    with pytest.raises(CheckpointError, match="it does not fit"):
        load()


def test_a_state_of_numpy_that_points_elsewhere(start: Callable[..., Run]) -> None:
    def fit(model: Toy, run: Run) -> None:
        for _ in run.steps(3):
            if run.step == 1:
                run.save("last")

    run = start(fit)
    run.model.fit(None, run)
    path = run.directory.checkpoint("last")
    saved = checkpoint.read(path)
    saved["random"]["numpy"]["state"]["pos"] = 10**6
    checkpoint.write(path, saved)
    again = start(fit, again=run)
    with pytest.raises(CheckpointError, match="no state of random generators"):
        again.model.fit(None, again)


# Imports -------------------------------------------------------------------------------------

PAYLOAD = """
from pathlib import Path
Path({!r}).touch()
import gymnasium
gymnasium.register("X-v0", entry_point="gymnasium.envs.classic_control:CartPoleEnv")
"""
VERBS = ("evaluate one --limit 1", "resume one", "play one --games 1 --steps 2")


@pytest.fixture
def payload(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that an import leaves; run `one` is of an agent."""
    shutil.rmtree(folder / "runs/one")
    shutil.copytree(RECORDED / "stopped-dqn-cartpole", folder / "runs/one")
    mark = folder / "imported"
    (folder / f"{MODULE}.py").write_text(PAYLOAD.format(str(mark)))
    monkeypatch.syspath_prepend(folder)
    sys.modules.pop(MODULE, None)
    gymnasium.registry.pop("X-v0", None)
    yield mark
    sys.modules.pop(MODULE, None)
    gymnasium.registry.pop("X-v0", None)


def _say(folder: Path, **changes: Any) -> None:
    path = folder / "runs/one/run.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


@pytest.mark.parametrize("typed", VERBS)
@pytest.mark.parametrize(
    "changes",
    [
        {"source": f"{MODULE}:X-v0"},
        {"source": f"{MODULE}:CartPole-v1"},
        {"source_options": {"env_id": f"{MODULE}:X-v0"}},
        {"source_options": {"kwargs": [{"of": f"{MODULE}:X-v0"}]}},
        {"source": "patches", "source_options": {"of": f"{MODULE}:X-v0"}},
    ],
)
def test_a_file_imports_nothing(
    typed: str, changes: dict[str, Any], folder: Path, payload: Path
) -> None:
    _say(folder, **changes)
    done = rockfall(folder, *typed.split())
    assert not payload.exists() and MODULE not in sys.modules
    assert f"ROCKFALL_IMPORTS={MODULE} allows it" in done.stderr
    assert (done.returncode, done.stderr.count("rockfall: ")) == (2, 1)


def test_a_page_imports_nothing_either(folder: Path, payload: Path) -> None:
    shutil.rmtree(folder / "runs/one")
    shutil.copytree(RECORDED / "gan-gaussian", folder / "runs/one")
    _say(folder, source=f"{MODULE}:X-v0")
    done = rockfall(folder, "show", "one")
    assert (done.returncode, payload.exists()) == (0, False)
    assert f"ROCKFALL_IMPORTS={MODULE} allows it" in done.stdout


@pytest.mark.parametrize(
    "typed", [VERBS[0], pytest.param(VERBS[1], marks=pytest.mark.long), VERBS[2]]
)
def test_who_trusts_it_says_so(
    typed: str, folder: Path, payload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _say(folder, source=f"{MODULE}:X-v0", source_options={"evaluation_episodes": 1})
    monkeypatch.setenv("ROCKFALL_IMPORTS", f"another, {MODULE}")
    done = rockfall(folder, *typed.split())
    assert done.returncode == 0, done.stderr
    assert payload.exists()


def test_what_is_typed_is_imported(folder: Path, payload: Path) -> None:
    _say(folder, source="gone:X-v0")
    done = rockfall(folder, "play", "one", f"{MODULE}:X-v0", "--games", "1", "--steps", "2")
    assert done.returncode == 0 and payload.exists(), done.stderr


def test_in_python_what_is_given_counts_and_what_is_recorded_does_not(
    folder: Path, payload: Path
) -> None:
    name = f"{MODULE}:X-v0"
    _say(folder, source=name)
    record = RunDirectory(folder / "runs/one").record()
    with pytest.raises(api.UsageError, match="may run any code"):
        record.open_source()
    assert not payload.exists()
    assert api.open_source(name).info.name == name and payload.exists()
    record.open_source()  # it is imported by now


def test_a_path_with_a_colon_is_no_module(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "a:b.png"
    Image.new("RGB", (4, 4)).save(path)
    assert api.open_source(path).info.shape == (3, 4, 4)


# Looking -------------------------------------------------------------------------------------


def _state(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("typed", ["runs", "runs --json", "compare one other --out c.png"])
def test_looking_writes_nothing_into_a_run(typed: str, folder: Path) -> None:
    before = _state(folder / "runs")
    assert rockfall(folder, *typed.split()).returncode == 0
    assert _state(folder / "runs") == before


def test_a_run_without_a_folder_of_pictures(folder: Path) -> None:
    shutil.rmtree(folder / "runs/one/pictures")
    done = rockfall(folder, "show", "one")
    assert done.returncode == 0 and "wrote runs/one/pictures/curves.png" in done.stdout


def test_a_run_in_training_is_said_to_be(folder: Path) -> None:
    assert listed(folder) == {"one": "finished", "other": "finished"}
    with RunDirectory(folder / "runs/one").lock():
        assert listed(folder) == {"one": "running", "other": "finished"}
    assert listed(folder) == {"one": "finished", "other": "finished"}


@pytest.mark.parametrize("width", [20, 28, 40])
@pytest.mark.parametrize(
    "typed", ["", "list", "runs", "info mlp", "info digits", "plugins", "compare one other"]
)
def test_no_word_is_broken_on_a_narrow_terminal(typed: str, width: int, folder: Path) -> None:
    """What is told at 200 columns is told in the same words."""
    console.cache_clear()
    wide = rockfall(folder, *typed.split(), COLUMNS="200").stdout
    console.cache_clear()
    narrow = rockfall(folder, *typed.split(), COLUMNS=str(width)).stdout
    console.cache_clear()
    short = {word for word in wide.split() if len(word) <= min(16, width - 6)}
    told = {word.rstrip(":") for word in narrow.split()}
    assert {word.rstrip(":") for word in short} - told <= {"run", "setting", "option"}, (
        "but headers"
    )
