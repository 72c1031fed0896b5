"""`rockfall info NAME`: all about a model, a capability or a source."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from rockfall.errors import UsageError
from rockfall.kit.console import print_json
from rockfall.registry import registry
from rockfall.verbs.completion import complete
from rockfall.verbs.options import as_json, source_options


@click.command("info")
@click.argument(
    "name",
    shell_complete=complete("models", "capabilities", "datasets", "pictures", "environments"),
)
@click.argument("options", nargs=-1, metavar="[source.key=value …]")
@as_json
def command(name: str, options: tuple[str, ...], as_json: bool) -> None:
    """Describe NAME: a model, a capability, a dataset, a picture, an environment, a Gymnasium id or
    a path.

    source.key=value sets an option of a source, which is described as it is then.
    """
    found = registry()
    model = found.models.get(name)
    capability = None if model or found.source(name) else found.capabilities.get(name)
    if options and (model or capability):
        what = "model" if model else "capability"
        raise UsageError(f"{name} is a {what}, and {options[0]} is for a source")
    show: Callable[[dict[str, Any]], None]
    if model:
        from rockfall.pages.model_info import model_info, print_model

        data, show = model_info(model), print_model
    elif capability:
        from rockfall.pages.capability_info import capability_info, print_capability

        data, show = capability_info(capability), print_capability
    else:
        from rockfall.pages.source_info import print_source, source_info

        data, show = source_info(name, source_options(options)), partial(print_source, options)
    if as_json:
        print_json(data)
    else:
        show(data)
