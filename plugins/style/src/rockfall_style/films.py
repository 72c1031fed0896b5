"""Films: animated GIF, WebP and PNG, and videos by PyAV, frame by frame.

Videos need the extra `rockfall-style[video]`; the others do not.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from rockfall import UsageError
from rockfall.kit import pictures
from rockfall.kit.animations import frame_count, frames
from rockfall.kit.files import atomic

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

ANIMATED = (".gif", ".webp", ".png")
"""Of the files that Pillow writes several frames into."""
VIDEO = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
WRITTEN = (*ANIMATED, ".mp4", ".mov", ".mkv")
"""Of the films that are written."""
USUAL_SECONDS = 0.1
"""For which a frame is seen that does not say how long, as browsers have it."""
TICKS = 90_000
"""Of a video's clock in a second, as in MPEG."""
QUALITY: dict[str, object] = {"crf": "18", "preset": "medium"}
"""Of H.264: hardly to be told from what it encodes."""


class Frame(NamedTuple):
    """pixels: (H, W, 3) uint8, or with alpha (H, W, 4). seconds: for which it is seen."""

    pixels: np.ndarray
    seconds: float


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO


def count_frames(path: Path) -> int | None:
    """Frames of a file: 1 of a picture, and None of a video that does not say.

    Raises UsageError for what can't be read, and for a video where PyAV is missing.
    """
    if is_video(path):
        with _video(path) as (_, stream):
            return stream.frames or None
    return frame_count(path)


def read_frames(path: Path) -> Iterator[Frame]:
    """Each frame as it comes, upright. Raises UsageError for what can't be read."""
    if is_video(path):
        return _frames_of_video(path)
    return (Frame(pixels, seconds or USUAL_SECONDS) for pixels, seconds in frames(path))


def write_film(path: Path, film: Iterable[Frame], sound: Path | None = None) -> None:
    """Write a film's frames, all of one size, whole or not at all, in the format that its
    name ends in.

    sound: a video whose sound it gets, if both formats have such.
    """
    if path.suffix.lower() not in ANIMATED:
        _write_video(path, film, sound if sound and is_video(sound) else None)
        return
    milliseconds: list[int] = []
    coming = _noted(film, milliseconds)
    if path.suffix.lower() == ".gif":
        pictures.save_gif(path, coming, 1 / USUAL_SECONDS, milliseconds)
        return
    images = [Image.fromarray(pixels) for pixels in coming]
    how: dict[str, Any] = {"format": "PNG"}
    if path.suffix.lower() == ".webp":
        # Lossy ones have lost their alpha at times, by libwebp 1.6 at least.
        clear = images[0].mode == "RGBA"
        how = {"format": "WEBP", **({"lossless": True} if clear else {"quality": 90})}
    with atomic(path) as file:
        images[0].save(
            file,
            save_all=True,
            append_images=images[1:],
            duration=milliseconds,
            loop=0,
            **how,
        )


def _noted(film: Iterable[Frame], milliseconds: list[int]) -> Iterator[np.ndarray]:
    """The frames' pixels, whose times are appended as they come."""
    for frame in film:
        milliseconds.append(max(10, round(frame.seconds * 1000)))
        yield frame.pixels


@contextlib.contextmanager
def _video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Raises UsageError if PyAV is missing, and for whatever fails inside."""
    av = _pyav(path)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise UsageError(f"{path} has no pictures, only sound")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield container, stream
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read as a video: {_words(error)}") from None


def _pyav(path: Path) -> Any:
    try:
        import av
    except ImportError:
        raise UsageError(
            f"{path} is a video, which takes PyAV: pip install 'rockfall-style[video]'; animated "
            "GIF, WebP and PNG need nothing more"
        ) from None
    return av


def _frames_of_video(path: Path) -> Iterator[Frame]:
    with _video(path) as (container, stream):
        usual = float(1 / stream.average_rate) if stream.average_rate else 1 / 25
        decoded = itertools.chain(container.decode(stream), [None])
        for frame, following in itertools.pairwise(decoded):
            assert frame is not None
            seconds = usual
            if following is not None and following.time is not None and frame.time is not None:
                seconds = max(following.time - frame.time, 1e-3)
            pixels = frame.to_ndarray(format="rgb24")
            yield Frame(np.rot90(pixels, frame.rotation // 90).copy(), seconds)


def _write_video(path: Path, film: Iterable[Frame], sound: Path | None) -> None:
    av = _pyav(path)
    with atomic(path) as file, av.open(file, "w", _container(path)) as container:
        _encode(container, film, sound)


def _container(path: Path) -> str:
    return {".mkv": "matroska", ".mov": "mov"}.get(path.suffix.lower(), "mp4")


def _encode(container: OutputContainer, film: Iterable[Frame], sound: Path | None) -> None:
    import av

    coming = iter(film)
    first = next(coming)
    # H.264 takes even sides; a row or a column at most is left out.
    height, width = (side // 2 * 2 for side in first.pixels.shape[:2])
    stream = container.add_stream(
        "libx264", rate=Fraction(1 / first.seconds).limit_denominator(1001)
    )
    stream.width, stream.height, stream.pix_fmt = max(2, width), max(2, height), "yuv420p"
    stream.options = QUALITY
    stream.codec_context.time_base = Fraction(1, TICKS)
    with contextlib.ExitStack() as stack:
        heard: Any = None
        if sound is not None:
            source = stack.enter_context(av.open(str(sound)))
            if source.streams.audio:
                heard = source, container.add_stream_from_template(source.streams.audio[0])
        now = 0.0
        for pixels, seconds in itertools.chain([first], coming):
            frame = av.VideoFrame.from_ndarray(_on_white(pixels)[:height, :width], "rgb24")
            frame.pts, frame.time_base = round(now * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
            now += seconds
        container.mux(stream.encode(None))
        if heard is not None:
            source, track = heard
            for packet in source.demux(source.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = track
                    container.mux(packet)


def _on_white(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[-1] == 3:
        return np.ascontiguousarray(pixels)
    return np.asarray(pictures.on_white(Image.fromarray(pixels)))


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
