"""Mutated files: a sound result or an error of the package, and an end; seeded, so that a failure can be had again."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import ImmunoodeError
from immunoode.model.library import model_names, models_folder
from immunoode.tables.table_files import open_table
from tests.population_models import decay_model, decays

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="an alarm ends what hangs")]
CASES = 300
"""Files of each kind: what goes wrong in one of 100 is among them with 95 %. 10,000 were read without another outcome."""
SECONDS = 30
BYTES = (b"\0", b'"', b",", b"\n", b"\r", b";", b"\t", b"<", b">", b"&", b"\xff", b"\xc3", b"1e999", b"nan", b"0" * 400, b"#")
TEXTS = (
    "inf",
    "-1",
    "1e400",
    "0x" + "f" * 80,
    "{}",
    "[]",
    '""',
    "true",
    "[[1]]",
    "'x'",
    "tumour",
    "time",
    "**9**9",
    "\n",
    "=",
    '"',
    "\x00",
)


@contextmanager
def an_end(case: object) -> Iterator[None]:
    """Raise where a case takes longer than any file should."""

    def ring(*_: Any) -> None:
        raise TimeoutError(f"case {case} does not end")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def mutated(content: bytes, luck: random.Random) -> bytes:
    """Return a content with bytes changed, cut, doubled or put in."""
    made = bytearray(content)
    for _ in range(luck.choice((1, 1, 2, 5, 20))):
        at, length = luck.randrange(len(made) + 1), luck.randrange(1, 60)
        how = luck.randrange(5)
        if how == 0:
            made[at : at + 1] = bytes([luck.randrange(256)])
        elif how == 1:
            del made[at : at + length]
        elif how == 2:
            made[at:at] = made[at : at + length]
        elif how == 3:
            made[at:at] = luck.choice(BYTES)
        elif len(made) > 100:
            del made[luck.randrange(50, len(made)) :]
    return bytes(made)


def table() -> pd.DataFrame:
    rows = [(f"s{k}", t, 10.5 * k + t, 'a "note", and more' if t else "") for k in range(8) for t in range(4)]
    return pd.DataFrame(rows, columns=["id", "day", "value", "note"])


def csv(luck: random.Random) -> bytes:
    return mutated(table().to_csv(index=False, sep=luck.choice(",;\t")).encode(), luck)


def workbook() -> bytes:
    made = io.BytesIO()
    table().to_excel(made, index=False)
    return made.getvalue()


def xlsx(luck: random.Random, whole: bytes = workbook()) -> bytes:
    if luck.random() < 0.2:
        return mutated(whole, luck)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as changed:
        names = archive.namelist()
        chosen = luck.choice(["xl/worksheets/sheet1.xml", luck.choice(names)])
        for name in names:
            content = archive.read(name)
            changed.writestr(name, mutated(content, luck) if name == chosen else content)
    return made.getvalue()


def xpt(luck: random.Random, folder: Path) -> bytes:
    pyreadstat = pytest.importorskip("pyreadstat")
    pyreadstat.write_xport(table(), str(folder / "whole.xpt"))
    return mutated((folder / "whole.xpt").read_bytes(), luck)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["csv", "xlsx", "xpt"])
def test_mutated_tables(suffix: str, tmp_path: Path) -> None:
    luck, refused = random.Random(suffix), 0
    makers: dict[str, Callable[[random.Random], bytes]] = {"csv": csv, "xlsx": xlsx, "xpt": lambda luck: xpt(luck, tmp_path)}
    for case in range(CASES):
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(makers[suffix](luck))
        with an_end(case):
            try:
                read, _ = open_table(path)
            except ImmunoodeError as error:
                assert path.name in str(error), case
                refused += 1
                continue
        assert read.index.is_unique and read.columns.is_unique, case
    assert 0 < refused < CASES


@pytest.mark.filterwarnings("ignore")
def test_mutated_models(tmp_path: Path) -> None:
    luck, refused = random.Random("toml"), 0
    folder = Path(str(models_folder()))
    wholes = {name: (folder / f"{name}.toml").read_text(encoding="utf-8") for name in model_names()}
    for case in range(CASES):
        text = wholes[luck.choice(sorted(wholes))]
        for _ in range(luck.choice((1, 1, 2, 4))):
            at = luck.randrange(len(text))
            text = text[:at] + luck.choice(TEXTS) + text[at + luck.choice((0, 0, 1, 5, 40)) :]
        path = tmp_path / "a.toml"
        path.write_text(text, encoding="utf-8")
        with an_end(case):
            try:
                model = imo.read_model(path)
            except ImmunoodeError as error:
                assert "a.toml" in str(error), case
                refused += 1
                continue
            assert imo.read_model(imo.save_model(model, tmp_path / "b.toml")) is not None, case
            assert all(np.isfinite(p.value) for p in model.parameters.values()), case
    assert 0 < refused < CASES


def test_mutated_fits(tmp_path: Path) -> None:
    luck, refused = random.Random("fit"), 0
    done = imo.fit(decay_model(), decays(5, sd=(0.0, 0.3)), ["rate"], start=0.0, progress=False)
    body = gzip.decompress(done.save(tmp_path / "whole.fit").read_bytes()).partition(b"\n")[2]
    for case in range(CASES):
        changed = mutated(body, luck)
        head = {"format": luck.choice((2, 2, 2, 1, "2", None)), "immunoode": "9", "sha256": hashlib.sha256(changed).hexdigest()}
        path = tmp_path / "a.fit"
        path.write_bytes(gzip.compress(json.dumps(head).encode() + b"\n" + changed, 1))
        with an_end(case):
            try:
                read = imo.load_fit(path)
            except ImmunoodeError as error:
                assert "a.fit" in str(error), case
                refused += 1
                continue
            try:
                assert read.report(), case
            except ImmunoodeError:  # numbers that are no fit's, said when they are used
                refused += 1
    assert refused
