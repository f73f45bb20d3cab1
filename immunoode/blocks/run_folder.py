"""The folder of an unfinished run: a manifest of the computation, and the files of the finished blocks.

Its name is that of the final file plus `.part`. A block is finished when its file has its final name, which states its
patients. The manifest contains hashes of everything that the results depend on, which excludes the size of blocks and the
number of workers.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from immunoode.atomic import PART, free_place, move_folder, whole_file, write_whole
from immunoode.blocks.block import Block
from immunoode.blocks.part_file import SUFFIX, read_part, write_part
from immunoode.blocks.storage import Storage, units
from immunoode.errors import Problem, SolveError

if TYPE_CHECKING:
    import xarray as xr

MANIFEST, _LOCK = "manifest.json", "lock"
_NAME = re.compile(rf"patients_(\d+)_(\d+)\{SUFFIX}")


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run of `count` patients whose results go to `target`."""

    target: Path
    storage: Storage
    count: int

    @property
    def path(self) -> Path:
        """The folder of the blocks."""
        return self.target.with_name(self.target.name + PART)

    def finished(self) -> list[Block]:
        """Return the finished blocks in order."""
        names = [_NAME.fullmatch(path.name) for path in self.path.iterdir()] if self.path.is_dir() else []
        return sorted(Block(int(name[1]), int(name[2])) for name in names if name)

    def remove_damaged(self) -> None:
        """Remove the files of blocks that cannot be read, so that these are computed again."""
        for block in self.finished():
            try:
                read_part(self._file(block))
            except ValueError:
                self._file(block).unlink()

    def keep(self, block: Block, data: xr.Dataset) -> None:
        """Store the results of a block, completely or not at all."""
        with whole_file(self._file(block), overwrite=True) as part:
            write_part(data, part)

    def parts(self) -> Iterator[xr.Dataset]:
        """Yield the results of the blocks in order."""
        for block in self.finished():
            yield read_part(self._file(block))

    @property
    def words(self) -> str:
        """The state of the run in words."""
        done = sum(last - first for first, last in self.finished())
        return f"{done} of {self.count} patients of an unfinished run are in {str(self.path)!r}"

    def finish(self) -> None:
        """Write the file from its blocks, and remove these."""
        if self.storage.folder:
            whole = self.path / f"whole{self.target.suffix}"
            shutil.rmtree(whole, ignore_errors=True)
            self.storage.write(units(self.parts()), whole)
            move_folder(whole, self.target)
        else:
            with whole_file(self.target) as part:
                self.storage.write(units(self.parts()), part)
        shutil.rmtree(self.path, ignore_errors=True)

    def _file(self, block: Block) -> Path:
        return self.path / f"patients_{block.first:012d}_{block.last:012d}{SUFFIX}"


@contextmanager
def opened(run: RunFolder, manifest: Mapping[str, str], resume: bool) -> Iterator[None]:
    """Create the folder of a run or continue with an existing one; error messages state what exists.

    Raises
    ------
    SolveError
        If the file exists, if there is an unfinished run that must not be continued or belongs to another call, or if another
        process is writing it.
    """
    _check_place(run)
    _begin(run, manifest, resume)
    with _locked(run):
        run.remove_damaged()
        try:
            yield
        except BaseException as error:
            if run.finished():
                error.add_note(f"{run.words}: resume=True continues from there")
            else:
                shutil.rmtree(run.path, ignore_errors=True)
            raise


def _check_place(run: RunFolder) -> None:
    if run.target.exists():
        also = f"; {run.words}" if run.path.exists() else ""
        raise SolveError(Problem("path", f"{str(run.target)!r} exists{also}", "another name, or remove it first"))
    free_place(run.target)


def _begin(run: RunFolder, manifest: Mapping[str, str], resume: bool) -> None:
    path = run.path / MANIFEST
    run.path.mkdir(exist_ok=True)
    if not any(not entry.name.endswith((PART, _LOCK)) for entry in run.path.iterdir()):
        write_whole(path, json.dumps(manifest, indent=1), overwrite=True)
        return
    if not path.is_file():
        raise SolveError(Problem("path", f"{str(run.path)!r} is not an unfinished run", "remove it, or another name"))
    if not resume:
        raise SolveError(Problem("path", run.words, "resume=True continues from there; or remove that folder"))
    known = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name in {**known, **manifest} if manifest.get(name) != known.get(name)]
    if other:
        what = f"the unfinished run in {str(run.path)!r} has other {', '.join(other)}"
        raise SolveError(Problem("path", what, "the same as before; or remove that folder"))


@contextmanager
def _locked(run: RunFolder) -> Iterator[None]:
    """Prevent other processes from writing the same file at the same time; the lock ends with the process that holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (run.path / _LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SolveError(Problem("path", f"another run is writing {str(run.target)!r}", "another name")) from None
        yield
