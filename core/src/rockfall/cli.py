"""The command line: finds the verb, runs it, and turns errors into one line and an exit code.

Verbs are registered like everything else and imported only when they are used, so that `--help`
and `list` answer at once.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from types import TracebackType
from typing import Any, NoReturn

import click

from rockfall.errors import PluginError, RockfallError, UnknownName, is_out_of_memory
from rockfall.kit.blame import explained, place
from rockfall.kit.console import say
from rockfall.kit.escaping import printable
from rockfall.registry import registry

_format_as_python_does = warnings.formatwarning


class Verbs(click.Group):
    """The registered commands, as a lazy click group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return registry().commands.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        spec = registry().commands.find(cmd_name).spec
        command = spec.load()
        if not isinstance(command, click.Command):
            raise PluginError(f"{spec.whose}: {spec.target} is no click.Command")
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from rockfall.pages.overview import print_help

        print_help()


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"rockfall-core {version('rockfall-core')}")
        ctx.exit()


@click.command(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version)
@click.option("--traceback", is_flag=True, help="show where an error came from")
@click.pass_context
def rockfall(ctx: click.Context, traceback: bool) -> None:
    """Train, watch and compare models that learn to play, see and draw."""
    if ctx.invoked_subcommand is None:
        from rockfall.pages.overview import print_overview

        print_overview()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    _prepare_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    # --traceback counts wherever it is typed.
    shown = "--traceback" in arguments or bool(os.environ.get("ROCKFALL_TRACEBACK"))
    if shown:
        sys.excepthook = _show_traceback
    arguments = [argument for argument in arguments if argument != "--traceback"]
    sys.exit(_run(arguments, shown))


def _run(arguments: list[str], traceback: bool) -> int:
    from rockfall.kit.trust import only_typed

    try:
        with only_typed(arguments):
            code: Any = rockfall.main(arguments, prog_name="rockfall", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _say("stopped", 130)
    except BrokenPipeError:  # `rockfall list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SystemExit:
        raise
    except BaseException as error:  # a plugin may raise one of its own
        if traceback:
            raise
        return _say(*_explained(error))


def _explained(error: BaseException) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    match error:
        case click.ClickException():
            return error.format_message(), error.exit_code
        case UnknownName():
            return _with_path_to_plugins(str(error)), error.exit_code
        case RockfallError():
            return str(error), error.exit_code
        case OSError(strerror=str(reason)):
            return f"{error.filename or 'output'}: {reason}{place(error)}", 1
    if is_out_of_memory(error):
        return "out of memory: take smaller pictures, batches or networks", 1
    return f"{explained(error)} (--traceback shows where)", 1


def _with_path_to_plugins(message: str) -> str:
    failed = [plugin for plugin in registry().plugins if plugin.error]
    return message + ("; a plugin failed to load: `rockfall plugins`" if failed else "")


def _say(message: str, code: int) -> int:
    """One line, whatever the message, for it may quote what a user or a library wrote."""
    with contextlib.suppress(OSError):  # its terminal was closed
        say(f"rockfall: {' '.join(message.split())}", err=True)
    return code


def _show_traceback(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:
    """As Python does, but what an error quotes can't act on the terminal."""
    import traceback

    say("".join(traceback.format_exception(kind, error, where)).rstrip(), err=True)


def _format_warning(*about: Any, **more: Any) -> str:
    return printable(_format_as_python_does(*about, **more))


def _prepare_streams() -> None:
    """A closed stream is one that nobody reads; letters that a terminal lacks become `?`; and what
    a warning quotes can't act on the terminal.
    """
    warnings.formatwarning = _format_warning
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
