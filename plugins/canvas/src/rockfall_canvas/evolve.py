"""Polygons that evolve into a picture.

Alsing 2008, "Genetic Programming: Evolution of Mona Lisa", painted with translucent polygons, of
which one was changed at a time and the change kept if the picture was not worse: an evolution
strategy (1 + 1), the oldest (Rechenberg 1973, "Evolutionsstrategie"). Here it is (μ + λ) (Schwefel
1981, "Numerical Optimization of Computer Models"), `parents` and `children`:

- each polygon of a painting has its turn, from the bottom to the top; `children` of it are judged
  at once, and the best takes its place if the picture is not worse for it. Some turns are for
  polygons that are drawn anew where the picture lacks most. `stack.py` says why that is cheap;
- a child inherits shape, and learns colour and opacity: the best are known in closed form
  (`colour_fit.py`), and it keeps them (Lamarck's way; Moscato 1989, memetic algorithms);
- steps grow while more than a fifth of the children are better than their parent and shrink while
  fewer are (Rechenberg's rule), for each polygon its own;
- between two such sweeps each painting has a child whose polygons lie in another order, and that,
  of several paintings, is crossed with another. The best `parents` of all live on.

Judged small, since a polygon is as sharp at any size.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall.kit import memory
from rockfall.kit.devices import computing
from rockfall.kit.pictures import within
from rockfall.sources.picture import Picture
from rockfall_canvas import mutation
from rockfall_canvas.polygons import painted
from rockfall_canvas.stack import Stack

OPACITIES = (0.1, 0.9)
"""What is fainter does nothing, and what is denser is not translucent."""
FIRST_STEP, LARGEST_STEP = 0.1, 0.3
SUCCESS = 0.2
"""Rechenberg's fifth."""
PACE = 0.5
"""How fast steps follow it."""
BETWEEN = 10
"""Sweeps from one crossing and restacking to the next, whose children are judged as a whole."""
LITTER = 4
"""Such children of each painting."""
LEAST = 1e-10
"""Mean squared error that counts as none, so that PSNR is finite: 100 dB."""


class EvolveConfig(rockfall.Config):
    polygons: int = Field(
        200, ge=1, le=2000, description="of the painting; twice as many take twice the time"
    )
    vertices: int = Field(
        6, ge=3, le=12, description="of each polygon, of which some may fall together"
    )
    sweeps: int = Field(100, ge=1, description="times that every polygon has its turn")
    children: int = Field(
        64, ge=1, le=10_000, description="λ: changes of a polygon that are judged at once"
    )
    parents: int = Field(
        1, ge=1, le=100, description="μ: paintings that live at once; several are crossed"
    )
    renewal: float = Field(
        0.02, ge=0, le=1, description="share of the turns for polygons that are drawn anew"
    )
    size: int = Field(
        192, ge=1, le=1000, description="pixels along the longer side at which they are judged"
    )


class Evolve(nn.Module):
    """Learns from a picture. The state is the population, best first: `vertices` (μ, K, V, 2) and
    `colours` (μ, K, 4) as in `polygons.py`, `steps` (μ, K) of the longer side, `background` (3,).

    Logs after each sweep the best one's mean squared `error` of values from 0 to 1 and `psnr`, dB,
    both at `size`, and the share of turns in which a child was `accepted`.
    """

    Config = EvolveConfig
    threads: ClassVar[int] = 1  # a polygon is too small for a second thread to pay
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"polygons": 8, "sweeps": 4, "children": 4, "parents": 2, "size": 24},
    }
    vertices: Tensor
    colours: Tensor
    steps: Tensor
    background: Tensor

    def __init__(self, config: EvolveConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        _, height, width = info.shape
        longer = max(height, width)
        self.stretch = (longer / width, longer / height)
        shape = (config.parents, config.polygons)
        # A blank canvas: polygons without area, which their first turn draws anew.
        self.register_buffer("vertices", torch.full((*shape, config.vertices, 2), 0.5))
        self.register_buffer("colours", torch.full((*shape, 4), 0.5))
        self.register_buffer("steps", torch.full(shape, FIRST_STEP))
        self.register_buffer("background", torch.full((3,), 0.5))

    def fit(self, picture: Picture, run: rockfall.Run) -> None:
        """Raises RockfallError if the memory does not hold the paintings at `size`."""
        target = within(picture.pixels, self.config.size).float() / 255
        self.check_memory(target)
        self.background.copy_(target.mean((1, 2)))
        # TF32 is too coarse to tell children apart that differ in a few pixels.
        with computing(torch.get_num_threads(), matmul_precision="highest"):
            for sweep in run.steps(self.config.sweeps):
                stack = self.selected(target, sweep)
                accepted = self.sweep(stack)
                error = self.keep(stack)
                run.log(error=error, psnr=-10 * error.clamp(min=LEAST).log10(), accepted=accepted)

    def paint(self, height: int, width: int) -> Tensor:
        """(3, height, width) uint8."""
        return painted(self.vertices[0], self.colours[0], self.background, height, width)

    # A generation --------------------------------------------------------------------------

    def selected(self, target: Tensor, sweep: int) -> Stack:
        """The paintings; before some sweeps the best of them and of their children."""
        if sweep % BETWEEN:
            return Stack(self.vertices.clone(), self.colours.clone(), self.background, target)
        population = (self.vertices, self.colours, self.steps)
        both = zip(population, self.offspring(), strict=True)
        vertices, colours, steps = (torch.cat(parts) for parts in both)
        stack = Stack(vertices, colours, self.background, target)
        best = stack.errors.argsort(stable=True)[: self.config.parents]
        stack.take(best)
        self.steps.copy_(steps[best])
        return stack

    def offspring(self) -> tuple[Tensor, Tensor, Tensor]:
        """Children of the paintings, crossed and restacked: vertices, colours and steps."""
        paintings, polygons = self.steps.shape
        order = mutation.restacked(polygons, LITTER * paintings, self.steps.device)
        if paintings > 1:
            origin = mutation.mates(self.vertices, self._stretch(), LITTER).gather(1, order)
        else:
            origin = torch.zeros_like(order)
        return self.vertices[origin, order], self.colours[origin, order], self.steps[origin, order]

    def sweep(self, stack: Stack) -> Tensor:
        """Give every polygon its turn; returns the share that a child took the place of."""
        vertices, colours, renewed = self.mutants(stack)
        corners, sizes = stack.windows(vertices)
        visits = [
            stack.visit(k, vertices[:, k], colours[:, k], corners[k], size, OPACITIES)
            for k, size in enumerate(sizes)
        ]
        chosen, better = (torch.stack(part, 1) for part in zip(*visits, strict=True))
        taken = chosen < self.config.children
        adapted = self.steps * (PACE * (better - SUCCESS)).exp()
        least = 0.5 / max(stack.height, stack.width)  # half a pixel
        steps = torch.where(renewed, self.steps, adapted).clamp(least, LARGEST_STEP)
        self.steps.copy_(torch.where(renewed & taken, FIRST_STEP, steps))
        return taken.float().mean()

    def mutants(self, stack: Stack) -> tuple[Tensor, Tensor, Tensor]:
        """Of every polygon: vertices (μ, K, λ + 1, V, 2), colours (μ, K, λ + 1, 4), the parent's
        last; and which turns (μ, K) are for new ones.
        """
        count = self.config.children
        stretch = self._stretch()
        renewed = stack.blank | (torch.rand_like(self.steps) < self.config.renewal)
        moved = mutation.moved(stack.vertices, self.steps, stretch, count)
        colours = stack.colours[:, :, None].repeat(1, 1, count, 1)
        spread = mutation.OPACITY_SPREAD * torch.randn_like(colours[..., 3])
        colours[..., 3] = (colours[..., 3] * spread.exp()).clamp(*OPACITIES)
        for painting, lacking in enumerate(stack.lacking):
            which = renewed[painting]
            if not which.any():
                continue
            errors = lacking.square().sum(0).view(stack.height, stack.width)
            shapes = mutation.new(errors, stretch, int(which.sum()) * count, moved.shape[-2])
            moved[painting, which] = shapes.view(-1, count, *moved.shape[-2:])
        fresh = torch.empty_like(colours[..., 3]).uniform_(*mutation.NEW_OPACITIES)
        colours[..., 3] = torch.where(renewed[..., None], fresh, colours[..., 3])
        return (
            torch.cat((moved, stack.vertices[:, :, None]), 2),
            torch.cat((colours, stack.colours[:, :, None]), 2),
            renewed,
        )

    def keep(self, stack: Stack) -> Tensor:
        """Take the paintings of a stack, best first; returns the least error."""
        errors, order = stack.errors.sort(stable=True)
        self.vertices.copy_(stack.vertices[order])
        self.colours.copy_(stack.colours[order])
        self.steps.copy_(self.steps[order])
        return errors[0]

    def _stretch(self) -> Tensor:
        return self.steps.new_tensor(self.stretch)

    def check_memory(self, target: Tensor) -> None:
        """Raises RockfallError if a generation does not fit."""
        config = self.config
        pixels = target[0].numel()
        paintings = (1 + LITTER) * config.parents
        stacks = 4 * paintings * config.polygons * pixels * target.element_size()
        judged = 3 * config.parents * (config.children + 1) * pixels * target.element_size()
        memory.require(
            target.device,
            stacks + judged,
            f"a generation of {paintings} paintings, {config.polygons} polygons each, at "
            f"size={config.size},",
            "take a smaller size, or fewer parents, polygons or children",
        )
