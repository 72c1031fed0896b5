"""Trainings, of which every view may begin one: forms, what is wrong with them, start and stop.

What the page may name is what is known here without it: registered models and sources, and the
Gymnasium ids of installed packages. A path, or a module to import, would let whoever writes the
page's words read any picture and run any code, so these are what the user started the studio with:
`rockfall studio --source PATH`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from rockfall import UsageError
from rockfall.plugin import registry
from rockfall_studio import forms
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio

Name = Annotated[str, Field(max_length=200)]
Key = Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Value = Annotated[str, Field(max_length=4000)]
PLAIN = re.compile(r"[\w.,+ -]*")
"""A value of a source's option: numbers and words, nothing that could be a path or a module."""


IDS = re.compile(r"[\w-]+(/[\w-]+)?")
"""Gymnasium ids, without the module that may stand before one."""


class Model(Ask):
    model: Name


@answers("train.form")
def form(studio: Studio, ask: Model) -> Answer:
    """data: as `forms.form`; sources: names of those that it learns from, each {name, summary}."""
    found = forms.form(ask.model)
    return Answer({**found, "sources": _sources(studio, found["kinds"])})


class Training(Model):
    """What is to be trained, as it would be typed.

    source: empty: the model's own. preset: None: the one named like the source.
    """

    source: Name = ""
    preset: Name | None = None
    settings: dict[Key, Value] = Field({}, max_length=100)
    options: dict[Key, Value] = Field({}, max_length=20)


@answers("train.check")
def check(studio: Studio, ask: Training) -> Answer:
    """data: problems, by the setting's name, `source`, or "" for all together."""
    return Answer({"problems": _problems(studio, ask)})


class Begin(Training):
    """name: of the run; empty: MODEL-SOURCE-number."""

    seed: int = Field(0, ge=0, lt=2**63)
    name: Annotated[str, Field(max_length=100)] = ""


@answers("train.begin")
def begin(studio: Studio, ask: Begin) -> Answer:
    """data: run, the name of the run that is being trained; or problems, as `train.check`."""
    if found := _problems(studio, ask):
        return Answer({"problems": found})
    options = {"seed": str(ask.seed)} if ask.seed else {}
    options |= {"name": ask.name} if ask.name else {}
    options |= {"preset": ask.preset} if ask.preset is not None else {}
    training = studio.trainings.train(ask.model, _words(ask), options)
    return Answer({"run": training.run})


class OfARun(Ask):
    run: Name


@answers("train.stop")
def stop(studio: Studio, ask: OfARun) -> Answer:
    """As Ctrl-C does; at once if it is told twice."""
    studio.trainings.stop(studio.run(ask.run).name)
    return Answer()


class Resume(OfARun):
    """settings: with more of which one that has finished goes on, `{"steps": "2000"}`."""

    settings: dict[Key, Value] = Field({}, max_length=5)


@answers("train.resume")
def resume(studio: Studio, ask: Resume) -> Answer:
    """data: run."""
    directory = studio.run(ask.run)
    _check_values(ask.settings)
    words = [f"{name}={value}" for name, value in ask.settings.items()]
    return Answer({"run": studio.trainings.resume(directory, words).run})


@answers("train.run")
def run(studio: Studio, ask: OfARun) -> Answer:
    """What a run was asked for. data: model, source, options, preset, settings (those that its
    model would not have of itself), seed, out (where runs are, or null), lengthened_by (the setting
    with more of which it goes on, or null) and length, the present value of that.
    """
    record = studio.run(ask.run).record()
    kind = registry().models.find(record.model).spec.load()
    setting = getattr(kind, "lengthened_by", None) or None
    usual = forms.usual(record.model, record.source, record.preset or None)
    return Answer(
        {
            "model": record.model_name,
            "source": record.source,
            "options": record.source_options,
            "preset": record.preset,
            "settings": {k: v for k, v in record.config.items() if usual.get(k, usual) != v},
            "seed": record.seed,
            "out": str(studio.out) if studio.out else None,
            "lengthened_by": setting,
            "length": record.config.get(setting) if setting else None,
        }
    )


def check_source(studio: Studio, model: str, source: str, options: Mapping[str, str]) -> None:
    """Raise UsageError for a source that the page may not name, or the model can't learn from."""
    if source not in studio.sources and registry().source(source) is None and not _is_an_id(source):
        raise UsageError(
            f"{source[:80]} is no registered source and no installed Gymnasium id; for a file, a "
            f"folder or a module: rockfall studio --source {source[:80]}"
        )
    known, spec = registry().source(source), registry().models.find(model).spec
    if known and not set(known.spec.kinds) & set(spec.learns_from):
        wanted = " or ".join(spec.learns_from)
        raise UsageError(f"{spec.name} learns from {wanted}, and {source} is none of these")
    for name, value in options.items():
        if not PLAIN.fullmatch(value):
            raise UsageError(f"source.{name}: the page can give it numbers and words alone")
    _check_values(options)


def _problems(studio: Studio, ask: Training) -> dict[str, str]:
    source = ask.source or registry().models.find(ask.model).spec.default_source
    try:
        check_source(studio, ask.model, source, ask.options)
    except UsageError as error:
        return {"source": str(error)}
    _check_values(ask.settings)
    known = registry().source(source)
    return forms.problems(ask.model, known.spec.name if known else source, ask.preset, ask.settings)


def _is_an_id(source: str) -> bool:
    """Whether it is a Gymnasium id that names no module."""
    from rockfall.kit.environments import register_id

    return bool(IDS.fullmatch(source)) and register_id(source)


def _check_values(settings: Mapping[str, str]) -> None:
    """Raise UsageError for a setting that names a file or a folder that there is."""
    for name, value in settings.items():
        if registry().source(value) is None and os.path.lexists(os.path.expanduser(value)):
            raise UsageError(f"{name}: the page can't name files, and {value[:80]} is one")


def _words(ask: Training) -> list[str]:
    """The source and settings, each as it would be typed."""
    source = [ask.source] if ask.source else []
    settings = [f"{name}={value}" for name, value in ask.settings.items()]
    return [*source, *settings, *(f"source.{key}={value}" for key, value in ask.options.items())]


def _sources(studio: Studio, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """Those that there are for a model: registered ones, those of the command line, and Gymnasium's
    ids where it learns from any of these.
    """
    registered = [
        {"name": catalogue.shown_name(entry), "summary": entry.spec.summary}
        for catalogue in registry().sources
        for entry in catalogue
        if set(entry.spec.kinds) & set(kinds)
    ]
    given = [{"name": name, "summary": "given to rockfall studio"} for name in studio.sources]
    if not any(kind.endswith("-actions") for kind in kinds):
        return registered + given
    import gymnasium

    taken = {entry.spec.gymnasium_id for entry in registry().environments}
    ids = [name for name in gymnasium.registry if name not in taken]
    return registered + given + [{"name": name, "summary": "Gymnasium's"} for name in ids]
