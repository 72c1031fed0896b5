"""Models that learn nothing but can do things, as a plugin would bring them."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rockfall.registry import registry
from tests.core.sites import REGISTER, Site, model

CODE = """
import typing
import torch
import rockfall

class Toy(torch.nn.Module):
    monitor = "good"

    class Config(rockfall.Config):
        speed: int = 1
        width: int = 8

    def __init__(self, config, info):
        super().__init__()
        self.config, self.info = config, info
        self.weight = torch.nn.Parameter(torch.zeros(2))

    def fit(self, source, run):
        for step in run.steps(self.config.width):
            run.log(bad=1.0 + step, good=float(self.config.speed * step))

class Player(Toy):
    headline = "bad"

    def act(self, seen, deterministic=True):
        if not isinstance(seen, torch.Tensor):
            return 0
        assert not self.training and not torch.is_grad_enabled()
        return torch.zeros(len(seen), dtype=torch.long, device=seen.device)

class Maker(Toy):
    def sample(self, count):
        return torch.randint(256, (count, *self.info.shape)).to(torch.uint8)

    def reconstruct(self, inputs):
        return inputs // 2

class Stepper(Toy):
    # Noise, which twelve steps make darker.

    def sample_steps(self, count):
        made = torch.randint(256, (count, *self.info.shape)).to(torch.uint8)
        yield made
        for _ in range(12):
            made = made // 4 * 3
            yield made

    def sample(self, count):
        return list(self.sample_steps(count))[-1]

class Blender(Toy):
    # Its latents are the inputs, and its features the first five of them. What it makes is darker
    # the longer it has learned.
    spherical = False

    def __init__(self, config, info):
        super().__init__(config, info)
        self.register_buffer("age", torch.zeros(()))

    def fit(self, source, run):
        for step in run.steps(self.config.width):
            self.age += 1
            run.log(bad=1.0 + step, good=float(torch.rand(())))

    def sample(self, count):
        assert not self.training and not torch.is_grad_enabled()
        made = torch.rand(count, *self.info.shape) * 255 / (1 + self.age)
        return made.to(torch.uint8)

    def encode(self, inputs):
        return inputs.flatten(1)[:, 18:23].float()

    def latents(self, inputs, labels):
        return inputs.flatten(1).float()

    def decode(self, latents):
        made = latents.clamp(0, 255).to(torch.uint8)
        return made.unflatten(1, self.info.shape)

class Teller(Toy):
    # A picture of class k is as light as 20 k and a little noise; so are its latents.
    spherical = True

    def sample(self, count):
        return self.sample_of(torch.randint(len(self.info.classes), (count,)))

    def sample_of(self, labels):
        noise = torch.randint(20, (len(labels), *self.info.shape))
        return (20 * labels[:, None, None, None] + noise).to(torch.uint8)

    def latents(self, inputs, labels):
        assert (labels >= 0).all()
        return 1.0 + labels[:, None].float()

    def decode(self, latents):
        return (20 * latents[:, :, None, None]).expand(-1, *self.info.shape).to(torch.uint8)

class Pointer(Toy):
    # Steps outwards.

    def sample_steps(self, count):
        noise = torch.randn(count, *self.info.shape)
        for size in range(1, 4):
            yield noise * size

    def sample(self, count):
        return list(self.sample_steps(count))[-1]

class Guesser(Toy):
    def classify(self, inputs):
        share = inputs.float().mean((1, 2, 3)) / 255
        return torch.cat((share[:, None], ((1 - share) / 9).repeat(9, 1).T), 1)

@typing.runtime_checkable
class Dreams(typing.Protocol):
    def dream(self): ...

def dream(model, source):
    return {"dream": torch.zeros(1, 4, 4, dtype=torch.uint8)}
"""


@contextlib.contextmanager
def toys(path: Path) -> Iterator[None]:
    """While open, the models `player`, `maker`, `stepper`, `blender`, `teller`, `pointer`, and
    `guesser`, which `dreams`, are installed.
    """
    path.mkdir()
    register = (
        model(
            "player",
            target="fake_toys:Player",
            learns_from=("discrete-actions",),
            default_source="falling-rocks-8x8",
            capabilities=("acts",),
        ),
        model("maker", target="fake_toys:Maker", capabilities=("samples", "reconstructs")),
        model("stepper", target="fake_toys:Stepper", capabilities=("samples", "samples-in-steps")),
        model("blender", target="fake_toys:Blender", capabilities=("samples", "encodes", "blends")),
        model(
            "teller",
            target="fake_toys:Teller",
            capabilities=("samples", "samples-by-class", "blends"),
        ),
        model(
            "pointer",
            target="fake_toys:Pointer",
            learns_from=("vectors",),
            default_source="ring",
            capabilities=("samples", "samples-in-steps"),
        ),
        model(
            "guesser",
            target="fake_toys:Guesser",
            learns_from=("labelled-pictures",),
            capabilities=("classifies", "dreams"),
        ),
        "register.capability(name='dreams', summary='dreams', target='fake_toys:Dreams', "
        "pictures='fake_toys:dream')",
    )
    Site(path).add("toys", CODE + REGISTER + "".join(f"    {call}\n" for call in register))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path)
        importlib.invalidate_caches()
        registry.cache_clear()
        yield
    registry.cache_clear()
