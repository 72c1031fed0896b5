"""What a file may say of a space: see `rockfall.kit.environments.space_data`, which reads it.

It imports neither Gymnasium nor PyTorch, for whoever lists runs reads their descriptions.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1, lt=2**63)]
Shape = Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(max_length=32)]
Start = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Bound = Annotated[float, Field(allow_inf_nan=False)] | int | bool | None
Dtype = Annotated[str, Field(pattern=r"^(bool|u?int\d{1,2}|float\d{1,3})$")]


class _Space(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class BoxSchema(_Space):
    type: Literal["Box"]
    shape: Shape
    dtype: Dtype
    low: Bound | list[Bound]
    high: Bound | list[Bound]

    @model_validator(mode="after")
    def _of_its_shape(self) -> BoxSchema:
        size = 1
        for side in self.shape:
            size *= side
        if any(isinstance(each, list) and len(each) != size for each in (self.low, self.high)):
            raise ValueError("bounds are as many as numbers in the shape")
        return self


class DiscreteSchema(_Space):
    type: Literal["Discrete"]
    n: Count
    start: Start


class MultiDiscreteSchema(_Space):
    type: Literal["MultiDiscrete"]
    nvec: list[Any]
    start: list[Any]
    dtype: Dtype

    @model_validator(mode="after")
    def _of_one_shape(self) -> MultiDiscreteSchema:
        if not self.nvec or _whole(self.nvec, 1) != _whole(self.start, -(2**63)):
            raise ValueError("nvec and start are whole numbers in one shape")
        return self


class MultiBinarySchema(_Space):
    type: Literal["MultiBinary"]
    shape: Shape
    n: Count | Shape


class DictSchema(_Space):
    type: Literal["Dict"]
    spaces: dict[str, SpaceSchema]


class TupleSchema(_Space):
    type: Literal["Tuple"]
    spaces: list[SpaceSchema]


SpaceSchema = Annotated[
    BoxSchema | DiscreteSchema | MultiDiscreteSchema | MultiBinarySchema | DictSchema | TupleSchema,
    Field(discriminator="type"),
]
DictSchema.model_rebuild()
TupleSchema.model_rebuild()


def _whole(values: Any, least: int) -> Any:
    """The shape of nested lists of whole numbers. Raises ValueError for what is not that."""
    if type(values) is int and least <= values < 2**63:
        return ()
    if not isinstance(values, list):
        raise ValueError(f"{values!r} is no whole number of a space")
    shapes = {_whole(each, least) for each in values}
    if len(shapes) != 1:
        raise ValueError("lists of several lengths")
    return (len(values), *shapes.pop())
