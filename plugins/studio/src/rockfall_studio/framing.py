"""Messages as they travel: JSON as text, and one kind of binary frame each way.

To the page, little-endian, each part padded to 8 bytes so that typed arrays can be laid on it:

    request u32 · number of planes u32 · bytes of JSON u32 · 0 u32 | JSON |
    of each plane: type u8 (1 uint8, 2 int32, 3 float32) · rank u8 · 0 u16 · sizes u32 … | values |

From the page: bytes of JSON u32 | JSON | what is attached.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rockfall import UsageError

TYPES = {np.dtype(np.uint8): 1, np.dtype(np.int32): 2, np.dtype(np.float32): 3}
ALIGNED = 8
MOST_JSON = 2**17
"""Characters of JSON in one request: what is large is attached."""


def packed(request: int, data: Mapping[str, Any], planes: Sequence[np.ndarray[Any, Any]]) -> bytes:
    """One binary frame. Raises TypeError for an array of another type."""
    text = dumps(data).encode()
    parts = [struct.pack("<4I", request, len(planes), len(text), 0), _padded(text)]
    for plane in planes:
        if plane.dtype not in TYPES:
            raise TypeError(f"a plane of {plane.dtype}: make it uint8, int32 or float32")
        head = struct.pack(f"<BBH{plane.ndim}I", TYPES[plane.dtype], plane.ndim, 0, *plane.shape)
        little = plane.astype(plane.dtype.newbyteorder("<"), copy=False)
        parts += [_padded(head), _padded(np.ascontiguousarray(little).tobytes())]
    return b"".join(parts)


def dumps(data: Any) -> str:
    """JSON as browsers read it: numbers that are none become null."""
    return json.dumps(finite(data), allow_nan=False, separators=(",", ":"))


def finite(data: Any) -> Any:
    """The same with None for NaN and infinities, which JSON does not have."""
    if isinstance(data, float | np.floating):
        return float(data) if np.isfinite(data) else None
    if isinstance(data, np.integer):
        return int(data)
    if isinstance(data, Mapping):
        return {str(key): finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(value) for value in data]
    return data


def request_of(message: str | bytes) -> tuple[dict[str, Any], bytes]:
    """A request's fields and what is attached. Raises UsageError for what is no request."""
    attached = b""
    if isinstance(message, bytes):
        length = int.from_bytes(message[:4], "little")
        if len(message) < 4 or length > len(message) - 4:
            raise UsageError("a request that is cut off")
        if length > MOST_JSON:
            raise UsageError(f"a request of more than {MOST_JSON:,} characters")
        attached = message[4 + length :]
        message = message[4 : 4 + length].decode("utf-8", "replace")
    if len(message) > MOST_JSON:
        raise UsageError(f"a request of more than {MOST_JSON:,} characters")
    try:
        fields = json.loads(message, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise UsageError("a request that is no JSON") from None
    if not isinstance(fields, dict):
        raise UsageError("a request that is no JSON object")
    return fields, attached


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % ALIGNED)
