"""What to type first comes from what is installed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rockfall import first_steps
from rockfall.pages import overview
from rockfall.registry import Registry
from rockfall.specs import CapabilitySpec, DatasetSpec, ModelSpec

Install = Callable[..., Registry]


def model(name: str, source: str = "here", *capabilities: str) -> ModelSpec:
    return ModelSpec(
        name=name,
        summary="a model",
        target="a:b",
        learns_from=("vectors",),
        default_source=source,
        capabilities=capabilities,
    )


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Models, in this order, beside the dataset `here` and the capability `plays`."""

    def registering(*specs: ModelSpec) -> Registry:
        found = Registry()
        found.datasets.add(
            "data", DatasetSpec(name="here", summary="data", target="a:b", kinds=("vectors",))
        )
        found.capabilities.add(
            "moves", CapabilitySpec(name="plays", summary="plays", target="a:b", verb="watch RUN")
        )
        for spec in specs:
            found.models.add("models", spec)
        for module in (first_steps, overview):
            monkeypatch.setattr(module, "registry", lambda: found)
        return found

    return registering


def test_the_first_that_is_registered_and_not_the_first_by_name(install: Install) -> None:
    found = install(model("one"), model("another"))
    assert found.models.names() == ["another", "one"]
    assert first_steps.first_command() == "rockfall train one"


def test_the_first_whose_source_is_there(install: Install) -> None:
    install(model("far", "elsewhere"), model("near"), model("nearer"))
    assert first_steps.first_command() == "rockfall train near"
    install(model("far", "elsewhere"), model("named", "data:here"))
    assert first_steps.first_command() == "rockfall train named"
    install(model("far", "elsewhere"), model("farther", "CartPole-v1"))
    assert first_steps.first_command() == "rockfall train far"


def test_a_name_that_two_have_is_said_in_full(install: Install) -> None:
    found = install(model("one"))
    found.models.add("others", model("one"))
    assert first_steps.first_command() == "rockfall train models:one"


def test_nothing_to_train(install: Install) -> None:
    install()
    assert first_steps.first_command() == "rockfall install NAME"


@pytest.mark.parametrize(
    ("capabilities", "then"), [((), "show last"), (("plays",), "watch last"), (("x",), "show last")]
)
def test_then_comes_a_verb_that_the_model_has(
    capabilities: tuple[str, ...],
    then: str,
    install: Install,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(model("one", "here", *capabilities))
    overview.print_overview()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == [
        "start with    rockfall train one",
        f"then          rockfall {then}",
        "all verbs     rockfall --help",
    ]
