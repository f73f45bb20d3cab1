"""Tables compressed by gzip: decompressed into a temporary folder, up to the largest size of a table."""

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
    """Yield the path of a table: the file itself, or for "trial.csv.gz" a temporary file trial.csv with its content.

    Raises
    ------
    DataError
        If it is not a gzip file, or decompresses to more bytes than a table may have.
    """
    if path.suffix.lower() != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / path.stem
        try:
            _decompress(path, whole)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(Problem(path.name, f"cannot be decompressed ({error})", "a complete gzip file")) from None
        yield whole


def _decompress(path: Path, whole: Path) -> None:
    written = 0
    with gzip.open(path, "rb") as packed, whole.open("wb") as file:
        for piece in iter(lambda: packed.read(CHUNK), b""):
            written += file.write(piece)
            if written > LARGEST:
                raise DataError(Problem(path.name, f"decompresses to more than {LARGEST:,} bytes", "a smaller table"))
