"""Tables compressed by gzip: unpacked beside nothing of the user's, and no further than a table may be large."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from immunoode.errors import DataError, Problem
from immunoode.tables.text_files import CHUNK, LARGEST


@contextmanager
def decompressed(path: Path) -> Iterator[Path]:
    """Give the path of a table: the file itself, or of "trial.csv.gz" its content as trial.csv in a folder that is removed.

    Raises
    ------
    DataError
        If it is not what gzip writes, or unpacks to more bytes than a table may have.
    """
    if path.suffix.lower() != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / path.stem
        try:
            _unpack(path, whole)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(Problem(path.name, f"cannot be unpacked ({error})", "a whole file, as gzip writes it")) from None
        yield whole


def _unpack(path: Path, whole: Path) -> None:
    written = 0
    with gzip.open(path, "rb") as packed, whole.open("wb") as file:
        for piece in iter(lambda: packed.read(CHUNK), b""):
            written += file.write(piece)
            if written > LARGEST:
                raise DataError(Problem(path.name, f"unpacks to more than {LARGEST:,} bytes", "a smaller table"))
