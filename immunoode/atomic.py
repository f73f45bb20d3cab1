"""Files written whole or not at all: beside their place, flushed to the disk, then moved.

Whoever reads a path sees the old file or the new one, whatever stops the writer: an error, a full disk, Ctrl-C, the end of the
process. What a killed process leaves beside it ends in `.part`, belongs to nobody and may be removed.
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
"""How the name of a file ends that is not finished."""
_SHOWN = 40
"""Characters of the final name in the name of a part: names may have 255 bytes."""


def write_whole(path: str | Path, content: str | bytes, *, overwrite: bool = False) -> Path:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : str or Path
        Through a symbolic link, the file that it names is written.
    content : str or bytes
        Text is written as UTF-8, its line ends as they are.
    overwrite : bool
        Replace a file that is there, which keeps its permissions.

    Returns
    -------
    Path
        As it was given.

    Raises
    ------
    FileError
        If the file is there and is not to be replaced, its folder is not, or it cannot be written.

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
    """Give the path of a part to be written; at the end of the block it becomes the file, after an error it is removed.

    Raises
    ------
    FileError
        As `write_whole`.
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
            part.unlink()  # of a part that became the file nothing is left


@contextmanager
def whole_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give the path of a folder to be made; at the end of the block it becomes `path`, after an error it is removed.

    One that is there is removed first where `overwrite` says so: between the two there may be none.

    Raises
    ------
    FileError
        As `write_whole`.
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
    """Flush a folder's files to the disk and give it its name, which nothing has yet.

    Raises
    ------
    FileError
        If something has it.
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
    """Write files that belong together into a folder, which is made; the last one names the others.

    All are on the disk before the first is moved, and the last one goes first and comes last: a folder that has it has the
    others that belong to it, the old ones or the new.

    Returns
    -------
    Path
        Of the last file.

    Raises
    ------
    FileError
        As `write_whole`; then nothing is changed.
    """
    folder = Path(folder)
    with _reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in contents]
    for path in paths:
        _place(path, overwrite)
    with ExitStack() as moved:
        for path, content in reversed(list(zip(paths, contents.values(), strict=True))):  # the last is left last
            part = moved.enter_context(whole_file(path, overwrite=overwrite))
            with _reported(path):
                part.write_bytes(content.encode() if isinstance(content, str) else content)
                _flush(part)
        with _reported(folder):
            Path(os.path.realpath(paths[-1])).unlink(missing_ok=True)
    return paths[-1]


def free_place(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise where a file could not be written, before the work that makes it is done.

    Raises
    ------
    FileError
        If the file is there and is not to be replaced, or its folder is not there.
    """
    with _reported(path):
        _place(path, overwrite)


def _place(path: str | Path, overwrite: bool) -> Path:
    """Return where a file really lies, after any links."""
    if "\0" in str(path):
        raise FileError(Problem(repr(str(path)), "has a null character", "a name without"))
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileError(Problem(str(path), "is in a folder that is not there", f"make the folder {str(target.parent)!r} first"))
    if target.is_dir():
        raise FileError(Problem(str(path), "is a folder", "the name of a file in it"))
    if target.exists() and not target.is_file():
        raise FileError(Problem(str(path), "is no regular file", "another name"))
    if target.exists() and not overwrite:
        raise _is_there(path)
    if target.exists() and not os.access(target, os.W_OK):
        raise FileError(Problem(str(path), "may only be read", "permission to write it, or another name"))
    return target


def _is_there(path: str | Path) -> FileError:
    return FileError(Problem(str(path), "is there already", "overwrite=True replaces it; or another name"))


def _part(target: Path) -> Path:
    """Make an empty file beside the target that is nobody else's, with the permissions that it will have."""
    part = target.with_name(f".{target.name[:_SHOWN]}.{secrets.token_hex(8)}{PART}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    if target.exists():
        os.chmod(part, stat.S_IMODE(target.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)
    return part


def _flush(part: Path) -> None:
    """Wait until a file is on the disk: a name may outlive a loss of power that its content does not."""
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
        with suppress(OSError):  # not every file system has it
            os.fsync(opened)
        os.close(opened)


def _move_to_free(part: Path, target: Path) -> None:
    """Move a part to a name that nothing has, not even since it was begun."""
    try:
        os.link(part, target)  # of two writers one gets the name
    except FileExistsError:
        raise _is_there(target) from None
    except OSError:  # a file system without links
        if target.exists():
            raise _is_there(target) from None
        os.replace(part, target)


@contextmanager
def _reported(path: str | Path) -> Iterator[None]:
    """Turn an error of the system into one of the package."""
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise FileError(Problem(str(path), what, "free space and permission to write; what was there is unchanged")) from error
