"""The cache of compiled kernels on disk, with one file per kernel, kind of arguments and processor.

The name of a file contains a digest of everything on which its code depends, and its contents begin with a digest of
themselves. A kernel is compiled again if its file is damaged, or was made from other sources, by other versions or for another
processor.
"""

from __future__ import annotations

import os
import platform
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import llvmlite

from immunoode.solve.integrator.compile_message import announce
from immunoode.solve.integrator.machine_code import MachineCode, machine_code, processor

SHIPPED = Path(__file__).with_name("intermediate_code")
"""Intermediate code that was installed with the package, if any: it is valid for every processor of a system."""
SHIP_TO = "IMMUNOODE_INTERMEDIATE_CODE"
"""The variable of the environment that names a folder for intermediate code, when the package is built."""
compiled: list[str] = []
loaded: list[str] = []
"""The kernels that this process compiled, and those that it took from the cache."""
_DIGEST = 32
_PACKAGE = Path(__file__).parents[2]


def load(function: Callable[..., Any], kinds: tuple[Any, ...]) -> MachineCode:
    """Return a kernel for some kinds of arguments: loaded if possible, otherwise compiled and stored."""
    name = f"{_name(function, kinds)}-{_target()}.kernel"
    found = _stored(name)
    if found is None:
        folder = writable_folder()
        with _alone(folder):
            found = _stored(name)  # another process may have stored it meanwhile
            if found is None:
                compiled.append(function.__qualname__)
                return _compiled(function, kinds, folder, name)
    loaded.append(function.__qualname__)
    return found


def _stored(name: str) -> MachineCode | None:
    for folder in folders():
        data = _read(folder / name)
        if data is not None:
            with suppress(Exception):  # whole, but not what this version can use
                return MachineCode(data)
    return None


def _compiled(function: Callable[..., Any], kinds: tuple[Any, ...], folder: Path | None, name: str) -> MachineCode:
    shipped = _shipped(function, kinds)
    announce(function.__qualname__, folder is not None, shipped is not None)
    data = shipped or machine_code(_intermediate_code(function, kinds))
    if folder is not None:
        with suppress(OSError):
            _write(folder / name, data)
            _remove_others(folder, name)
    return MachineCode(data)


def _shipped(function: Callable[..., Any], kinds: tuple[Any, ...]) -> bytes | None:
    """Return machine code made from the intermediate code that was installed with the package, if LLVM can read it."""
    data = _read(SHIPPED / _shipped_name(function, kinds))
    if data is not None:
        with suppress(Exception):
            return machine_code(zlib.decompress(data))
    return None


def _intermediate_code(function: Callable[..., Any], kinds: tuple[Any, ...]) -> bytes:
    from immunoode.solve.integrator.linking import intermediate_code

    found = intermediate_code(function, kinds)
    folder = os.environ.get(SHIP_TO)
    if folder:
        _write(Path(folder) / _shipped_name(function, kinds), zlib.compress(found, 9))
    return found


def _shipped_name(function: Callable[..., Any], kinds: tuple[Any, ...]) -> str:
    return f"{_name(function, kinds)}-{processor()[0]}.code"


def _remove_others(folder: Path, name: str) -> None:
    """Remove files of a kernel that were made from other sources."""
    kernel, kinds, _, target = name.split("-", 3)
    for other in folder.glob(f"{kernel}-{kinds}-*-{target}"):
        if other.name != name:
            _remove(other)


def folders() -> tuple[Path, ...]:
    """Return the folders in which kernels are searched: that of NUMBA_CACHE_DIR if it is set.

    Otherwise the folder of the sources, then the user's cache.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return (Path(named) / "immunoode",)
    beside = Path(__file__).parent / "__pycache__"
    home = _users_cache()
    return (beside, home) if home else (beside,)


def _users_cache() -> Path | None:
    """Return the folder of this installation in the user's cache; None if the user has no home folder."""
    installation = sha256(str(_PACKAGE).encode()).hexdigest()[:16]
    with suppress(RuntimeError):
        if os.name == "nt":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif platform.system() == "Darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return base / "immunoode" / installation
    return None


def writable_folder() -> Path | None:
    """Return the first folder of the cache that is writable; None if none is."""
    return next(filter(_can_be_written, folders()), None)


def _name(function: Callable[..., Any], kinds: tuple[Any, ...]) -> str:
    file = Path(function.__code__.co_filename)
    return f"{file.stem}.{function.__qualname__}-{_digest(repr(kinds))}-{_sources(file)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


@cache
def _target() -> str:
    """Return a digest of the processor for which machine code is made, and of the compiler."""
    from importlib.metadata import version

    return _digest(repr((processor(), version("numba"), llvmlite.__version__, platform.python_version())))


@cache
def _sources(file: Path) -> str:
    """Return a digest of a file and of the modules that it imports from `solve/`.

    A kernel is valid as long as none of them changes.
    """
    found, waiting = dict[Path, bytes](), [file, Path(__file__).with_name("linking.py")]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = path.read_bytes()
            waiting += [other for name in _imported(found[path].decode()) if (other := _module(name)).is_file()]
    named = sorted((path.name, content) for path, content in found.items())
    return sha256(b"\0".join(part for name, content in named for part in (name.encode(), content))).hexdigest()[:16]


def _module(name: str) -> Path:
    return _PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")


def _imported(text: str) -> list[str]:
    """Return the modules of `solve/` that a module imports, including imports inside functions."""
    within = re.findall(r"^ *from (immunoode\.solve(?:\.\w+)*) import ([\w, ]+)$", text, re.M)
    parts = [f"{folder}.{name.split()[0]}" for folder, listed in within for name in listed.split(", ")]
    return [folder for folder, _ in within] + parts + re.findall(r"^ *from (immunoode\.solve[\w.]*) import \($", text, re.M)


@contextmanager
def _alone(folder: Path | None) -> Iterator[None]:
    """Wait until no other process compiles for a folder, if the system has file locks, so that its results can be reused."""
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            import fcntl

            lock = stack.enter_context(open((folder or Path(os.devnull)) / "compiling.lock", "ab"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> bytes | None:
    """Return the contents of a file of the cache; None if it does not exist or is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST], content[_DIGEST:]
    return data if sha256(data).digest() == digest else None


def _write(path: Path, data: bytes) -> None:
    """Write a file of the cache under a temporary name and move it, so that other processes never see an incomplete file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{uuid4().hex[:16]}")
    try:
        part.write_bytes(sha256(data).digest() + data)
        os.replace(part, path)
    except BaseException:
        _remove(part)
        raise


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
