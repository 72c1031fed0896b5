"""Numbers with units, as people read them."""

from __future__ import annotations

__all__ = ["duration"]


def duration(seconds: float) -> str:
    """`12 s`, `3 min 04 s`, `2 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
    )
