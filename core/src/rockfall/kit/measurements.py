"""A measured score with its error, and the baselines that were measured beside it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Measurements", "mean_and_error", "measurement"]

Measurements = dict[str, dict[str, Any]]
"""Name → {value, error, count, baselines: {name: {value, error}}, …}, as `result.json` holds them
under `figures`. A `note` says in a few words what the numbers alone do not; `published`, by whom →
value, what others reached, which is not measured here.
"""


def mean_and_error(values: Tensor) -> dict[str, float]:
    """Mean and standard error of (N,) values."""
    values = values.double()
    error = (values.std() / len(values) ** 0.5).item() if len(values) > 1 else 0.0
    return {"value": values.mean().item(), "error": error}


def measurement(values: Tensor, baselines: Mapping[str, Tensor]) -> dict[str, Any]:
    """The mean of (N,) values, its standard error and N, beside the same of each baseline."""
    return {
        **mean_and_error(values),
        "count": len(values),
        "baselines": {name: mean_and_error(theirs) for name, theirs in baselines.items()},
    }


def measured(found: Mapping[str, Any]) -> str:
    """`0.01712 ± 0.000088`: a value and its error, if it has one, without powers of ten; nothing
    of nothing.
    """
    if not found:
        return ""
    value, error = Decimal(f"{found['value']:.4g}"), Decimal(f"{found.get('error', 0.0):.2g}")
    return f"{value:f} ± {error:f}" if error else f"{value:f}"


def count(number: float) -> str:
    """`9,610`, and of what is measured three digits: `18,300`, `0.512`."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{float(f'{number:.3g}'):,.10g}"
