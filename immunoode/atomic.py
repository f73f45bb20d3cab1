"""Files written completely or not at all: beside their final path, flushed to the disk, then moved.

A reader of the path sees either the old file or the new one, even if the writer is stopped by an error, a full disk, Ctrl-C or
the end of the process. Files that a killed process leaves behind end in `.part` and may be removed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from immunoode.errors import FileError, Problem

PART = ".part"
"""Ending of the name of an unfinished file."""
_SHOWN = 40
"""Number of characters of the final name in the name of a part, because names are limited to 255 bytes."""


def write_whole(path: str | Path, content: str | bytes, *, overwrite: bool = False) -> Path:
    """Write a file completely or not at all.

    Parameters
    ----------
    path : str or Path
        If it is a symbolic link, the file to which it points is written.
    content : str or bytes
        Text is written as UTF-8, with unchanged line endings.
    overwrite : bool
        Replace an existing file, whose permissions are kept.

    Returns
    -------
    Path
        The path as given.

    Raises
    ------
    FileError
        If the file exists and must not be replaced, its folder does not exist, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = write_whole(Path(tempfile.mkdtemp()) / "model.xml", "<sbml/>")
    >>> path.read_text()
    '<sbml/>'
    """
    with whole_file(path, overwrite=overwrite) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(path)


@contextmanager
def whole_file(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give the path of a part to be written; at the end of the block it becomes the file, or is removed after an error.

    Raises
    ------
    FileError
        As for `write_whole`.
    """
    with _reported(path):
        target = _place(path, overwrite)
        part = _part(target)
    try:
        with _reported(path):
            yield part
            _flush(part)
            _move(part, target, overwrite)
    finally:
        with suppress(OSError):
            part.unlink()  # nothing is left of a part that became the file


@contextmanager
def whole_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give the path of a folder to be made; at the end of the block it becomes `path`, or is removed after an error.

    An existing folder is removed first if `overwrite` is True, so that for a moment there may be none.

    Raises
    ------
    FileError
        As for `write_whole`.
    """
    target = Path(path)
    part = target.with_name(f".{target.name[:_SHOWN]}.{secrets.token_hex(8)}{PART}")
    try:
        with _reported(path):
            yield part
            if overwrite:
                shutil.rmtree(target, ignore_errors=True)
        move_folder(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def move_folder(part: Path, target: Path) -> None:
    """Flush the files of a folder to the disk, and rename it to a name that does not exist yet.

    Raises
    ------
    FileError
        If the name exists.
    """
    with _reported(target):
        for path in part.rglob("*"):
            if path.is_file():
                _flush(path)
        if target.exists():
            raise _is_there(target)
        os.rename(part, target)
        _flush_folder(target.parent)


def write_together(folder: str | Path, contents: Mapping[str, str | bytes], *, overwrite: bool = False) -> Path:
    """Write files that belong together into a folder, which is created; the last file refers to the others.

    All are on the disk before the first is moved. The last file is removed first and moved last, so that a folder that has it
    also has the files that belong to it, old or new.

    Returns
    -------
    Path
        The path of the last file.

    Raises
    ------
    FileError
        As for `write_whole`; nothing is changed then.
    """
    folder = Path(folder)
    with _reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in contents]
    for path in paths:
        _place(path, overwrite)
    with ExitStack() as moved:
        for path, content in reversed(list(zip(paths, contents.values(), strict=True))):  # the last file comes last
            part = moved.enter_context(whole_file(path, overwrite=overwrite))
            with _reported(path):
                part.write_bytes(content.encode() if isinstance(content, str) else content)
                _flush(part)
        with _reported(folder):
            Path(os.path.realpath(paths[-1])).unlink(missing_ok=True)
    return paths[-1]


def free_place(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise an error if a file could not be written, before its content is computed.

    Raises
    ------
    FileError
        If the file exists and must not be replaced, or its folder does not exist.
    """
    with _reported(path):
        _place(path, overwrite)


def _place(path: str | Path, overwrite: bool) -> Path:
    """Return the real path of a file, after following links."""
    if "\0" in str(path):
        raise FileError(Problem(repr(str(path)), "has a null character", "a name without"))
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileError(
            Problem(str(path), "is in a folder that does not exist", f"make the folder {str(target.parent)!r} first")
        )
    if target.is_dir():
        raise FileError(Problem(str(path), "is a folder", "the name of a file in it"))
    if target.exists() and not target.is_file():
        raise FileError(Problem(str(path), "is not a regular file", "another name"))
    if target.exists() and not overwrite:
        raise _is_there(path)
    if target.exists() and not os.access(target, os.W_OK):
        raise FileError(Problem(str(path), "is read-only", "permission to write it, or another name"))
    return target


def _is_there(path: str | Path) -> FileError:
    return FileError(Problem(str(path), "already exists", "overwrite=True replaces it; or another name"))


def _part(target: Path) -> Path:
    """Create a unique empty file in the folder of the target, with the permissions that the target will have."""
    part = target.with_name(f".{target.name[:_SHOWN]}.{secrets.token_hex(8)}{PART}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    if target.exists():
        os.chmod(part, stat.S_IMODE(target.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)
    return part


def _flush(part: Path) -> None:
    """Wait until a file is on the disk, because after a power failure its name could remain without its content."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _move(part: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        os.replace(part, target)
    else:
        _move_to_free(part, target)
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        opened = os.open(folder, os.O_RDONLY)
        with suppress(OSError):  # not every file system supports it
            os.fsync(opened)
        os.close(opened)


def _move_to_free(part: Path, target: Path) -> None:
    """Move a part to a name that does not exist, not even since the part was begun."""
    try:
        os.link(part, target)  # only one of two writers gets the name
    except FileExistsError:
        raise _is_there(target) from None
    except OSError:  # a file system without links
        if target.exists():
            raise _is_there(target) from None
        os.replace(part, target)


@contextmanager
def _reported(path: str | Path) -> Iterator[None]:
    """Convert an error of the operating system into one of the package."""
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise FileError(
            Problem(str(path), what, "free space and permission to write; the existing file is unchanged")
        ) from error
