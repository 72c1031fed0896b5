"""One module a view: its asks and what answers them. Each imports what is slow where it is used."""

from importlib import import_module

NAMES = ("home", "see", "build", "train", "imagine", "style", "play")


def load() -> None:
    """Import every view, which registers its answers."""
    for name in NAMES:
        import_module(f"{__name__}.{name}")
