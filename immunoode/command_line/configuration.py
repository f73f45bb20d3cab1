"""Configurations: a TOML file with the command that was run, from which the same command line is reconstructed."""

from __future__ import annotations

import argparse
import hashlib
import platform
import tomllib
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from immunoode.command_line.parser import CommandError, InputFile, OutputFile, Parser
from immunoode.errors import Problem, nearest
from immunoode.number_checks import is_number
from immunoode.suggestions import meant

STANDARD = "-"
"""Standard input or output instead of a file."""
_TABLES = ("command", "versions", "options", "inputs")
_LEFT_OUT = ("save_config", "traceback")
_VERSIONS = ("immunoode", "numpy", "scipy", "numba")


def saved(given: Namespace) -> None:
    """Write the configuration of a command that was run.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    from immunoode.atomic import write_whole

    text = configuration_text(given)
    if given.save_config == STANDARD:
        print(text, end="")
    else:
        write_whole(given.save_config, text, overwrite=True)


def configuration_text(given: Namespace) -> str:
    """Return the configuration of a command as TOML."""
    import tomli_w

    document = {
        "command": given.path,
        "versions": _versions(),
        "options": dict(_options(given)),
        "inputs": {str(path): _digest(path) for path in inputs(given)},
    }
    head = f"# What `immunoode {given.path}` was run with. To run it again: immunoode run THIS_FILE\n"
    return head + tomli_w.dumps({name: table for name, table in document.items() if table})


def _options(given: Namespace) -> Iterator[tuple[str, Any]]:
    for name in given.parser.named_actions():
        value = getattr(given, name, None)
        if name not in _LEFT_OUT and value is not None and value != []:
            yield name, _plain(value)


def _plain(value: Any) -> Any:
    """Return a value without the types that mark files."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from immunoode.command_line.package_version import package_version

    others = {name: version(name) for name in _VERSIONS[1:]}
    return {"immunoode": package_version(), "python": platform.python_version(), **others}


def inputs(given: Namespace) -> list[Path]:
    """Return the files among the arguments that a command reads."""
    return [Path(one) for one in _all_values(given) if isinstance(one, InputFile) and one != STANDARD and Path(one).is_file()]


def check_inputs(given: Namespace) -> None:
    """Refuse files to be read that do not exist, all at once and for all commands alike, before anything is computed.

    Raises
    ------
    CommandError
    """
    named = (one for one in _all_values(given) if isinstance(one, InputFile) and one != STANDARD)
    absent = dict.fromkeys(one for one in named if not Path(one).exists())
    CommandError.raise_if(Problem(one, "does not exist", _existing(Path(one))) for one in absent)


def _existing(absent: Path) -> str:
    """Return which file may be meant: a similar name in the same folder."""
    folder = absent.parent
    if not folder.is_dir():
        return f"the path of a file; {str(folder)!r} is not a folder"
    alike = meant(absent.name, sorted(one.name for one in folder.iterdir()))
    return f"did you mean {str(folder / alike[0])!r}?" if alike else "the path of a file that exists"


def _all_values(given: Namespace) -> Iterator[Any]:
    for value in vars(given).values():
        yield from value if isinstance(value, list) else (value,)


def _digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def check_outputs(given: Namespace) -> None:
    """Refuse outputs that could not be written, or that would replace an input, before anything is computed.

    Raises
    ------
    FileError, CommandError
    """
    from immunoode.atomic import free_place

    read = {path.resolve() for path in inputs(given)}
    outputs = [one for one in _all_values(given) if isinstance(one, OutputFile) and one != STANDARD]
    for one in outputs:
        free_place(one, overwrite=True)
        if Path(one).resolve() in read:
            raise CommandError(Problem(one, "is a file that the command reads", "another name for what it writes"))
    twice = sorted({one for one in outputs if [Path(o).resolve() for o in outputs].count(Path(one).resolve()) > 1})
    CommandError.raise_if(Problem(one, "is stated as the place of several outputs", "a name for each") for one in twice)
    wrong = [one for one in outputs if one.endings and not one.lower().endswith(one.endings)]
    CommandError.raise_if(Problem(one, f"does not end in {one.endings[0]}", f"results{one.endings[0]}") for one in wrong)


def read_configuration(path: str) -> dict[str, Any]:
    """Return the tables of a configuration file.

    Raises
    ------
    CommandError
        If it cannot be read, with everything that is wrong.
    """
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CommandError(Problem(path, f"cannot be read ({error.strerror})", "the path of a configuration file")) from None
    except ValueError as error:
        raise CommandError(Problem(path, f"is not TOML ({error})", "a file that --save-config wrote")) from None
    problems = [Problem(f"{path}: {key}", "is not known", nearest(key, _TABLES)) for key in document if key not in _TABLES]
    if not isinstance(document.get("command"), str):
        problems.append(Problem(path, "names no command", 'a line such as command = "simulate"'))
    for key in _TABLES[1:]:
        if not isinstance(document.get(key, {}), dict):
            problems.append(Problem(f"{path}: {key}", "is not a table", f"lines under [{key}]"))
    CommandError.raise_if(problems)
    return document


def differences(document: Mapping[str, Any]) -> list[str]:
    """Return a description of the differences between this installation and the one that saved a configuration."""
    from immunoode.command_line.package_version import package_version

    own = package_version()
    stated = document.get("versions", {}).get("immunoode", own)
    found = [f"was saved by immunoode {stated}, and this is {own}"] if stated != own else []
    for name, digest in document.get("inputs", {}).items():
        if not Path(name).is_file():
            found.append(f"{name} is not there (paths are relative to the folder in which the command is run)")
        elif _digest(Path(name)) != digest:
            found.append(f"{name} has changed since the configuration was saved")
    return found


def arguments_of(document: Mapping[str, Any], parser: Parser, path: str) -> list[str]:
    """Return the arguments of a configuration's command.

    Parameters
    ----------
    document : mapping
    parser : Parser
        That of the command.
    path : str
        The file, for messages.

    Raises
    ------
    CommandError
        With every option that the command does not have, or whose value cannot be used.
    """
    actions, problems = parser.named_actions(), list[Problem]()
    options, positional = list[str](), list[str]()
    for key, value in document.get("options", {}).items():
        action = actions.get(key.replace("-", "_"))
        if action is None or action.dest in _LEFT_OUT:
            known = [name for name in actions if name not in _LEFT_OUT]
            problems.append(Problem(f"{path}: options.{key}", "is not an option of the command", nearest(key, known)))
        elif not _is_usable(action, value):
            right = "true or false" if _is_flag(action) else "text in quotes, a number, or a list of them"
            problems.append(Problem(f"{path}: options.{key}", f"is {value!r}", right))
        elif action.option_strings:
            options += _option(action, value)
        else:
            positional += list(map(str, value)) if isinstance(value, list) else [str(value)]
    CommandError.raise_if(problems)
    return [*options, *(["--", *positional] if positional else [])]


def _is_flag(action: argparse.Action) -> bool:
    return action.nargs == 0


def _is_usable(action: argparse.Action, value: Any) -> bool:
    if _is_flag(action):
        return isinstance(value, bool)
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    return all(isinstance(one, str) or is_number(one) for one in values)


def _option(action: argparse.Action, value: Any) -> list[str]:
    name = action.option_strings[-1]
    if _is_flag(action):
        return [name] if value else []
    return [f"{name}={one}" for one in (value if isinstance(value, list) else [value])]
