"""Ways to damage the folder of a run, or to make one up."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from rockfall.errors import RockfallError
from rockfall.kit import checkpoint

MODULE = "rockfall_payload"
"""Whoever imports it is found out."""

CLIPBOARD = "\x1b]52;c;ZWNobyBoaQ==\x07"
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    3,
    2**31,
    10**18,
    2**63,
    10**400,
    -(10**18),
    0.5,
    -0.5,
    1e300,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
    "",
    "0",
    "nan",
    "\x00",
    CLIPBOARD,
    "\x9b2J",
    "\u202e",
    "\ud800",
    "[link=http://x.example]a[/link]",
    f"{MODULE}:X-v0",
    f"{MODULE}.inner:X-v0",
    "../../../etc",
    "/",
    "/dev/zero",
    "/dev/tty",
    "~",
    "-1",
    "a" * 100_000,
    "; touch x",
    "$(touch x)",
    [],
    [[]],
    [0],
    [-1],
    [10**9, 10**9],
    ["a"],
    {},
    {"a": 1},
    {"value": 1.0},
    {"env_id": f"{MODULE}:X-v0"},
    [None] * 1000,
)

FILES = ("run.json", "result.json", "metrics.jsonl", "checkpoint/last.safetensors")
Way = Callable[[Path, random.Random, Path], str]
"""(folder of the run, chance, a folder outside) → what was done, in words."""


# The bytes of a file -------------------------------------------------------------------------


def flip_bytes(run: Path, chance: random.Random, outside: Path) -> str:
    path = _some_file(run, chance)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 1, 4, 32))):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return f"bits flipped in {path.name}"


def cut(run: Path, chance: random.Random, outside: Path) -> str:
    path = _some_file(run, chance)
    content = path.read_bytes()
    path.write_bytes(content[: chance.choice((0, 1, chance.randrange(len(content) + 1)))])
    return f"{path.name} cut short"


def insert(run: Path, chance: random.Random, outside: Path) -> str:
    path = _some_file(run, chance)
    content = path.read_bytes()
    what = chance.choice(
        (b"\x00" * 4096, b"\xff", b"[" * 100_000, b"\n{}\n", b"\n", b'{"a":' * 500)
    )
    at = chance.randrange(len(content) + 1)
    path.write_bytes(content[:at] + what + content[at:])
    return f"{len(what)} bytes put into {path.name}"


def grow(run: Path, chance: random.Random, outside: Path) -> str:
    """A file of many gigabytes that takes no room."""
    path = _some_file(run, chance)
    os.truncate(path, chance.choice((20_000_000, 2**33, 2**40)))
    return f"{path.name} has {path.stat().st_size:,} bytes"


# What is at a path ---------------------------------------------------------------------------


def replace_file(run: Path, chance: random.Random, outside: Path) -> str:
    names = (*FILES, ".lock", *(str(p.relative_to(run)) for p in run.glob("pictures/*.png")))
    path = run / chance.choice(names)
    path.unlink(missing_ok=True)
    return _put(path, chance, outside, outside / "precious.txt")


def replace_folder(run: Path, chance: random.Random, outside: Path) -> str:
    path = run / chance.choice(("checkpoint", "pictures"))
    moved = outside / "folder" if chance.random() < 0.5 else outside / "nothing"
    if path.exists():
        path.rename(run / f"moved-{path.name}")
    return _put(path, chance, outside, moved)


def remove_some(run: Path, chance: random.Random, outside: Path) -> str:
    names = chance.sample((*FILES, "pictures", "checkpoint"), chance.choice((1, 2)))
    for name in names:
        if (run / name).exists():
            (run / name).rename(outside.parent / f"gone-{Path(name).name}")
    return f"without {' and '.join(names)}"


def _put(path: Path, chance: random.Random, outside: Path, target: Path) -> str:
    kind = chance.choice(
        ("link", "zero", "dangling", "loop", "pipe", "folder", "socket", "hard", "tty")
    )
    match kind:
        case "link":
            path.symlink_to(target)
        case "zero":
            path.symlink_to("/dev/zero")
        case "tty":
            path.symlink_to("/dev/tty")
        case "dangling":
            path.symlink_to(outside / "not-there-yet")
        case "loop":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                here = os.getcwd()
                os.chdir(path.parent)
                try:
                    made.bind(path.name)
                finally:
                    os.chdir(here)
        case "hard":
            os.link(outside / "precious.txt", path)
    return f"{path.name} is a {kind}"


# The values of JSON --------------------------------------------------------------------------


def change_json(run: Path, chance: random.Random, outside: Path) -> str:
    path = run / chance.choice(("run.json", "run.json", "result.json"))
    if not path.exists():
        path = run / "run.json"
    data = json.loads(path.read_bytes())
    done = _change(data, chance)
    path.write_text(json.dumps(data))
    return f"{path.name}: {done}"


def change_a_line(run: Path, chance: random.Random, outside: Path) -> str:
    path = run / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else ['{"step": 0, "seconds": 1}']
    at = chance.randrange(len(lines))
    data = json.loads(lines[at])
    done = _change(data, chance)
    lines[at] = json.dumps(data)
    path.write_text("\n".join(lines) + chance.choice(("\n", "")))
    return f"line {at + 1} of {len(lines)}: {done}"


def name_a_module(run: Path, chance: random.Random, outside: Path) -> str:
    """Every way in which a file could have something imported."""
    path = run / "run.json"
    data = json.loads(path.read_bytes())
    inner, bare = chance.choice(("", ".inner")), chance.choice(("X-v0", "CartPole-v1", "digits"))
    name = f"{MODULE}{inner}:{bare}"
    places = ("source", "model", "option", "nested", "name", "device", "preset")
    place = chance.choice(places)
    match place:
        case "option":
            data["source_options"][chance.choice(("of", "env_id", "id", "entry_point"))] = name
        case "nested":
            data["source_options"]["kwargs"] = {"env": [name]}
        case "name":
            data["info"]["name"] = name
        case _:
            data[place] = name
    path.write_text(json.dumps(data))
    return f"{place} is {name}"


def _change(data: Any, chance: random.Random) -> str:
    """Change one value somewhere in nested data."""
    places = list(_places(data))
    if not places:
        data["a"] = 1
        return "a key more"
    holder, key, where = chance.choice(places)
    match chance.choice(("remove", "value", "value", "value", "key", "swap", "deep")):
        case "remove":
            del holder[key]
            return f"{where} removed"
        case "key" if isinstance(holder, dict):
            name = chance.choice(("", "a", CLIPBOARD, "\u202e", "a" * 10_000, "\ud800"))
            holder[name] = holder[key]
            return f"{where} is {name[:20]!r} too"
        case "swap":
            other, theirs, what = chance.choice(places)
            value = copy.deepcopy(other[theirs])
            holder[key] = value
            return f"{where} is what {what} is"
        case "deep":
            value = None
            for _ in range(chance.choice((50, 150, 900))):
                value = [value]
            holder[key] = value
            return f"{where} is deep"
        case _:
            value = copy.deepcopy(chance.choice(VALUES))
            holder[key] = value
            return f"{where} is {str(value)[:40]!r}"


def _places(data: Any, where: str = "") -> Iterator[tuple[Any, Any, str]]:
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in list(items):
        yield data, key, f"{where}.{key}"
        if isinstance(value, dict | list) and value:
            yield from _places(value, f"{where}.{key}")


# Checkpoints with the right digest -----------------------------------------------------------


def forge(run: Path, chance: random.Random, outside: Path) -> str:
    """A tensor or a value of a checkpoint changed, and the whole signed again."""
    path = run / "checkpoint" / "last.safetensors"
    try:
        state = checkpoint.read(path)
    except RockfallError:
        return change_json(run, chance, outside)
    weights = list(_places(state["model"])) if isinstance(state["model"], dict) else []
    places = weights if weights and chance.random() < 0.4 else list(_places(state))
    tensors = [place for place in places if isinstance(place[0][place[1]], torch.Tensor)]
    if tensors and chance.random() < 0.6:
        holder, key, where = chance.choice(tensors)
        holder[key], done = _other_tensor(holder[key], chance)
    else:
        holder, key, where = chance.choice(places)
        done = _change_state(holder, key, chance)
    try:
        checkpoint.write(path, state)
    except (TypeError, ValueError, OverflowError):  # it can't be said in a checkpoint
        return change_json(run, chance, outside)
    return f"forged: {where} {done}"


def forge_position(run: Path, chance: random.Random, outside: Path) -> str:
    path = run / "checkpoint" / "last.safetensors"
    state = checkpoint.read(path)
    numbers = (0, 1, 2, 5, 10**6, 10**18, -1)
    depth = chance.choice((0, 1, 1, 2, 3, 200))
    made = [[chance.choice(numbers), chance.choice(numbers)] for _ in range(depth)]
    ending = chance.choice(([], [None], [{}], state["position"]["endings"][0]))
    endings = [ending for _ in range(chance.choice((depth, depth + 1, 0)))]
    state["position"] = {"indices": made, "endings": endings}
    state["finished"] = chance.choice((True, False, False))
    state["metrics_size"] = chance.choice((0, state["metrics_size"], 10**9, 2**62, -1))
    checkpoint.write(path, state)
    (run / "result.json").unlink(missing_ok=True)
    return f"forged: position {made[:3]}, finished {state['finished']}"


def forge_content(run: Path, chance: random.Random, outside: Path) -> str:
    """Any JSON at all behind the digest."""
    contents = (
        "null",
        "[]",
        "{}",
        "1",
        '"a"',
        "NaN",
        "[" * 100_000,
        '{"tensor": "nowhere"}',
        '{"dict": 1}',
        '{"dict": [[[], 1]]}',
        '{"dict": [["model", {"tensor": "a"}]]}',
        '{"array": []}',
        "",
        '{"tuple": {"tuple": 1}}',
        '{"a": 1, "b": 2}',
        '{"dict": [["model"]]}',
        '{"pickle": "gASVCw"}',
    )
    content = chance.choice(contents)
    tensors = {"a": torch.zeros(chance.choice((0, 3)))}
    digest = hashlib.sha256(content.encode())
    for name, tensor in tensors.items():
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}:".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    metadata = {"format": chance.choice(("1", "1", "1", "2", CLIPBOARD)), "content": content}
    path = run / "checkpoint" / "last.safetensors"
    path.write_bytes(save(tensors, {**metadata, "sha256": digest.hexdigest()}))
    return f"forged: content {content[:40]}"


def _other_tensor(tensor: torch.Tensor, chance: random.Random) -> tuple[Any, str]:
    fraction = tensor.is_floating_point()
    match chance.choice(
        ("nan", "inf", "huge", "empty", "flat", "longer", "shorter", "type", "random")
    ):
        case "nan" if fraction:
            return torch.full_like(tensor, math.nan), "is NaN"
        case "inf" if fraction:
            return torch.full_like(tensor, math.inf), "is infinite"
        case "huge" if fraction:
            return torch.full_like(tensor, 3e38), "is huge"
        case "empty":
            return tensor.new_zeros(0), "is empty"
        case "flat":
            return tensor.reshape(-1).clone(), "is flat"
        case "longer":
            return torch.cat([tensor.reshape(-1), tensor.reshape(-1)]), "is longer"
        case "shorter":
            return tensor.reshape(-1)[: tensor.numel() // 2].clone(), "is shorter"
        case "type":
            dtype = chance.choice(
                (torch.int64, torch.uint8, torch.float64, torch.bool, torch.complex64)
            )
            return tensor.to(dtype), f"is {dtype}"
        case _:
            bits = torch.randint(0, 256, tensor.shape)
            return bits.to(tensor.dtype), "is random"


def _change_state(holder: Any, key: Any, chance: random.Random) -> str:
    if isinstance(holder, tuple):
        return "as it was"
    if isinstance(holder, dict) and chance.random() < 0.3:
        del holder[key]
        return "removed"
    value = copy.deepcopy(chance.choice(VALUES))
    holder[key] = value
    return f"is {str(value)[:40]!r}"


# ---------------------------------------------------------------------------------------------


def _some_file(run: Path, chance: random.Random) -> Path:
    pictures = [str(path.relative_to(run)) for path in sorted(run.glob("pictures/*.png"))[:3]]
    there = [name for name in (*FILES, *FILES, *pictures) if (run / name).is_file()]
    return run / chance.choice(there)


WAYS: dict[Way, int] = {
    flip_bytes: 4,
    cut: 2,
    insert: 2,
    grow: 1,
    replace_file: 4,
    replace_folder: 2,
    remove_some: 1,
    change_json: 8,
    change_a_line: 2,
    name_a_module: 2,
    forge: 8,
    forge_position: 3,
    forge_content: 1,
}
"""Each with how often it comes."""
