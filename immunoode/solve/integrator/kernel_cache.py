"""The cache of compiled kernels on disk: a file per kernel, kind of arguments and processor, good or not there.

Numba's own cache would keep a stale kernel when a function that it calls changes in another file, raises where a file is
damaged, does not use a folder that it cannot write, and lets processes on two kinds of processor that share a folder take each
other's code. Here the name of a file holds a digest of all that its code depends on, and its contents begin with their digest.
"""

from __future__ import annotations

import os
import pickle
import platform
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import llvmlite
import numba
from numba.core.caching import UserWideCacheLocator, _Cache, _CacheLocator
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.serialize import dumps

_DIGEST = 32
_PACKAGE = Path(__file__).parents[2]


class KernelCache(_Cache):
    """The cache of one kernel, as a Numba dispatcher asks for it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._file = Path(function.__code__.co_filename)
        self._kernel = f"{self._file.stem}.{function.__qualname__}"

    @property
    def cache_path(self) -> str:
        """The first folder that is looked into."""
        return str(self._folders[0])

    def enable(self) -> None:
        """Do nothing: the cache is always on."""

    def disable(self) -> None:
        """Do nothing: the cache is always on."""

    def flush(self) -> None:
        """Remove what the cache holds of this kernel."""
        for path in self._stored():
            _remove(path)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a compiled kernel; None where none is stored, or what is stored is damaged."""
        target_context.refresh()
        for folder in self._folders:
            data = _read(folder / self._name(sig))
            if data is not None:
                with suppress(Exception):  # whole, but not what this version of Numba can use
                    return CompileResult._rebuild(target_context, *pickle.loads(data))
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store a compiled kernel in the first folder that can be written, in place of what other source files gave."""
        name = self._name(sig)
        for folder in self._folders:
            with suppress(OSError):
                _write(folder / name, dumps(data._reduce()))
                for other in folder.glob(f"{name.rsplit('-', 1)[0]}-*.kernel"):
                    if other.name != name:
                        _remove(other)
                return

    def is_filled(self) -> bool:
        """Whether a kernel of these source files is stored."""
        return any(path.stem.endswith(f"{_target()}-{_sources(self._file)}") for path in self._stored())

    def can_be_written(self) -> bool:
        """Whether one of the folders can be written."""
        return any(_can_be_written(folder) for folder in self._folders)

    @cached_property
    def _folders(self) -> tuple[Path, ...]:
        """What NUMBA_CACHE_DIR says; else the folder beside the kernels, then the user's."""
        if numba.config.CACHE_DIR:
            return (Path(numba.config.CACHE_DIR) / _CacheLocator.get_suitable_cache_subpath(str(self._file)),)
        user = UserWideCacheLocator(self._function, str(self._file)).get_cache_path()
        return self._file.parent / "__pycache__", Path(user)

    def _stored(self) -> Iterator[Path]:
        for folder in self._folders:
            with suppress(OSError):
                yield from folder.glob(f"{self._kernel}-*.kernel")

    def _name(self, sig: Any) -> str:
        return f"{self._kernel}-{_digest(repr(sig))}-{_target()}-{_sources(self._file)}.kernel"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


@cache
def _target() -> str:
    """Return a digest of the processor that machine code is made for, and of what makes it."""
    processor = cpu_target.target_context.codegen().magic_tuple()
    return _digest(repr((processor, numba.__version__, llvmlite.__version__, platform.python_version())))


@cache
def _sources(file: Path) -> str:
    """Return a digest of a file and of what it imports from `solve/`: a kernel is good as long as none of them changed."""
    found, waiting = dict[Path, bytes](), [file]
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
    """Return the modules of `solve/` that a module imports, those inside functions too."""
    within = re.findall(r"^ *from (immunoode\.solve(?:\.\w+)*) import ([\w, ]+)$", text, re.M)
    parts = [f"{folder}.{name.split()[0]}" for folder, listed in within for name in listed.split(", ")]
    return [folder for folder, _ in within] + parts + re.findall(r"^ *from (immunoode\.solve[\w.]*) import \($", text, re.M)


def _read(path: Path) -> bytes | None:
    """Return what a file of the cache holds; None where it is not there, or not whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST], content[_DIGEST:]
    return data if sha256(data).digest() == digest else None


def _write(path: Path, data: bytes) -> None:
    """Write a file of the cache under another name and move it: other processes see all of it or nothing."""
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
