"""The command line as a whole: the commands, and how each way of ending becomes a message and an exit status."""

from __future__ import annotations

import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from immunoode.command_line import (
    check,
    cite,
    demo,
    doctor,
    endpoints,
    exit_status,
    fit,
    models,
    population,
    regimens,
    report,
    run_configuration,
    simulate,
    warm,
)
from immunoode.command_line.command import Command
from immunoode.command_line.configuration import check_inputs, check_outputs, saved
from immunoode.command_line.messages import for_the_command_line
from immunoode.command_line.parser import ConfigurationFile, Parser
from immunoode.command_line.shell_completion import answer_shell
from immunoode.errors import ImmunoodeError

DESCRIPTION = "ODE models of cancer immunotherapy: compose, simulate, fit and compare."
_WIDTH = 78
EPILOGUE = """exit status: 0 done; 1 the answer is no (problems found, a fit that did not converge); 2 something given cannot be
used, and a message says what; 130 stopped by Ctrl-C. Results go to standard output or to files, all else to standard error.

`immunoode COMMAND --help` explains a command and shows examples."""


def commands() -> tuple[Command, ...]:
    """Return the commands in the order in which help lists them."""
    return (
        demo.COMMAND,
        models.COMMAND,
        regimens.COMMAND,
        simulate.COMMAND,
        fit.COMMAND,
        population.COMMAND,
        endpoints.COMMAND,
        report.COMMAND,
        run_configuration.COMMAND,
        check.COMMAND,
        cite.COMMAND,
        doctor.COMMAND,
        warm.COMMAND,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those that the program was started with.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    _write_utf8()
    with _plain_warnings():
        return _ended(lambda: _run(given), traceback="--traceback" in given)


def _run(arguments: Sequence[str]) -> int:
    """Run a command by its arguments, and let its errors pass; save its configuration if requested."""
    parsers = dict[str, Parser]()
    parser = command_line(parsers)
    answer_shell(parser, parsers.values())
    given = parser.parse_all(arguments)
    given.run_arguments, given.command_parsers = _run, parsers
    check_inputs(given)
    check_outputs(given)
    try:
        status = int(given.run(given))
    except ImmunoodeError as error:
        raise for_the_command_line(error, given.parser.option_names()) from None
    if getattr(given, "save_config", None):
        saved(given)
    return status


def command_line(parsers: dict[str, Parser]) -> Parser:
    """Return the parser of all commands, and put those of the single commands into `parsers`."""
    parser = Parser(prog="immunoode", description=DESCRIPTION, epilog=EPILOGUE)
    parser.add_argument("--version", action="version", version=_version())
    _add_commands(parser, commands(), parsers)
    return parser


def _version() -> str:
    from immunoode.command_line.package_version import package_version

    return f"immunoode {package_version()}"


def _add_commands(parser: Parser, listed: Sequence[Command], parsers: dict[str, Parser], before: str = "") -> None:
    added = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands", parser_class=Parser)
    for one in listed:
        path = f"{before} {one.name}".strip()
        own = added.add_parser(one.name, help=one.summary, description=_filled(one.description), epilog=_examples(one))
        if one.commands:
            _add_commands(own, one.commands, parsers, path)
            continue
        one.add_options(own)
        _add_common(own)
        own.set_defaults(run=one.run, parser=own, path=path)
        parsers[path] = own


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _WIDTH)


def _examples(command: Command) -> str:
    lines = [f"  immunoode {example}" for example in command.examples]
    return "\n".join([f"example{'s' if len(lines) > 1 else ''}:", *lines]) if lines else ""


def _add_common(parser: Parser) -> None:
    group = parser.add_argument_group("options of every command")
    group.add_argument(
        "--save-config",
        metavar="FILE.toml",
        type=ConfigurationFile,
        help="write what was run, with versions and digests of the input files; `immunoode run FILE.toml` repeats it",
    )
    group.add_argument("--traceback", action="store_true", help="show where in the code an error arose")


def _ended(work: Callable[[], int], traceback: bool) -> int:
    """Return the exit status of some work; its errors become messages."""
    try:
        try:
            return work()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _leave_pipe()
        return exit_status.BROKEN_PIPE
    except KeyboardInterrupt:
        return _said("stopped", exit_status.INTERRUPTED, traceback)
    except ImmunoodeError as error:
        return _said(str(error), exit_status.UNUSABLE, traceback)
    except OSError as error:
        return _said(f"{error.filename or 'standard output'}: {error.strerror or error}", exit_status.UNUSABLE, traceback)
    except ImportError as error:
        return _said(_not_installed(error), exit_status.UNUSABLE, traceback)
    except Exception as error:
        text = f"internal error: {type(error).__name__}: {error}\nThis is a fault of the package. Please report it with what"
        return _said(f"{text} the same command writes with --traceback.", exit_status.INTERNAL, traceback)


def _said(text: str, status: int, traceback: bool) -> int:
    if traceback:
        import traceback as module

        module.print_exc()
    with suppress(BrokenPipeError):
        print(f"immunoode: {text}", file=sys.stderr)
    return status


def _not_installed(error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{error.name}: is not installed; pip install {error.name.split('.')[0]}"
    return str(error)


def _leave_pipe() -> None:
    """Keep Python from flushing what nobody reads, which would end in a second error."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_utf8() -> None:
    """Write tables as UTF-8 on every system: subjects and paths may have any letters."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings as lines of text, without the place in the code."""

    def show(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        print(f"immunoode: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        for category in (UserWarning, RuntimeWarning):
            warnings.simplefilter("default", category)
        warnings.showwarning = show
        yield
