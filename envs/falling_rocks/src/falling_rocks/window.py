"""A window that shows pictures, for people who play; the one place that needs a display."""

import numpy as np
from numpy.typing import NDArray


class Window:
    """A window, opened by the first picture.

    Args:
        title: what its bar says.
        fps: pictures a second, at most.

    Raises:
        ImportError: when pygame is not installed.
    """

    def __init__(self, title: str, fps: int) -> None:
        try:
            import pygame
        except ImportError as error:
            raise ImportError(
                'render_mode="human" needs pygame: pip install "falling-rocks[human]"'
            ) from error
        self._pygame = pygame
        self._title = title
        self._fps = fps
        self._clock = pygame.time.Clock()

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture of shape ``(height, width, 3)``, in time with the frame rate."""
        pygame = self._pygame
        if pygame.display.get_surface() is None:  # another game may have begun with pygame
            pygame.display.init()
            pygame.display.set_caption(self._title)
            pygame.display.set_mode((picture.shape[1], picture.shape[0]))
        surface = pygame.surfarray.make_surface(picture.swapaxes(0, 1))
        pygame.display.get_surface().blit(surface, (0, 0))
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(self._fps)

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()
