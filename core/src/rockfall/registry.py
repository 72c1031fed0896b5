"""The registry: what the installed plugins register, each loaded in its own `try`.

`ROCKFALL_PLUGINS_ALLOW` and `ROCKFALL_PLUGINS_BLOCK` are comma-separated distributions to load
alone or to leave out; `ROCKFALL_STRICT=1` lets a plugin's error through with its traceback.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import pluggy

from rockfall.catalogue import Catalogue, Entry
from rockfall.errors import RockfallError
from rockfall.hooks import API, Hooks, Register
from rockfall.kit.blame import belongs, in_words
from rockfall.kit.distributions import Installed, hide, installed
from rockfall.specs import (
    CapabilitySpec,
    CommandSpec,
    DatasetSpec,
    EnvironmentSpec,
    FolderSpec,
    ModelSpec,
    OpenerSpec,
    PictureSpec,
    Spec,
)

CORE = "rockfall-core"
GROUP = "rockfall"
HEAVY = ("torch", "pydantic", "gymnasium", "numpy")
"""What no registration should import, for `rockfall --help` would wait for it."""
SLOW = 0.5
"""Seconds of a registration that `rockfall plugins` tells."""


@dataclass(frozen=True)
class Plugin:
    """One entry point of an installed distribution, and what became of it."""

    distribution: str
    version: str
    entry_point: str
    module: str
    provides: tuple[str, ...] = ()
    error: str = ""
    traceback: str = ""
    skipped: str = ""
    seconds: float = 0.0
    imported: tuple[str, ...] = ()
    """Which of `HEAVY` its registration imported."""

    @property
    def status(self) -> str:
        return "failed" if self.error else "skipped" if self.skipped else "loaded"


class Registry:
    """Every catalogue, the plugins behind them, and the lifecycle hooks."""

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self.models = Catalogue(ModelSpec)
        self.datasets = Catalogue(DatasetSpec)
        self.pictures = Catalogue(PictureSpec)
        self.environments = Catalogue(EnvironmentSpec)
        self.capabilities = Catalogue(CapabilitySpec)
        self.commands = Catalogue(CommandSpec)
        self.openers = Catalogue(OpenerSpec)
        self.folders = Catalogue(FolderSpec)
        self._manager = pluggy.PluginManager("rockfall")
        self._manager.add_hookspecs(Hooks)

    @property
    def catalogues(self) -> list[Catalogue[Any]]:
        return [value for value in vars(self).values() if isinstance(value, Catalogue)]

    @property
    def sources(self) -> tuple[Catalogue[Any], ...]:
        """What a model can learn from by name."""
        return self.datasets, self.pictures, self.environments

    def source(self, name: str) -> Entry[Any] | None:
        """The dataset, picture or environment that has this bare or full name."""
        found = (catalogue.get(name) for catalogue in self.sources)
        return next((entry for entry in found if entry), None)

    def load(self, found: Installed, entry: EntryPoint) -> None:
        """Load one entry point; a failure is kept in `plugins` and changes nothing else."""
        owner = found.name
        plugin = functools.partial(Plugin, owner, found.version, entry.name, entry.value)
        if reason := _skipped(owner):
            self.plugins.append(plugin(skipped=reason))
            return
        belongs(entry.value, owner)
        before, began = sys.modules.keys() & set(HEAVY), time.perf_counter()
        try:
            if not MODULE.fullmatch(entry.value):
                raise ValueError(f"its entry point {entry.value!r} is not 'package.module'")
            with contextlib.redirect_stdout(sys.stderr):  # else it would be part of an answer
                module = entry.load()
                _check_api(module)
                specs = self._collect(module, f"{owner}:{entry.name}")
            self._check_names(owner, specs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise SystemExit, or one of its own
            if os.environ.get("ROCKFALL_STRICT", "0") not in ("", "0"):
                raise
            import traceback

            self._manager.unregister(name=f"{owner}:{entry.name}")
            text = traceback.format_exc()
            self.plugins.append(plugin(error=in_words(error), traceback=text))
            return
        for spec in specs:
            self._catalogue(spec).add(owner, spec)
        self.plugins.append(
            plugin(
                provides=tuple(f"{s.kind} {s.name}" for s in specs),
                seconds=round(time.perf_counter() - began, 3),
                imported=tuple(sorted((sys.modules.keys() & set(HEAVY)) - before)),
            )
        )

    def _collect(self, module: object, name: str) -> list[Spec]:
        register = Register()
        self._manager.register(module, name=name)
        self._manager.check_pending()  # an implementation of a hook that there is not
        for _, call in self._each_plugin("rockfall_register", only=module):
            call(register=register)
        return register.specs

    def _catalogue(self, spec: Spec) -> Catalogue[Any]:
        return next(c for c in self.catalogues if type(spec) is c.kind)

    def _check_names(self, owner: str, specs: list[Spec]) -> None:
        seen: set[tuple[str, str]] = set()
        for spec in specs:
            owners = self._catalogue(spec).owners(spec.name)
            if (spec.kind, spec.name) in seen or owner in owners:
                raise ValueError(f"registers the {spec.kind} {spec.name} twice")
            if CORE in owners:  # else any plugin could make `rockfall train` ambiguous
                raise ValueError(f"the {spec.kind} name {spec.name} belongs to {CORE}")
            seen.add((spec.kind, spec.name))

    def _each_plugin(self, hook: str, only: object = None) -> Iterator[tuple[str, Any]]:
        """One caller a plugin, so that a plugin that raises can't silence the others."""
        plugins = self._manager.get_plugins()
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            plugin = implementation.plugin
            if only is None or plugin is only:
                others = [p for p in plugins if p is not plugin]
                yield (
                    implementation.plugin_name,
                    self._manager.subset_hook_caller(hook, others),
                )

    def follow(self, hook: str) -> list[tuple[str, Any]]:
        """The plugins that implement a lifecycle hook: (name, callable taking keywords)."""
        return list(self._each_plugin(hook))


def _skipped(distribution: str) -> str:
    if distribution == CORE:
        return ""
    allowed, blocked = (
        {canonical(name) for name in os.environ.get(key, "").split(",") if name.strip()}
        for key in ("ROCKFALL_PLUGINS_ALLOW", "ROCKFALL_PLUGINS_BLOCK")
    )
    if canonical(distribution) in blocked:
        return "blocked by ROCKFALL_PLUGINS_BLOCK"
    unwanted = allowed and canonical(distribution) not in allowed
    return "not in ROCKFALL_PLUGINS_ALLOW" if unwanted else ""


def canonical(distribution: str) -> str:
    """The one spelling of a distribution's name: `Rockfall_Hello` is `rockfall-hello`."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?:\s*:\s*[^\W\d][\w.]*)?")


def _check_api(module: object) -> None:
    number = getattr(module, "rockfall_api", None)
    if type(number) is not int or number < 1:
        said = "" if number is None else f", but {number!r}"
        raise RockfallError(f"does not say `rockfall_api = {API}`{said[:50]}")
    if number > API:
        raise RockfallError(f"speaks plugin API {number}, this {CORE} speaks {API}: upgrade {CORE}")


@functools.cache
def registry() -> Registry:
    """The registry of this process, made on first use."""
    found = Registry()
    distributions = installed(GROUP)
    if broken := [each for each in distributions if each.broken]:
        hide([each.path for each in broken])
    pairs = [(each, entry) for each in distributions for entry in each.entries]

    def core_first(pair: tuple[Installed, EntryPoint]) -> tuple[bool, str]:
        return not pair[1].value.startswith("rockfall."), pair[1].value

    for each, entry in sorted(pairs, key=core_first):
        found.load(each, entry)
    found.plugins += map(broken_plugin, broken)
    return found


def broken_plugin(found: Installed) -> Plugin:
    """A distribution that can't be read, which may have been one."""
    return Plugin(found.name, found.version, "", found.path, error=f"{found.broken} ({found.path})")
