"""Checks of the arguments that several forms take."""


def check_num_envs(num_envs: int) -> int:
    """Return ``num_envs``, or raise a ``ValueError`` where it is not at least 1."""
    if num_envs < 1:
        raise ValueError(f"num_envs={num_envs!r} is not allowed: it must be at least 1")
    return num_envs


def check_render_mode(render_mode: str | None, allowed: list[str]) -> str | None:
    """Return ``render_mode``, or raise a ``ValueError`` where it is not one of ``allowed``."""
    if render_mode is not None and render_mode not in allowed:
        raise ValueError(f"render_mode={render_mode!r} is not allowed: it must be in {allowed}")
    return render_mode
