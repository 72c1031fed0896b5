"""What the files of a run may hold. Nothing that is read from a run's folder comes past this.

A file that says something else is refused by one line that names the file, the field and what is
wrong with it. So what reads a run need not ask again whether a seed is a number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from rockfall.errors import CheckpointError, RockfallError
from rockfall.kit.regular import read_whole
from rockfall.kit.space_schema import SpaceSchema

FORMATS = (1, 2)
"""Of `run.json`. In version 1 settings, metrics and figures had other names."""
MOST_BYTES = 16_000_000
"""Of `run.json` and `result.json`, which have some thousand."""
DEEPEST = 20
"""Lists and objects in each other, which settings have a few of."""
MOST_VALUES = 2**31
"""Numbers in one input of a source."""

Real = Annotated[float, Field(ge=-1e300, le=1e300, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)] | Real
Seconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=100_000)]
Word = Annotated[str, Field(max_length=1_000)]
Side = Annotated[int, Field(ge=1, le=65_536)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class _Schema(BaseModel):
    """Of types that are what they are: no text for a number."""

    model_config = ConfigDict(strict=True, extra="forbid")


class PreparationSchema(_Schema):
    """`preparation` of `info`: a `rockfall.kit.preparation.Preparation`, or nothing."""

    model_config = ConfigDict(strict=True, extra="ignore")

    size: Annotated[list[Side], Field(min_length=2, max_length=2)]
    channels: Literal[1, 3]
    fit: Word
    ink: Literal["light", "dark"] = "light"
    share: Annotated[list[Share], Field(min_length=2, max_length=2)] | None = None
    leave: bool = False
    mean: Real = 0.0
    resized: Side | None = None


class InfoSchema(_Schema):
    """`info` of `run.json`: a `SourceInfo`, and what a later one may say besides."""

    model_config = ConfigDict(strict=True, extra="ignore")

    name: Text
    kinds: list[Word]
    shape: Annotated[list[Annotated[int, Field(ge=1)]], Field(max_length=16)]
    dtype: Annotated[
        str, Field(pattern=r"^(bool|object|b?u?(int|float|complex)\d{1,3}|[<>|=]?[US]\d{1,9})$")
    ]
    low: Real | None = None
    high: Real | None = None
    classes: list[Word] = []
    actions: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    sizes: dict[str, Whole] = {}
    statistics: dict[str, Any] = {}
    preparation: PreparationSchema | None = None
    digests: Annotated[str, Field(pattern=r"^([A-Za-z0-9+/]{8})*$")] | None = None
    observation_space: SpaceSchema | None = None
    action_space: SpaceSchema | None = None

    @field_validator("shape")
    @classmethod
    def _not_too_large(cls, shape: list[int]) -> list[int]:
        values = 1
        for side in shape:
            values *= side
        if values > MOST_VALUES:
            raise ValueError(f"an input of over {MOST_VALUES:,} numbers")
        return shape


class RecordSchema(_Schema):
    """`run.json`."""

    model: Annotated[str, Field(pattern=r"^([A-Za-z0-9][\w.-]*:)?[A-Za-z0-9][\w.-]*$")]
    source: Annotated[str, Field(min_length=1, max_length=4_096, pattern=r"^[^\x00]*$")]
    source_options: dict[str, Any] = {}
    preset: Word = ""
    config: dict[str, Any]
    info: InfoSchema
    seed: Whole
    device: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(:\d{1,4})?$")]
    precision: Annotated[str, Field(pattern=r"^[a-z0-9]{1,20}$")]
    threads: Annotated[int, Field(ge=1, le=1024)]
    matmul_precision: Literal["highest", "high", "medium"]
    deterministic: bool = False
    created: Word = ""
    versions: dict[str, str] = {}
    lengthened: list[dict[str, Whole]] = []
    measured_on: Literal["test", "validation"] = "test"
    devices: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    format: int


class BaselineSchema(_Schema):
    """A measured value and its error."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, bool | Number | Text | list[Any] | dict[str, Any] | None]

    value: Real
    error: Real = 0.0


class FigureSchema(BaselineSchema):
    """A measurement, beside its baselines."""

    baselines: dict[str, BaselineSchema] = {}
    note: Text = ""


class ResultSchema(_Schema):
    """`result.json`."""

    model_config = ConfigDict(strict=True, extra="allow")

    figures: dict[str, FigureSchema]
    parameters: Whole | None = None
    steps: Whole
    examples: Whole | None = None
    environment_steps: Whole | None = None
    seconds: Seconds
    stopped: Text = ""
    pictures: list[Annotated[str, Field(pattern=r"^[^/\\\x00]{1,255}$")]] = []


_LINE: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[Word, bool | Number])
"""`step`, `seconds`, in an epoch `epoch`, of an agent `environment_steps`, and metrics by name."""


class PositionSchema(_Schema):
    """Where a run is in its loops, see `rockfall.run.position`."""

    indices: Annotated[
        list[Annotated[list[Whole], Field(min_length=2, max_length=2)]],
        Field(min_length=1, max_length=100),
    ]
    endings: Annotated[list[list[Any]], Field(min_length=1, max_length=101)]
    totals: list[Whole] = []

    @model_validator(mode="after")
    def _as_many_endings_as_loops(self) -> Self:
        passed = [number for number, _ in self.indices]
        if [len(each) for each in self.endings[: len(passed)]] != passed:
            raise ValueError("not as many endings as loops that ended")
        return self


class RankSchema(_Schema):
    """What a process of a run on several devices has of its own."""

    random: dict[str, Any]
    endings: Annotated[list[list[Any]], Field(min_length=1, max_length=101)]
    state: dict[str, Any]
    kept: dict[str, Any]


class CheckpointSchema(_Schema):
    """A checkpoint of a run, behind its digest."""

    model: Any
    kept: dict[str, Any]
    state: dict[str, Any]
    random: dict[str, Any]
    position: PositionSchema
    step: Whole
    examples: Whole = 0
    environment_steps: Whole = 0
    seconds: Seconds
    metrics_size: Whole
    best: float | None
    finished: bool
    ranks: list[RankSchema] = []


def read_record(path: Path) -> dict[str, Any]:
    """`run.json`. Raises RockfallError if it is damaged, or of a version that is not known."""
    data = _read(path)
    found = data.get("format") if isinstance(data, dict) else None
    if found not in FORMATS:
        first, last = FORMATS[0], FORMATS[-1]
        raise RockfallError(
            f"{path} has format {str(found)[:20]}, this rockfall-core reads {first} to {last}"
        )
    return _checked(RecordSchema, data, path)


def read_result(path: Path) -> dict[str, Any]:
    """`result.json`. Raises RockfallError if it is damaged."""
    return _checked(ResultSchema, _read(path), path)


def read_line(line: bytes, path: Path, number: int) -> dict[str, Any]:
    """A line of `metrics.jsonl`. Raises RockfallError if it is damaged."""
    try:
        read = _LINE.validate_json(line, strict=True)
    except ValidationError as error:
        raise _said(error, path, f"line {number}") from None
    if type(read.get("step")) is not int or "seconds" not in read:
        raise RockfallError(f"{path} is damaged: line {number}: it says no step or no seconds")
    return read


def check_checkpoint(data: Any, path: Path) -> dict[str, Any]:
    """What lay behind a checkpoint's digest. Raises CheckpointError if no run wrote it."""
    return _checked(CheckpointSchema, data, path, CheckpointError)


def _read(path: Path) -> Any:
    try:
        data = json.loads(read_whole(path, MOST_BYTES), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RockfallError(f"{path} is damaged: no JSON: {error}") from None
    if _deeper_than(data, DEEPEST):
        raise RockfallError(f"{path} is damaged: values within over {DEEPEST} others")
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RockfallError(f"{path} is damaged: text that is none") from None
    return data


def _deeper_than(data: Any, depth: int) -> bool:
    inside = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return depth < 0 or any(_deeper_than(each, depth - 1) for each in inside)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _checked(
    schema: type[_Schema], data: Any, path: Path, error: type[RockfallError] = RockfallError
) -> dict[str, Any]:
    """The data as it is, once it has passed."""
    try:
        schema.model_validate(data)
    except ValidationError as found:
        raise _said(found, path, "", error) from None
    checked: dict[str, Any] = data
    return checked


def _said(
    found: ValidationError, path: Path, where: str, error: type[RockfallError] = RockfallError
) -> RockfallError:
    """The first complaint. What it is about is not quoted, for it may be long."""
    first, *others = found.errors(include_url=False, include_input=False)
    parts = [where, ".".join(str(part)[:100] for part in first["loc"]), first["msg"]]
    more = f" (and {len(others)} more)" if others else ""
    return error(f"{path} is damaged: {': '.join(filter(None, parts))}{more}")
