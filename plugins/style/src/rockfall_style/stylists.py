"""How a picture or a film gets its style: by optimisation, or by trained networks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from rockfall import UsageError
from rockfall.verbs import promising
from rockfall_style.choice import GATYS, Style
from rockfall_style.subjects import Subject

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from rockfall import Picture
    from rockfall_style.films import Frame
    from rockfall_style.moving import Paint


@dataclass(frozen=True)
class Made:
    """Height and width of the output, the name of the run that made it, if one did, and what else
    there is to say: for programs, and for people.
    """

    height: int
    width: int
    run: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    said: tuple[str, ...] = ()


class Stylist(Protocol):
    """Writes a subject in the style, of at most `size` pixels along the longer side."""

    def picture(
        self, subject: Subject, size: int | None, to: Path | IO[bytes], gif: Path | None
    ) -> Made: ...

    def film(self, subject: Subject, size: int | None, to: Path) -> Made: ...


class ByOptimisation:
    """Optimises a picture, or one frame after the other."""

    def __init__(
        self,
        styles: Sequence[Style],
        settings: dict[str, str],
        how: dict[str, Any],
        *,
        quiet: bool,
    ) -> None:
        self.config: dict[str, Any] = {"style": [style.location for style in styles], **settings}
        self.how, self.quiet = how, quiet

    def picture(
        self, subject: Subject, size: int | None, to: Path | IO[bytes], gif: Path | None
    ) -> Made:
        """Train `gatys`, and write its picture."""
        from rockfall import eval_mode, train
        from rockfall.kit import pictures
        from rockfall.kit.transparency import alpha_of, with_alpha
        from rockfall.verbs import save_training_film

        out = to if isinstance(to, Path) else None
        with promising("paint", out=out, gif=gif) as promised:
            run = train(
                GATYS,
                subject.text,
                source_options={"size": size} if size else {},
                config=self.config,
                listeners=[] if self.quiet else None,
                promised=promised,
                **self.how,
            )
            model: Any = run.model
            _, height, width = run.record.info["shape"]
            with eval_mode(model):
                painted = model.paint(height, width)
            alpha = alpha_of(run.directory.pictures / "painting.png")
            pictures.write(to, with_alpha(painted, alpha))
            if gif:
                save_training_film(gif, run.directory, "paints")
        return Made(height, width, run.name)

    def film(self, subject: Subject, size: int | None, to: Path) -> Made:
        """Train `gatys` on each frame. No run is kept."""
        from rockfall import train
        from rockfall.kit import pictures

        with tempfile.TemporaryDirectory() as folder:

            def paint(frame: Tensor) -> Tensor:
                run = train(
                    GATYS,
                    pictures.save(Path(folder, "frame.png"), frame),
                    config=self.config,
                    listeners=[],
                    out=Path(folder, "runs"),
                    **self.how,
                )
                model: Any = run.model
                painted: Tensor = model.paint(*frame.shape[1:])
                return painted

            return _film(subject, size, to, paint)


class ByNetworks:
    """Applies every style in turn, and all of that `passes` times."""

    def __init__(self, styles: Sequence[Style], passes: int, how: dict[str, Any]) -> None:
        import torch

        from rockfall.kit.devices import choose_device, choose_precision

        self.device = choose_device(how["device"])
        # bf16 is twice as fast where the processor has it, and 54 dB from float32, which is
        # invisible.
        self.precision = choose_precision(how["precision"], self.device, "bf16")
        self.threads: int = how["threads"] or torch.get_num_threads()
        self.styles, self.passes = styles, passes
        self.filters: list[Callable[[Tensor], Tensor]] = []

    def picture(
        self, subject: Subject, size: int | None, to: Path | IO[bytes], gif: Path | None
    ) -> Made:
        from rockfall.kit import pictures
        from rockfall.kit.transparency import with_alpha

        content = _open(subject.text, size)
        output = self.apply(content.pixels)
        pictures.write(to, with_alpha(output, content.alpha))
        return Made(*output.shape[1:])

    def film(self, subject: Subject, size: int | None, to: Path) -> Made:
        return _film(subject, size, to, self.apply)

    def apply(self, pixels: Tensor) -> Tensor:
        """(3, H, W) uint8 → the same shape and type, in the styles."""
        import torch

        from rockfall.kit.devices import autocast, computing
        from rockfall.kit.progress import counted

        self.filters = self.filters or [_filter(style, self.device) for style in self.styles]
        filters = self.filters * self.passes
        output = pixels.to(self.device)
        matmul = "high" if self.device.type == "cuda" else "highest"
        with computing(self.threads, matmul), torch.no_grad():
            several = counted(filters, len(filters), "styles applied")
            for apply_style in several if len(filters) > 1 else filters:
                with autocast(self.device, self.precision):
                    output = apply_style(output)
        return output


def _film(subject: Subject, size: int | None, to: Path, paint: Paint) -> Made:
    """Write a film in the style, frame by frame."""
    from rockfall.kit.progress import counted
    from rockfall_style import films
    from rockfall_style.moving import Flicker, restyled

    source, flicker = Path(subject.text).expanduser(), Flicker()
    frames = counted(films.read_frames(source), films.count_frames(source), "frames")
    height = width = count = 0

    def seen() -> Iterator[Frame]:
        nonlocal height, width, count
        for frame in restyled(frames, size, paint, flicker):
            height, width, _ = frame.pixels.shape
            count += 1
            yield frame

    films.write_film(to, seen(), sound=source)
    said = [f"{count} frames"]
    if flicker.value is not None:
        said.append(f"flicker {flicker.value:.1f} of 255 where nothing moves")
    return Made(height, width, more={"frames": count, "flicker": flicker.value}, said=tuple(said))


def _open(picture: str, size: int | None) -> Picture:
    """Raises UsageError for a file that is not a picture."""
    from rockfall import Picture, open_source

    opened = open_source(picture, {"size": size} if size else {})
    if not isinstance(opened, Picture):
        raise UsageError(f"{picture} is no picture")
    return opened


def _filter(style: Style, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function (3, H, W) uint8 → the same shape and type in that style."""
    from rockfall import open_run
    from rockfall_style.compact.network import read_network
    from rockfall_style.manifest import read_style
    from rockfall_style.ready import StyleNetwork, embedded_style, published_style

    if style.kind == "run":
        model: Any = open_run(style.location).model
        model.to(device).eval()
        stylize: Callable[[Tensor], Tensor] = model.stylize
        return stylize
    if style.kind == "published":
        return published_style(style.location, device).stylize
    if style.kind == "embedded":
        return embedded_style(style.location, device).stylize
    path = Path(style.location)
    network = read_network(path) if style.kind == "file" else read_style(path)
    return StyleNetwork(network.to(device)).stylize
