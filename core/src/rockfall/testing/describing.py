"""What the kit asks of any source: that it is as its spec says, and refuses what it can't do."""

from __future__ import annotations

import json

from rockfall.catalogue import Entry
from rockfall.errors import UsageError
from rockfall.sources.info import SourceInfo
from rockfall.sources.opening import open_source
from rockfall.specs import DatasetSpec, EnvironmentSpec, PictureSpec

NO_OPTION = "no_such_option"


def check_described(spec: DatasetSpec | PictureSpec | EnvironmentSpec, info: SourceInfo) -> None:
    """The opened source is of the kinds that its spec names, and its description is plain data."""
    assert info.name == spec.name, f"opened, it calls itself {info.name}"
    assert set(info.kinds) == set(spec.kinds), (
        f"its spec says that it is {' and '.join(spec.kinds)}, opened it is "
        f"{' and '.join(info.kinds)}"
    )
    assert after_json(info) == info, "its description is not the same after a trip through JSON"


def after_json(info: SourceInfo) -> SourceInfo:
    """The description as `run.json` gives it back."""
    return SourceInfo.from_json(json.loads(json.dumps(info.to_json())))


def check_options(
    entry: Entry[DatasetSpec] | Entry[PictureSpec] | Entry[EnvironmentSpec],
) -> None:
    """An unknown option is refused, with an error that names it."""
    try:
        open_source(entry.full_name, {NO_OPTION: 1})
    except UsageError as error:
        message = str(error)
    else:
        raise AssertionError("it takes options that it does not know")
    assert NO_OPTION in message, "the error about an unknown option does not name it"
