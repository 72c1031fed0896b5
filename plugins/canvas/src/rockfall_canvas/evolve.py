"""(μ + λ) evolution of polygons that approximate a picture.

Alsing 2008, "Genetic Programming: Evolution of Mona Lisa", approximated a picture by translucent
polygons: one at a time is mutated, and the mutation kept if the picture is not worse. That is a
(1 + 1) evolution strategy (Rechenberg 1973, "Evolutionsstrategie"). Here it is a (μ + λ) one
(Schwefel 1981, "Numerical Optimization of Computer Models"), with μ = `parents` paintings and
λ = `offspring` mutants:

- In a sweep each polygon of a painting is visited once, from the bottom to the top. λ mutants of it
  are evaluated together, and the best replaces it if the picture is not worse. In some visits
  (`reinit_rate`) they are new random polygons where the error is large.
- Mutation changes the shape alone. Colour and opacity are fitted by least squares and inherited: a
  memetic algorithm with Lamarckian inheritance (Moscato 1989).
- The mutation step size σ is self-regulated by Rechenberg's 1/5 success rule, for each polygon
  its own.
- Every 10 sweeps the paintings have children whose polygons are reordered, and with several
  paintings, crossed over. The best `parents` of all survive.

It departs from the textbook in that λ mutants compete for one polygon and not for the whole
painting, whose selection is rarer; from Alsing's program in the fitted colours, the number of
vertices, which is fixed, and a fitness at reduced size, as a polygon is as sharp at any other.
`stack.py` says why a visit is cheap. That is so on a CPU: a visit is too little work for a GPU, and
the windows' sizes are read from it before every sweep, so that its steps are not captured.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall import Picture
from rockfall.kit.devices import computing
from rockfall.kit.memory import require_memory
from rockfall.kit.resizing import within
from rockfall_canvas import variation
from rockfall_canvas.polygons import render
from rockfall_canvas.stack import Stack
from rockfall_canvas.vectors import to_svg

OPACITIES = (0.1, 0.9)
"""Range of opacities: a fainter polygon has no effect, and a denser one is not translucent."""
INITIAL_STEP, MAX_STEP = 0.1, 0.3
"""Mutation step sizes σ, relative to the longer side."""
TARGET_SUCCESS_RATE = 0.2
"""Rechenberg's 1/5."""
ADAPTATION_RATE = 0.5
"""By how much log σ changes per visit, times the success rate's distance from its target."""
SELECTION_INTERVAL = 10
"""Sweeps between two selections of whole paintings."""
CHILDREN = 4
"""Children of each painting in such a selection."""
MIN_ERROR = 1e-10
"""Least mean squared error that PSNR is computed of, so that it is finite: 100 dB."""


class EvolveConfig(rockfall.Config):
    polygons: int = Field(
        200, ge=1, le=2000, description="polygons of a painting; twice as many take twice the time"
    )
    vertices: int = Field(
        6, ge=3, le=12, description="vertices of each polygon, of which some may coincide"
    )
    sweeps: int = Field(
        100, ge=1, description="generations, in each of which every polygon is visited once"
    )
    offspring: int = Field(
        64, ge=1, le=10_000, description="λ: mutants of a polygon that are evaluated together"
    )
    parents: int = Field(
        1, ge=1, le=100, description="μ: population size, in paintings; several are crossed over"
    )
    reinit_rate: float = Field(
        0.02,
        ge=0,
        le=1,
        description="probability that a visit tries new random polygons in place of mutants",
    )
    size: int = Field(
        192,
        ge=1,
        le=1000,
        description="pixels along the longer side at which fitness is evaluated",
    )


class Evolve(nn.Module):
    """A population of paintings made of polygons, fitted to one picture.

    The state is the population, best first: `vertices` (μ, K, V, 2) and `colours` (μ, K, 4) as in
    `polygons.py`, mutation step sizes `steps` (μ, K) relative to the longer side, and `background`
    (3,), the picture's mean colour.

    Logs after each sweep the best painting's mean squared error `mse` of values from 0 to 1 and
    `psnr`, dB, both at `size`, and the `acceptance_rate`, the share of visits in which a mutant
    replaced its parent.
    """

    Config = EvolveConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"polygons": 8, "sweeps": 4, "offspring": 4, "parents": 2, "size": 24},
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
        self.aspect = (longer / width, longer / height)
        shape = (config.parents, config.polygons)
        # All polygons are points at first, and their first visit tries new random ones.
        self.register_buffer("vertices", torch.full((*shape, config.vertices, 2), 0.5))
        self.register_buffer("colours", torch.full((*shape, 4), 0.5))
        self.register_buffer("steps", torch.full(shape, INITIAL_STEP))
        self.register_buffer("background", torch.full((3,), 0.5))

    def fit(self, picture: Picture, run: rockfall.Run) -> None:
        """Raises RockfallError if the memory does not hold the paintings at `size`."""
        target = within(picture.pixels, self.config.size).float() / 255
        self.check_memory(target)
        self.background.copy_(target.mean((1, 2)))
        # TF32 can't tell apart mutants that differ in a few pixels.
        with computing(torch.get_num_threads(), matmul_precision="highest"):
            for sweep in run.steps(self.config.sweeps):
                stack = self.select(target, sweep)
                accepted = self.sweep(stack)
                error = self.keep(stack)
                psnr = -10 * error.clamp(min=MIN_ERROR).log10()
                run.log(mse=error, psnr=psnr, acceptance_rate=accepted)

    def paint(self, height: int, width: int) -> Tensor:
        """(3, height, width) uint8: the best painting."""
        return render(self.vertices[0], self.colours[0], self.background, height, width)

    def svg(self, height: int, width: int) -> str:
        """An SVG document of this size: the best painting."""
        return to_svg(self.vertices[0], self.colours[0], self.background, height, width)

    # One generation -------------------------------------------------------------------------

    def select(self, target: Tensor, sweep: int) -> Stack:
        """The population; every `SELECTION_INTERVAL` sweeps the best of it and of its children."""
        if sweep % SELECTION_INTERVAL:
            return Stack(self.vertices.clone(), self.colours.clone(), self.background, target)
        population = (self.vertices, self.colours, self.steps)
        both = zip(population, self.recombine(), strict=True)
        vertices, colours, steps = (torch.cat(parts) for parts in both)
        stack = Stack(vertices, colours, self.background, target)
        best = stack.errors.argsort(stable=True)[: self.config.parents]
        stack.take(best)
        self.steps.copy_(steps[best])
        return stack

    def recombine(self) -> tuple[Tensor, Tensor, Tensor]:
        """Children of the paintings, by crossover and reordering: vertices, colours and steps."""
        paintings, polygons = self.steps.shape
        order = variation.reorder(polygons, CHILDREN * paintings, self.steps.device)
        if paintings > 1:
            crossed = variation.crossover(self.vertices, self._aspect(), CHILDREN)
            origin = crossed.gather(1, order)
        else:
            origin = torch.zeros_like(order)
        return self.vertices[origin, order], self.colours[origin, order], self.steps[origin, order]

    def sweep(self, stack: Stack) -> Tensor:
        """Visit every polygon of a stack once; returns the acceptance rate."""
        vertices, colours, reinitialised = self.mutants(stack)
        corners, sizes = stack.windows(vertices)
        selections = [
            stack.visit(k, vertices[:, k], colours[:, k], corners[k], size, OPACITIES)
            for k, size in enumerate(sizes)
        ]
        chosen, success = (torch.stack(part, 1) for part in zip(*selections, strict=True))
        accepted = chosen < self.config.offspring
        adapted = self.steps * (ADAPTATION_RATE * (success - TARGET_SUCCESS_RATE)).exp()
        min_step = 0.5 / max(stack.height, stack.width)  # half a pixel
        steps = torch.where(reinitialised, self.steps, adapted).clamp(min_step, MAX_STEP)
        self.steps.copy_(torch.where(reinitialised & accepted, INITIAL_STEP, steps))
        return accepted.float().mean()

    def mutants(self, stack: Stack) -> tuple[Tensor, Tensor, Tensor]:
        """Candidates for every polygon: vertices (μ, K, λ + 1, V, 2) and colours (μ, K, λ + 1, 4),
        the parent's last; and (μ, K) bool, whose mutants are new random polygons.
        """
        count = self.config.offspring
        aspect = self._aspect()
        reinitialised = stack.empty | (torch.rand_like(self.steps) < self.config.reinit_rate)
        mutated = variation.mutate(stack.vertices, self.steps, aspect, count)
        colours = stack.colours[:, :, None].repeat(1, 1, count, 1)
        noise = variation.LOG_OPACITY_STD * torch.randn_like(colours[..., 3])
        colours[..., 3] = (colours[..., 3] * noise.exp()).clamp(*OPACITIES)
        for painting, residual in enumerate(stack.residual):
            which = reinitialised[painting]
            if not which.any():
                continue
            errors = residual.square().sum(0).view(stack.height, stack.width)
            new = variation.random_polygons(
                errors, aspect, int(which.sum()) * count, mutated.shape[-2]
            )
            mutated[painting, which] = new.view(-1, count, *mutated.shape[-2:])
        opacities = torch.empty_like(colours[..., 3]).uniform_(*variation.NEW_OPACITIES)
        colours[..., 3] = torch.where(reinitialised[..., None], opacities, colours[..., 3])
        return (
            torch.cat((mutated, stack.vertices[:, :, None]), 2),
            torch.cat((colours, stack.colours[:, :, None]), 2),
            reinitialised,
        )

    def keep(self, stack: Stack) -> Tensor:
        """Make the paintings of a stack the population, best first; returns the least error."""
        errors, order = stack.errors.sort(stable=True)
        self.vertices.copy_(stack.vertices[order])
        self.colours.copy_(stack.colours[order])
        self.steps.copy_(self.steps[order])
        return errors[0]

    def _aspect(self) -> Tensor:
        return self.steps.new_tensor(self.aspect)

    def check_memory(self, target: Tensor) -> None:
        """Raises RockfallError if a generation does not fit."""
        config = self.config
        pixels = target[0].numel()
        paintings = (1 + CHILDREN) * config.parents
        stacks = 4 * paintings * config.polygons * pixels * target.element_size()
        candidates = 3 * config.parents * (config.offspring + 1) * pixels * target.element_size()
        require_memory(
            target.device,
            stacks + candidates,
            f"a generation of {paintings} paintings, {config.polygons} polygons each, at "
            f"size={config.size},",
            "give less in size=, parents=, polygons= or offspring=",
        )
