"""Whatever fields an ask allows, its handler answers, or refuses in one line: it has no faults."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rockfall import RockfallError
from rockfall_studio import asks, views
from rockfall_studio.framing import packed
from tests.studio.conftest import Asking
from tests.studio.serving import TRAINED

views.load()
BEGIN = {"train.begin", "train.resume"}
"""What trains in another process is tried by other tests."""
ROUNDS = 40
WORDS = (
    "",
    "0",
    "1",
    "-1",
    "a",
    "digits",
    "random",
    "human",
    "falling-rocks-8x8",
    "train",
    "../x",
    "conv1",
    "relu1",
    "pool1",
    "fc1",
    "classify",
    "input",
    "output",
    "test",
)
STRANGE = (
    "<img src=x onerror=alert(1)>",
    "é\u202e",
    "\0",
    "nan",
    "1e999",
    "{}",
    "'",
    "--out=/",
    "∞",
)
NUMBERS = (-1, 0, 1, 2, 3, 7, 9, 28, 1000, 2**31, 2**53, 0.5, -0.5, 1e-9, 1e30, 1e308)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(asks.TABLE.keys() - BEGIN))
def test_an_ask_is_answered_or_refused_whatever_it_says(
    looking: Callable[..., Asking], name: str
) -> None:
    asking = looking(*TRAINED)
    runs = [run.name for run in asking.studio.runs()]
    schema = asks.TABLE[name].kind.model_json_schema()
    refused = list[str]()
    for seed in range(ROUNDS):
        made = Made(random.Random(seed), schema, runs)
        fields = made.fields()
        attached = made.attached()
        try:
            stream = asking.stream(name, attached, **fields)
            with closing(stream) as answers:  # type: ignore[type-var]
                for answer in islice(answers, 3):
                    if answer is not None:
                        packed(1, answer.data, answer.planes)
        except RockfallError as error:
            refused.append(str(error))
        except Exception as error:
            raise AssertionError(f"{name} {fields} {attached[:20]!r}: {error!r}") from error
    assert not [line for line in refused if "\n" in line.strip()]


class Made:
    """Fields by a JSON schema: mostly such as it allows, sometimes others."""

    def __init__(self, chance: random.Random, schema: dict[str, Any], runs: list[str]) -> None:
        self.chance, self.schema, self.runs = chance, schema, runs

    def fields(self) -> dict[str, Any]:
        required = self.schema.get("required", ())
        made = {
            name: self._field(name, part)
            for name, part in self.schema["properties"].items()
            if name != "attached" and (name in required or self.chance.random() < 0.6)
        }
        sides = [each for each in made.values() if isinstance(each, int) and 1 < each < 100]
        self.areas = [each * each for each in sides] * 2
        return made

    def attached(self) -> bytes:
        """Nothing, bytes, drawn pixels, or a picture."""
        size = self.chance.choice([1, 7, 64, 64, 64, 256, 784, 3072, *self.areas])
        noise = np.random.default_rng(size).integers(0, 256, size, np.uint8)
        match self.chance.randrange(4):
            case 0:
                return b""
            case 1:
                return noise.tobytes()
            case 2:
                return noise.astype(np.float32).tobytes()
        file = io.BytesIO()
        Image.fromarray(noise[None]).save(file, "PNG")
        return file.getvalue()

    def _field(self, name: str, part: dict[str, Any]) -> Any:
        if name == "run" and self.chance.random() < 0.9:
            return self.chance.choice(self.runs)
        return self._value(part)

    def _value(self, part: dict[str, Any]) -> Any:
        chance = self.chance
        if chance.random() < 0.02:
            return chance.choice([*STRANGE, *NUMBERS, None, [], {}, True])
        if "$ref" in part:
            found = self.schema["$defs"][part["$ref"].rpartition("/")[2]]
            return self._value(found)
        if "anyOf" in part:
            return self._value(chance.choice(part["anyOf"]))
        if "oneOf" in part:
            return self._value(chance.choice(part["oneOf"]))
        if "enum" in part:
            return chance.choice(part["enum"])
        if "const" in part:
            return part["const"]
        match part.get("type"):
            case "boolean":
                return chance.random() < 0.5
            case "null":
                return None
            case "integer" | "number":
                return self._number(part)
            case "array":
                return list(self._items(part))
            case "object":
                return self._object(part)
        pool = (*WORDS, *self.runs, *STRANGE) if chance.random() < 0.7 else self.runs
        return str(chance.choice(pool)).ljust(part.get("minLength", 0), "x")

    def _number(self, part: dict[str, Any]) -> float:
        low = part.get("minimum", part.get("exclusiveMinimum", -(2**31)))
        high = part.get("maximum", part.get("exclusiveMaximum", 2**31))
        near = [each for each in NUMBERS if low <= each <= high]
        value = self.chance.choice([low, high, *near, *near])
        return int(value) if part["type"] == "integer" else float(value)

    def _items(self, part: dict[str, Any]) -> Iterator[Any]:
        if "prefixItems" in part:
            yield from map(self._value, part["prefixItems"])
            return
        least, most = part.get("minItems", 0), part.get("maxItems", 4)
        for _ in range(self.chance.randint(least, max(least, min(most, 5)))):
            yield self._value(part.get("items", {"type": "string"}))

    def _object(self, part: dict[str, Any]) -> dict[str, Any]:
        if "properties" in part:
            required = part.get("required", ())
            return {
                name: self._field(name, each)
                for name, each in part["properties"].items()
                if name in required or self.chance.random() < 0.6
            }
        each = part.get("additionalProperties", {"type": "string"})
        names = self.chance.sample(
            ["a", "epochs", "lr", "hidden", "size"], self.chance.randint(0, 2)
        )
        return {name: self._value(each if isinstance(each, dict) else {}) for name in names}
