"""The window of ``render_mode="human"``, the one place that needs a display."""

import numpy as np
from numpy.typing import NDArray


class Window:
    """A window, opened by the first frame.

    Args:
        title: the text of its title bar.
        fps: frames a second, at most.

    Raises:
        ImportError: when pygame is not installed.
    """

    def __init__(self, title: str, fps: int) -> None:
        try:
            import pygame
        except ImportError as error:
            raise ImportError(
                'render_mode="human" needs pygame: pip install "drifting-rocks[human]"'
            ) from error
        self._pygame = pygame
        self._title = title
        self._fps = fps
        self._clock = pygame.time.Clock()

    def show(self, frame: NDArray[np.uint8]) -> None:
        """Show a frame of shape ``(height, width, 3)``, and wait as the frame rate asks."""
        pygame = self._pygame
        if pygame.display.get_surface() is None:  # pygame may already be in use
            pygame.display.init()
            pygame.display.set_caption(self._title)
            pygame.display.set_mode((frame.shape[1], frame.shape[0]))
        surface = pygame.surfarray.make_surface(frame.swapaxes(0, 1))
        pygame.display.get_surface().blit(surface, (0, 0))
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(self._fps)

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()
