"""Saved results: files from which a result is read back to the last digit, without ever running code from the file.

A file is compressed text of two lines: a head with the format, the version and a hash of the second line, which is JSON; see
`immunoode.fitting.result_writer` and `result_reader`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

from immunoode.atomic import write_whole
from immunoode.errors import FitError, Problem
from immunoode.fitting.result_reader import ResultReader
from immunoode.fitting.result_writer import ResultWriter
from immunoode.fitting.serialisation import Unread
from immunoode.version import version

FORMAT = 2
_OLD = 1
"""The former format: one line of JSON, with the parameters as lmfit writes them."""
_LARGEST = 256_000_000
_SMALL, _RATIO = 8_000_000, 20
"""Bytes to which any file may unpack, and multiple of its own size for larger ones; results that compress better are stored."""
_PARTS = 1_000_000
"""Largest number of lists, tables and entries: each takes far more memory than text."""


def save(result: Any, path: str | Path, *, overwrite: bool = True) -> Path:
    """Write a result to a file, completely or not at all.

    Returns
    -------
    Path

    Raises
    ------
    FitError
        If the result contains something that cannot be written.
    FileError
        If the file cannot be written, or exists and must not be replaced.
    """
    writer = ResultWriter()
    content = writer.value(result)
    body = json.dumps({"objects": writer.objects, "result": content}).encode()
    head = {"format": FORMAT, "immunoode": version(), "sha256": hashlib.sha256(body).hexdigest()}
    text = json.dumps(head).encode() + b"\n" + body
    if len(text) > _LARGEST or _parts(body) > _PARTS:
        raise FitError(Problem("save", f"the result takes {len(text):,} bytes", f"at most {_LARGEST:,}: fewer observations"))
    packed = gzip.compress(text, mtime=0)
    packed = packed if len(text) <= _room(len(packed)) else gzip.compress(text, 0, mtime=0)
    return write_whole(path, packed, overwrite=overwrite)


def load_fit(path: str | Path) -> Any:
    """Read a result that `result.save(path)` wrote: a FitResult or a PopulationResult.

    A file is treated as data: nothing in it is run, and anything that is not a valid result is refused.

    Raises
    ------
    FitError
        If there is no such file, or it is not one of these.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> table = pd.DataFrame({"subject": "a", "day": [0, 70, 140], "sum_of_diameters (mm)": [50, 68, 91]})
    >>> result = imo.fit("claret2009", imo.read_trial(table), ["growth_rate"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = result.save(f"{folder}/trial.fit")
    ...     again = imo.load_fit(path)
    >>> again.values == result.values
    True
    """
    if not isinstance(path, (str, Path)) or not str(path):
        raise FitError(Problem("load_fit", f"was given {path!r:.60}", "the path that was given to .save()"))
    file, writer = Path(path), ""
    try:
        head, document = _document(_unpacked(file))
        writer = f" (written by immunoode {str(head.get('immunoode'))[:40]}, this is {version()})"
        objects = document.get("objects")
        if not isinstance(objects, list):
            raise Unread("it has no objects")
        return ResultReader(objects).result(document.get("result"))
    except FileNotFoundError as error:
        raise FitError(Problem(str(path), "does not exist", "the path that was given to .save()")) from error
    except _Format as error:
        raise FitError(Problem(str(path), str(error), f"this version reads formats {_OLD} and {FORMAT}")) from error
    except Exception as error:  # any error that a broken file leads to
        what = f"is not a saved fit: {error!s:.300}{writer}"
        raise FitError(Problem(str(path), what, "a file written by .save()")) from error


class _Format(ValueError):
    """A format that this version does not read."""


def _room(size: int) -> int:
    """Return the number of bytes to which a file of this size may unpack."""
    return min(max(_SMALL, _RATIO * size), _LARGEST)


def _unpacked(file: Path) -> bytes:
    """Return the text of a file; a compressed file that expands too much is refused."""
    if file.exists() and not file.is_file():
        raise Unread("it is not a regular file")
    room = _room(file.stat().st_size)
    try:
        with gzip.open(file) as packed:
            text = packed.read(room + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unread(f"it is damaged or not such a file ({error})") from None
    if len(text) > room:
        raise Unread(f"it unpacks to more than {room:,} bytes")
    return text


def _document(text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the head and the content, checked against its hash."""
    first, _, body = text.partition(b"\n")
    if _parts(text) > _PARTS:
        raise Unread(f"it has more than {_PARTS:,} parts")
    head = json.loads(first)
    if not isinstance(head, dict) or "format" not in head:
        raise Unread("it does not state its format")
    if head["format"] == _OLD:
        return head, head
    if head["format"] != FORMAT:
        raise _Format(f"is of format {head['format']!r:.40}, written by immunoode {head.get('immunoode')!r:.40}")
    if hashlib.sha256(body).hexdigest() != head.get("sha256"):
        raise Unread("it is damaged: its content has changed since it was written")
    document = json.loads(body)
    return head, document if isinstance(document, dict) else {}


def _parts(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def fingerprint(*parts: Any) -> str:
    """Return a hash of data and settings: the same for the same fit, on any machine."""
    writer = ResultWriter()
    content = [writer.value(part) for part in parts]
    text = json.dumps([writer.objects, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
