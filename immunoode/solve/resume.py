"""What an unfinished virtual trial has so far: its blocks, each whole or not there, in a folder beside the file to be.

The folder has the name of the file and `.part`. `plan.json` says what is simulated, so that no other trial is gone on with.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.atomic import PART, move_folder, whole_file, whole_folder, write_whole
from immunoode.errors import Problem, SolveError
from immunoode.solve.output_files import Format

if TYPE_CHECKING:
    from immunoode.solve.simulation import Simulation

Ends = dict[str, list[Any]]
"""How each subject of a block ended: "status" in words, "stopped" the day (NaN where it did not)."""
_PLAN, _LOCK = "plan.json", "lock"


@dataclass(frozen=True)
class Unfinished:
    """The folder of a trial of `rows` subjects per block."""

    target: Path
    kind: Format
    rows: tuple[int, ...]

    @property
    def folder(self) -> Path:
        """Where the blocks are."""
        return self.target.with_name(self.target.name + PART)

    def ends(self, block: int) -> Ends | None:
        """Return how the subjects of a block ended; None where the block is not done."""
        path = self._ends(block)
        if not path.is_file() or not self._block(block).exists():
            return None
        ends = json.loads(path.read_text(encoding="utf-8"))
        sound = isinstance(ends, dict) and all(len(ends.get(n, ())) == self.rows[block] for n in ("status", "stopped"))
        return ends if sound else None

    def keep(self, block: int, run: Simulation, ends: Ends) -> None:
        """Keep a block: its time courses, then how it ended, which says that it is done."""
        whole = whole_folder if self.kind.folder else whole_file
        with whole(self._block(block), overwrite=True) as part:
            self.kind.write(run, part)
        write_whole(self._ends(block), json.dumps(ends), overwrite=True)

    @property
    def done(self) -> int:
        """How many blocks are done."""
        return sum(self._ends(k).is_file() for k in range(len(self.rows)))

    @property
    def words(self) -> str:
        """What there is, in words."""
        return f"{self.done} of {len(self.rows)} blocks of an unfinished run are in {str(self.folder)!r}"

    def finish(self) -> None:
        """Make the file of its blocks, and remove these."""
        blocks = [self._block(k) for k in range(len(self.rows))]
        if self.kind.folder:
            whole = self.folder / f"whole{self.kind.suffix}"
            shutil.rmtree(whole, ignore_errors=True)
            self.kind.join(blocks, whole)
            move_folder(whole, self.target)
        else:
            with whole_file(self.target) as part:
                self.kind.join(blocks, part)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _block(self, block: int) -> Path:
        return self.folder / f"block_{block:06d}{self.kind.suffix}"

    def _ends(self, block: int) -> Path:
        return self.folder / f"block_{block:06d}.json"


@contextmanager
def unfinished(work: Unfinished, plan: Mapping[str, str], resume: bool) -> Iterator[None]:
    """Make the folder of a trial, or go on with the one that is there; whatever ends the block early is told what there is.

    Raises
    ------
    SolveError
        If there is an unfinished run and it is not to be gone on with, or is of another trial, or another process is at it.
    """
    _begin(work, plan, resume)
    with _alone(work):
        try:
            yield
        except BaseException as error:
            if work.done:
                error.add_note(f"{work.words}: resume=True goes on from there")
            else:
                shutil.rmtree(work.folder, ignore_errors=True)
            raise


def _begin(work: Unfinished, plan: Mapping[str, str], resume: bool) -> None:
    path = work.folder / _PLAN
    work.folder.mkdir(exist_ok=True)
    if not any(not entry.name.endswith((PART, _LOCK)) for entry in work.folder.iterdir()):
        write_whole(path, json.dumps(plan), overwrite=True)
        return
    if not path.is_file():
        raise SolveError(Problem("path", f"{str(work.folder)!r} is no unfinished run", "remove it, or another name"))
    if not resume:
        raise SolveError(Problem("path", work.words, "resume=True goes on from there; or remove that folder"))
    other = [name for name, known in json.loads(path.read_text(encoding="utf-8")).items() if plan.get(name) != known]
    if other:
        what = f"the unfinished run in {str(work.folder)!r} is of other {', '.join(other)}"
        raise SolveError(Problem("path", what, "the same as before; or remove that folder"))


@contextmanager
def _alone(work: Unfinished) -> Iterator[None]:
    """Let no other process write the same trial at the same time; a lock ends with the process that has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (work.folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SolveError(Problem("path", f"another run is writing {str(work.target)!r}", "another name")) from None
        yield
