"""Where and how exactly a run computes: what was asked, or a wish that the device grants."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall import completing, training
from rockfall.errors import RockfallError, UsageError
from rockfall.kit import checkpoint
from rockfall.kit.devices import (
    DEVICES,
    choose_computing,
    choose_device,
    choose_precision,
    computing,
    gains,
)
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.run.run import Run
from rockfall.specs import ModelSpec
from rockfall.testing import pretend_device
from rockfall.testing.comparing import difference
from tests.core.conftest import record

CPU = torch.device("cpu")


def cpu_with(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"avx512_f": True, "avx512_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_auto_is_the_wish_where_the_cpu_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], chosen: str
) -> None:
    cpu_with(monkeypatch, **capabilities)
    assert choose_precision("auto", CPU, "bf16") == chosen
    assert choose_precision("auto", CPU) == "float32"


class Wishing:
    """A model whose config decides."""

    wish: str | dict[str, str] = {"cpu": "bf16"}  # noqa: RUF012

    @property
    def precision(self) -> str | dict[str, str]:
        return self.wish


def test_a_wish_may_be_of_some_devices_and_depend_on_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu_with(monkeypatch, avx512_bf16=True)
    assert choose_computing("cpu", "auto", Wishing())["precision"] == "bf16"
    assert choose_computing("cpu", "float32", Wishing())["precision"] == "float32"
    assert choose_computing("cpu", "auto", Wishing)["precision"] == "float32"  # not known yet
    for wish in ({"cuda": "bf16"}, {}, "float32"):
        monkeypatch.setattr(Wishing, "wish", wish)
        assert choose_computing("cpu", "auto", Wishing())["precision"] == "float32"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    with pretend_device():
        for wish, chosen in (({"cpu": "bf16"}, "float32"), ({"cuda": "bf16"}, "bf16")):
            monkeypatch.setattr(Wishing, "wish", wish)
            assert choose_computing("cuda", "auto", Wishing())["precision"] == chosen


def test_a_torch_that_can_not_tell_takes_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision("auto", CPU, "bf16") == "float32"


@pytest.mark.parametrize("can", [True, False])
def test_auto_on_cuda(monkeypatch: pytest.MonkeyPatch, can: bool) -> None:
    def supported(**_: Any) -> bool:
        return can

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert gains(torch.device("cuda"), "bf16") == can
    assert not gains(torch.device("cuda"), "fp16")


def test_what_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu_with(monkeypatch)
    for name in ("float32", "bf16", "fp16"):
        assert choose_precision(name, CPU, "bf16") == name
    with pytest.raises(UsageError, match=r"no precision bf61: .*mean bf16"):
        choose_precision("bf61", CPU)


def test_auto_is_the_best_that_is_here_and_that_the_model_computes_on() -> None:
    assert choose_device() == CPU
    with pretend_device():
        assert choose_device().type == choose_device("auto", ("cpu", "cuda")).type == "cuda"
        assert choose_device("auto", ("cpu",)) == CPU
        assert choose_computing("auto", "auto", None, ("cpu",))["matmul_precision"] == "highest"


@pytest.mark.parametrize(
    ("name", "devices", "message"),
    [
        ("cuda", ("cpu",), "the model computes on cpu, not on cuda; `--device auto`"),
        ("cuda:1", ("cpu",), "the model computes on cpu, not on cuda:1"),
        ("meta", DEVICES, "the model computes on cpu, cuda, mps, not on meta"),
        ("gpu", DEVICES, "no device gpu here; `--device auto` takes what there is"),
    ],
)
def test_a_device_for_which_the_model_is_not_is_refused(
    name: str, devices: tuple[str, ...], message: str
) -> None:
    with pretend_device(), pytest.raises(UsageError, match=f"^{message}"):
        choose_device(name, devices)


def test_by_default_a_model_computes_on_all_that_are_known() -> None:
    spec = ModelSpec(name="a", summary="b", target="c:d", learns_from=(), default_source="e")
    assert spec.devices == DEVICES


@pytest.mark.long
def test_a_model_for_the_cpu_alone_says_so_before_anything_is_opened(tmp_path: Path) -> None:
    spec = registry().models.find("mlp-numpy").spec
    assert spec.devices == ("cpu",)
    with pretend_device():
        with pytest.raises(UsageError, match="computes on cpu, not on cuda"):
            rockfall.train("mlp-numpy", "no-such-source", device="cuda", out=tmp_path)
        assert not list(tmp_path.iterdir())
        run = rockfall.train("mlp-numpy", preset="tiny", out=tmp_path, listeners=[])
        assert run.record.device == "cpu", "though there is CUDA"
        assert rockfall.open_run(run.directory.path).record.device == "cpu"
        with pytest.raises(UsageError, match="computes on cpu, not on cuda"):
            rockfall.resume(killed(run), device="cuda", listeners=[])
        again = rockfall.resume(killed(run), listeners=[])
    assert not difference(again.model.state_dict(), run.model.state_dict())


def killed(run: rockfall.Run) -> Path:
    """The same run, before it was measured."""
    run.directory.result_file.unlink(missing_ok=True)
    return run.directory.path


# Deterministic algorithms ---------------------------------------------------------------------


def switches() -> tuple[Any, ...]:
    cudnn = torch.backends.cudnn
    return (
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32),
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )


@pytest.fixture
def otherwise(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Switches as a user may have set them."""
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("workspace", [None, ":16:8"])
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("set_before", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_whatever_is_switched_is_put_back(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    workspace: str | None,
    deterministic: bool,
    set_before: bool,
    fails: bool,
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    if workspace:
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", workspace)
    if set_before:
        request.getfixturevalue("otherwise")
    before = switches()
    for precision in ("highest", "high"):
        try:
            with computing(1, precision, deterministic):
                inside = switches()
                if fails:
                    raise ValueError
        except ValueError:
            pass
        assert inside[:2] == (1, precision)
        assert inside[2] == (deterministic or set_before)
        assert inside[3] == (set_before and not deterministic)
        assert inside[4] == (deterministic, False, precision == "high")
        assert inside[5] == (workspace or (":4096:8" if deterministic else None))
        assert switches() == before


def test_an_operation_without_deterministic_implementation_is_named() -> None:
    def count(device: str) -> None:
        torch.histc(torch.rand(5, device=device))

    with pretend_device():
        count("cuda")
        message = "^histc has no deterministic implementation on this device: leave --determ"
        with pytest.raises(RockfallError, match=message), computing(1, "high", deterministic=True):
            count("cuda")
        with computing(1, "high", deterministic=True):
            count("cpu")


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (
            "scatter_add_cuda_kernel does not have a deterministic implementation, but you set "
            "'torch.use_deterministic_algorithms(True)'. You can …",
            RockfallError,
            "^scatter_add_cuda_kernel has no deterministic implementation",
        ),
        (
            "Deterministic behavior was enabled …, you must set … CUBLAS_WORKSPACE_CONFIG=:4096:8",
            RockfallError,
            "multiplied on CUDA before: begin a new one for --deterministic",
        ),
        ("shapes can't be multiplied", RuntimeError, "^shapes can't be multiplied$"),
    ],
)
def test_what_torch_says_becomes_one_line(
    raised: str, expected: type[Exception], message: str
) -> None:
    with pytest.raises(expected, match=message), computing(1, "high", deterministic=True):
        raise RuntimeError(raised)
    with pytest.raises(RuntimeError) as plain, computing(1, "high"):
        raise RuntimeError(raised)
    assert str(plain.value) == raised


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Where deterministic algorithms alone are allowed: (what is done, whether)."""
    found: list[tuple[str, bool]] = []

    def watch(module: Any, name: str) -> None:
        done: Callable[..., Any] = getattr(module, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            found.append((name, torch.are_deterministic_algorithms_enabled()))
            return done(*args, **kwargs)

        monkeypatch.setattr(module, name, watched)

    watch(completing, "_fit")
    for name in ("evaluate_model", "write_pictures"):
        watch(completing, name)
        watch(training, name)
    return found


@pytest.mark.parametrize("model", ["mlp", pytest.param("painter", marks=pytest.mark.long)])
def test_deterministic_is_recorded_and_kept_and_changes_nothing_on_the_cpu(
    tmp_path: Path, model: str, seen: list[tuple[str, bool]]
) -> None:
    def run(**how: Any) -> rockfall.Run:
        return rockfall.train(model, preset="tiny", out=tmp_path, listeners=[], **how)

    plain, chosen = run(), run(deterministic=True)
    assert [done for _, done in seen] == [False] * 3 + [True] * 3
    saved = [
        checkpoint.read(each.directory.checkpoint("last"))["model"] for each in (plain, chosen)
    ]
    assert not difference(*saved)
    assert (plain.result or {})["figures"] == (chosen.result or {})["figures"]
    for each in (plain, chosen):
        recorded = json.loads(each.directory.record_file.read_text())
        assert recorded["deterministic"] is (each is chosen)

    seen.clear()
    opened = rockfall.open_run(chosen.directory.path)
    rockfall.evaluate(opened, limit=8)
    training.draw(opened)
    assert [done for _, done in seen] == [True, True]
    seen.clear()
    assert rockfall.resume(killed(chosen), listeners=[]).record.deterministic
    assert [done for _, done in seen] == [True] * 3

    recorded.pop("deterministic")  # as older runs have none
    chosen.directory.record_file.write_text(json.dumps(recorded))
    assert rockfall.open_run(chosen.directory.path).record.deterministic is False


def test_a_run_in_memory_records_it_too() -> None:
    kind: Any = registry().models.find("mlp").spec.load()
    source = rockfall.open_source("digits")
    model = kind(kind.Config(**kind.presets["tiny"]), source.info)
    for chosen in (False, True):
        run = Run.unrecorded(model, source.info, device="cpu", deterministic=chosen)
        assert run.record.deterministic is chosen


def test_a_run_that_needs_another_operation_says_so_in_one_line(tmp_path: Path) -> None:
    class Counting(torch.nn.Linear):
        def fit(self, source: Any, run: Run) -> None:
            for _ in run.steps(2):
                torch.histc(torch.rand(5, device=run.device))

    recorded = record(device="cuda", deterministic=True, info={"kinds": []})
    directory = RunDirectory.create(tmp_path, "", "toy", recorded)
    heard: list[rockfall.Event] = []
    source: Any = rockfall.open_source("digits")
    with pretend_device():
        run = Run(directory, recorded, Counting(2, 2).to("cuda"), listeners=[heard.append])
        with pytest.raises(RockfallError, match=r"^histc has no deterministic implementation"):
            completing.complete(run, source)
    assert heard[-1].kind == "failed"
    assert heard[-1].data["message"].endswith("leave --deterministic out")
