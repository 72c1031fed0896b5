"""`check_plugin`: a whole distribution, from its entry points to all that it registers."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

import click

from rockfall.catalogue import Catalogue, Entry
from rockfall.errors import Unavailable
from rockfall.kit.ready import Ready
from rockfall.registry import CORE, Plugin, canonical, registry
from rockfall.specs import (
    CapabilitySpec,
    CommandSpec,
    EnvironmentSpec,
    OpenerSpec,
    Spec,
    load_target,
)
from rockfall.testing.complaints import about, offline
from rockfall.testing.datasets import check_dataset
from rockfall.testing.environments import check_environment
from rockfall.testing.models import check_model
from rockfall.testing.pictures import check_picture

HEAVY = ("torch", "pydantic", "gymnasium")
"""What `rockfall --help` and `list` must not wait for."""

LONGEST_SUMMARY = 80


def check_plugin(distribution: str) -> None:
    """Check an installed distribution: how it registers, and everything that it registers, the
    models on the CPU and on the pretend device.

    Raises AssertionError with one line for the first thing that is wrong. If a dataset or a
    picture can't be had here, raises Unavailable after all the rest has been checked.
    """
    check_registration(distribution)
    found = registry()
    for model in _owned(found.models, distribution):
        for device in ("cpu", "pretend"):
            check_model(model.full_name, device=device)
    missing = []
    kinds: list[tuple[Catalogue[Any], Callable[[str], None]]] = [
        (found.datasets, check_dataset),
        (found.pictures, check_picture),
    ]
    for catalogue, check in kinds:
        for entry in _owned(catalogue, distribution):
            try:
                check(entry.full_name)
            except Unavailable as error:
                missing.append(str(error))
    for environment in _owned(found.environments, distribution):
        check_environment(environment.full_name)
    if missing:
        raise Unavailable("; ".join(missing))


def check_registration(distribution: str) -> None:
    """The first part of `check_plugin`, which trains nothing.

    Raises AssertionError unless: its entry points load, and load quickly; each thing that it
    registers is there and is what it is registered as; and it does not cap the core's version.
    """
    plugins = [
        p for p in registry().plugins if canonical(p.distribution) == canonical(distribution)
    ]
    with about(f"plugin {distribution}"):
        assert plugins, "it is not installed, or has no entry point in the group `rockfall`"
        _check_requirement(distribution)
        for plugin in plugins:
            with about(f"entry point {plugin.entry_point}"):
                _check_loaded(plugin)
        for catalogue in registry().catalogues:
            for entry in _owned(catalogue, distribution):
                with about(f"{entry.spec.kind} {entry.spec.name}"):
                    _check_spec(entry.spec)


def _owned(catalogue: Catalogue[Any], distribution: str) -> list[Entry[Any]]:
    return [entry for entry in catalogue if canonical(entry.owner) == canonical(distribution)]


def _check_requirement(distribution: str) -> None:
    try:
        wanted = requires(distribution) or []
    except PackageNotFoundError:
        wanted = []
    for requirement in wanted:
        name, rest = re.match(r"([\w.-]+)(.*)", requirement).groups()  # type: ignore[union-attr]
        capped = any(sign in rest.partition(";")[0] for sign in ("<", "==", "~="))
        assert not (canonical(name) == CORE and capped), (
            f"it requires {requirement!r}, and the core's next version would break it: "
            f"`{CORE}>=X` alone, for the API number is checked"
        )


def _check_loaded(plugin: Plugin) -> None:
    assert not plugin.skipped, f"it was skipped: {plugin.skipped}"
    assert not plugin.error, f"it failed to load: {plugin.error}"
    # In a process of its own, for here everything is imported already.
    code = (
        f"import sys, importlib; importlib.import_module({plugin.module.partition(':')[0]!r}); "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"it can't be imported alone: {done.stderr.strip()[-200:]}"
    heavy = done.stdout.split()
    assert not heavy, (
        f"importing {plugin.module} imports {' and '.join(heavy)}, for which `rockfall --help` "
        "would wait: name targets as 'module:attribute' and import nothing there"
    )


def _check_spec(spec: Spec) -> None:
    assert len(spec.summary) <= LONGEST_SUMMARY, f"its summary is over {LONGEST_SUMMARY} characters"
    assert not spec.summary.endswith("."), "its summary ends in a full stop: it is a list's line"
    target = spec.load()
    if isinstance(spec, CapabilitySpec):
        _check_capability(spec, target)
    elif isinstance(spec, CommandSpec):
        assert isinstance(target, click.Command), f"{spec.target} is not a click.Command"
        assert target.help, "the command has no help text"
    elif isinstance(spec, OpenerSpec):
        assert target("no such source, surely", {}) is None, "it opens what is not there"
    elif isinstance(spec, EnvironmentSpec):
        for other in (*spec.baselines.values(), *filter(None, [spec.tensor])):
            assert callable(load_target(other)), f"{other} can't be called"
    else:
        assert callable(target), f"{spec.target} can't be called"


def _check_capability(spec: CapabilitySpec, protocol: Any) -> None:
    assert getattr(protocol, "_is_protocol", False), f"{spec.target} is not a typing.Protocol"
    assert getattr(protocol, "_is_runtime_protocol", False), "it is not @runtime_checkable"
    assert not isinstance(object(), protocol), "anything at all fulfils its protocol"
    if spec.verb:
        verb, *rest = spec.verb.split()
        assert registry().commands.get(verb), f"no command {verb} is registered"
        assert "RUN" in rest, f"its verb {spec.verb!r} does not say where RUN, the run's name, goes"
    for name, there in (spec.load(spec.ready)() if spec.ready else {}).items():
        assert isinstance(there, Ready), f"ready {name} is no rockfall.kit.ready.Ready"
        if not there.megabytes:
            with about(f"ready {name}"), offline():
                there.open()
    for target, names in (
        (spec.evaluate, {"seed", "limit"}),
        (spec.pictures, set[str]()),
        (spec.check, set[str]()),
    ):
        if target:
            parameters = inspect.signature(load_target(target)).parameters
            missing = names - parameters.keys()
            assert not missing, f"{target} takes no {' and no '.join(sorted(missing))}"
