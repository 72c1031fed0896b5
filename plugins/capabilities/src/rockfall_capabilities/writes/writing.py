"""The part of `rockfall sample` that is for text."""

from __future__ import annotations

import shlex
from typing import Any

from rockfall.kit.console import print_json, say

SPACES = {"⏎": "\n", "␣": " ", "⇥": "\t"}
"""Of classes that are white space, the characters."""
LENGTH = 500


def write(
    run: str, prompt: str, count: int | None, temperature: float, seed: int, as_json: bool
) -> None:
    """Print a prompt and what RUN's model goes on with."""
    from rockfall import eval_mode, fork_rng
    from rockfall.verbs import open_capable

    opened = open_capable(run, "writes")
    model: Any = opened.model
    names = {character: name for name, character in SPACES.items()}
    symbols = [names.get(character, character) for character in prompt]
    with fork_rng(seed), eval_mode(model):
        written = model.write(symbols, count or LENGTH, temperature)
    text = "".join(SPACES.get(name, name) for name in written)
    if as_json:
        told = {"run": opened.name, "prompt": prompt, "text": text}
        print_json({**told, "temperature": temperature, "seed": seed})
        return
    name = opened.directory.address
    again = shlex.join(["--prompt", prompt]) if prompt else ""
    say(*f"{prompt}{text}".split("\n"))
    say("", f"next: rockfall sample {name} {again} --seed {seed + 1}  ·  rockfall show {name}")
