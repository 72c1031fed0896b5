"""Runs that version 0.1 wrote, which the present one opens, shows, measures, uses and resumes."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import rockfall
from rockfall.cli import rockfall as cli
from rockfall.registry import registry
from rockfall.run import former
from rockfall.run.directory import RunDirectory
from rockfall.sources.environment import Environment
from rockfall.specs import CapabilitySpec, ModelSpec

pytestmark = pytest.mark.long

RECORDED = Path(__file__).parents[1] / "recorded_runs" / "v0.1"
NAMES: dict[str, dict[str, Any]] = json.loads((RECORDED / "names.json").read_text())
EXPECTED: dict[str, dict[str, Any]] = json.loads((RECORDED / "expected.json").read_text())

KILLED = RECORDED.with_name("v0.1-stopped")
AFTERWARDS: dict[str, dict[str, Any]] = json.loads((KILLED / "expected.json").read_text())
"""Of each model's killed run, what comes of it."""
QUICK = ("pqn", "mlp", "cgan", "gatys", "painter", "autoencoder")
"""Those that go on in every test run."""

STOPPED = {
    "stopped-vae": "resumable",
    "stopped-dqn-cartpole": "resumable",
    "killed-reinforce": "started",
}
"""Run → its status, where that is not `finished`."""
FINISHED = sorted(EXPECTED.keys() - STOPPED)
SAVED = sorted(EXPECTED.keys() - {"killed-reinforce"})
"""Those with a checkpoint."""


@pytest.fixture(autouse=True)
def one_thread_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the runs were measured."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of runs, in the working directory.

    Version 0.1 measured agents on the episodes that they trained on, so these are played.
    """
    monkeypatch.setattr(Environment, "for_evaluation", lambda source, salt=0: source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROCKFALL_RUNS", raising=False)
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def copy_of(name: str, runs: Path) -> Path:
    return shutil.copytree(RECORDED / name, runs / name)


def said(*words: str | Path) -> Any:
    """What a verb answers with --json."""
    done = CliRunner().invoke(cli, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def recorded(name: str) -> dict[str, Any]:
    """`run.json` as it was written."""
    record: dict[str, Any] = json.loads((RECORDED / name / "run.json").read_text())
    return record


def lines(path: Path) -> list[dict[str, Any]]:
    """`metrics.jsonl` as it was written."""
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


def spec_of(name: str) -> ModelSpec:
    spec: ModelSpec = registry().models.find(recorded(name)["model"]).spec
    return spec


def capabilities(spec: ModelSpec) -> list[CapabilitySpec]:
    return [registry().capabilities.find(name).spec for name in spec.capabilities]


def former_figures(spec: ModelSpec) -> dict[str, str]:
    return {old: new for each in capabilities(spec) for old, new in each.renamed.items()}


def able(capability: str) -> list[str]:
    """The runs with a checkpoint that a capability's verb is for."""
    needs = registry().capabilities.find(capability).spec.verb_needs
    return [
        name
        for name in SAVED
        if capability in spec_of(name).capabilities
        and (not needs or needs in recorded(name)["info"]["kinds"])
    ]


def check_close(found: Mapping[str, Any], expected: Mapping[str, Any], slack: float) -> None:
    """Two measurements agree: within their error, or `slack` of the value, or three examples of
    all. Another processor rounds otherwise, so that a few examples may fall on the other side.
    """

    def alike(a: Mapping[str, float], b: Mapping[str, float], least: float) -> bool:
        by = max(a["error"], b["error"], least)
        return math.isclose(a["value"], b["value"], rel_tol=slack, abs_tol=by)

    assert found["count"] == expected["count"]
    few = 3 / found["count"] if found["count"] > 1 else 0.0
    assert alike(found, expected, few)
    assert found["baselines"].keys() == expected["baselines"].keys()
    for name, baseline in expected["baselines"].items():
        assert alike(found["baselines"][name], baseline, few), name
    assert expected.keys() - {"note"} <= found.keys()


def check_figures(
    spec: ModelSpec, found: Mapping[str, Any], recorded: Mapping[str, Any], slack: float
) -> None:
    """The figures are those that a run was recorded with, under their present names."""
    renamed = former_figures(spec)
    expected = {renamed.get(old, old): figure for old, figure in recorded.items()}
    assert expected.keys() <= found.keys()
    for figure, measured in expected.items():
        check_close(found[figure], measured, slack)


def test_every_recorded_run_is_expected() -> None:
    assert {path.name for path in RECORDED.iterdir() if path.is_dir()} == EXPECTED.keys()
    assert len(EXPECTED) >= 26


def test_runs_are_listed(runs: Path) -> None:
    for name in EXPECTED:
        copy_of(name, runs)
    listed = {run["run"]: run for run in said("runs")}
    assert {name: run["status"] for name, run in listed.items()} == {
        name: STOPPED.get(name, "finished") for name in EXPECTED
    }
    for name in FINISHED:
        renamed = former_figures(spec_of(name))
        assert listed[name]["figures"] == {
            renamed.get(old, old): figure["value"]
            for old, figure in EXPECTED[name]["figures"].items()
        }


@pytest.mark.parametrize("name", SAVED)
def test_opens_with_the_settings_it_had(name: str, runs: Path) -> None:
    run = rockfall.open_run(copy_of(name, runs))
    settings = run.model.config.model_dump(mode="json")
    assert run.record.config.items() <= settings.items()
    assert len(run.record.config) == len(recorded(name)["config"])  # none fell upon another
    if name in FINISHED:
        assert run.step == EXPECTED[name]["step"]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_is_shown_under_present_names(name: str, runs: Path) -> None:
    shown = said("show", copy_of(name, runs))
    spec = spec_of(name)
    assert not spec.renamed.keys() & (shown["config"].keys() | shown["metrics"].keys())
    assert not former_figures(spec).keys() & shown["figures"].keys()
    assert shown["config"].keys() <= spec.load().Config.model_fields.keys()
    assert len(shown["config"]) == len(recorded(name)["config"])
    logged = {key for line in lines(RECORDED / name) for key in line}
    assert len(shown["metrics"]) == len(logged - {"step", "seconds", "epoch"}) > 0
    assert not shown["warnings"]  # its model was drawn anew
    if name in FINISHED:
        check_figures(spec, shown["figures"], EXPECTED[name]["figures"], slack=0)
    assert Path(shown["picture"]).exists()


@pytest.mark.parametrize("name", FINISHED)
def test_present_version_logs_what_it_logged(name: str, runs: Path) -> None:
    """A metric or a setting with another name, of which `renamed` knows nothing, is missed here."""
    directory = RunDirectory(copy_of(name, runs))
    record = directory.record()
    source = rockfall.open_source(record.source, record.source_options)
    present = logged_anew(record.model, record.config, source)
    assert {key for line in directory.logged() for key in line} <= present
    assert not spec_of(name).renamed.keys() & present  # or a resumed run would be read wrongly


def logged_anew(name: str, config: Mapping[str, Any], source: rockfall.Source) -> set[str]:
    """What a model logs when the present version trains it."""
    kind = registry().models.find(name).spec.load()
    torch.manual_seed(0)
    model = kind(kind.Config.build(name, config), source.info)
    run = rockfall.Run.unrecorded(model, source.info, device="cpu", threads=1)
    model.fit(source.to(run.device), run)
    return {key for line in run.metrics for key in line}


@pytest.mark.parametrize("name", FINISHED)
def test_measures_as_it_did(name: str, runs: Path) -> None:
    found = said("evaluate", copy_of(name, runs))["figures"]
    check_figures(spec_of(name), found, EXPECTED[name]["figures"], slack=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", STOPPED)
def test_resumes_to_the_end(name: str, runs: Path) -> None:
    """On the machine that recorded them, bit for bit; elsewhere, learning adds up the rounding."""
    path = copy_of(name, runs)
    run = rockfall.resume(path, listeners=[])
    assert run.step == EXPECTED[name]["step"]
    assert run.result is not None
    assert run.result["steps"] == EXPECTED[name]["step"]
    check_figures(spec_of(name), run.result["figures"], EXPECTED[name]["figures"], slack=0.1)

    before = max(line["step"] for line in lines(RECORDED / name))
    added = {key for line in lines(path) if line["step"] > before for key in line}
    assert added
    assert not spec_of(name).renamed.keys() & added
    assert {key for line in lines(RECORDED / name) for key in line} <= {
        key for line in run.metrics for key in line
    } | spec_of(name).renamed.keys()
    assert said("show", path)["status"] == "finished"


@pytest.mark.parametrize(
    "model",
    [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in AFTERWARDS],
)
def test_killed_run_goes_on(model: str, runs: Path) -> None:
    """What a checkpoint holds beside the model's weights has kept its names."""
    path = shutil.copytree(KILLED / model, runs / model)
    run = rockfall.resume(path, listeners=[])
    assert run.step == AFTERWARDS[model]["step"]
    assert run.result is not None
    spec = registry().models.find(model).spec
    check_figures(spec, run.result["figures"], AFTERWARDS[model]["figures"], slack=1e-2)


@pytest.mark.parametrize("name", able("acts"))
def test_agent_plays(name: str, runs: Path) -> None:
    played = said("play", copy_of(name, runs), "--games", "2", "--steps", "30")
    assert played["source"] == recorded(name)["source"]
    assert all(0 < game["steps"] <= 30 for game in played["games"])
    assert len(played["games"]) == 2


@pytest.mark.parametrize("name", able("samples"))
def test_generator_samples(name: str, runs: Path) -> None:
    sampled = said("sample", copy_of(name, runs), "-n", "8")
    assert Path(sampled["picture"]).exists()


@pytest.mark.parametrize("name", able("paints"))
def test_painter_paints_at_another_size(name: str, runs: Path) -> None:
    painted = said("paint", copy_of(name, runs), "--size", "20")
    assert max(painted["height"], painted["width"]) == 20
    assert Path(painted["picture"]).exists()


@pytest.mark.parametrize("name", able("classifies"))
def test_classifier_classifies_a_picture(name: str, runs: Path) -> None:
    picture = RECORDED / "cgan-digits" / "pictures" / "samples.png"
    said_of_it = said("classify", copy_of(name, runs), picture)
    assert said_of_it["run"] == name


@pytest.mark.parametrize("name", able("blends"))
def test_generator_blends(name: str, runs: Path) -> None:
    classes = recorded(name)["info"]["classes"]
    blended = said("blend", copy_of(name, runs), classes[0], classes[-1], "--steps", "3")
    assert Path(blended["picture"]).exists()


@pytest.mark.parametrize("name", able("reconstructs"))
def test_autoencoder_reconstructs(name: str, runs: Path) -> None:
    assert Path(said("reconstruct", copy_of(name, runs), "-n", "4")["picture"]).exists()


@pytest.mark.parametrize("name", able("encodes"))
def test_latent_space_is_mapped(name: str, runs: Path) -> None:
    assert Path(said("latent", copy_of(name, runs))["picture"]).exists()


@pytest.mark.parametrize("name", able("stylizes"))
def test_style_is_given_to_a_picture(name: str, runs: Path) -> None:
    styled = said("stylize", "china", "--style", copy_of(name, runs), "--size", "32")
    assert styled["styles"] == [name]
    assert Path(styled["picture"]).exists()


def test_snapshots_become_a_film(runs: Path) -> None:
    film = said("sample", copy_of("cgan-digits", runs), "--animate")
    assert Path(film["gif"]).exists()


@pytest.mark.parametrize(
    "names",
    [
        ("cgan-digits", "stacked-gan-digits"),
        ("reinforce-8x8", "a2c-conv"),
        ("vae-digits", "stopped-vae"),
    ],
)
def test_compares(names: tuple[str, str], runs: Path) -> None:
    compared = said("compare", *(copy_of(name, runs) for name in names))
    assert [run["run"] for run in compared["runs"]] == list(names)
    assert compared["metrics"]
    for name, run in zip(names, compared["runs"], strict=True):
        assert not spec_of(name).renamed.keys() & (run["config"].keys() | {*compared["metrics"]})


@pytest.mark.parametrize("spec", [entry.spec for entry in registry().models], ids=lambda s: s.name)
def test_former_names_lead_to_present_ones(spec: ModelSpec) -> None:
    """A present setting that is a former name too would be read as another; so would a chain."""
    assert not spec.renamed.keys() & spec.load().Config.model_fields.keys()
    assert not spec.renamed.keys() & set(spec.renamed.values())
    assert not former_figures(spec).keys() & set(former_figures(spec).values())


@pytest.mark.parametrize("name", NAMES["models"])
def test_former_settings_are_known(name: str) -> None:
    """Those of models, too, of which no run was recorded."""
    was, kind = NAMES["models"][name], registry().models.find(name).spec.load()
    present = {setting.name: choices(setting.type) for setting in kind.Config.described()}
    for old, (type_, default) in was["settings"].items():
        ((setting, _),) = former.config(name, {old: default}).items()
        assert setting in present, old
        for choice in choices(type_):
            assert former.config(name, {old: choice})[setting] in present[setting]
    defaults = {old: default for old, (_, default) in was["settings"].items()}
    for values in ({}, *was["presets"].values()):
        kind.Config.build(name, former.config(name, {**defaults, **values}))


def choices(type_: str) -> set[str]:
    """What a setting is one of, by the text of its type: `adam | sgd or none`."""
    literal = [part for part in type_.split(" or ") if " | " in part]
    return {choice for part in literal for choice in part.split(" | ")}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES["models"])
def test_former_metrics_are_known(name: str) -> None:
    """A tiny run logs what one of version 0.1 did, and nothing by a name of old."""
    spec = registry().models.find(name).spec
    source = rockfall.open_source(spec.default_source)
    present = logged_anew(name, spec.load().presets["tiny"], source)
    (was,) = former.metrics(name, [dict.fromkeys(NAMES["models"][name]["metrics"], 0.0)])
    assert was.keys() <= present
    assert not spec.renamed.keys() & present


@pytest.mark.parametrize("name", NAMES["sources"])
def test_options_of_sources_are_what_they_were(name: str) -> None:
    """A run has those that were given in its `run.json`, and relies on the defaults of the rest."""
    shown = said("info", name).get("options", [])
    present = {option["name"]: option["default"] for option in shown}
    assert NAMES["sources"][name].items() <= present.items()
