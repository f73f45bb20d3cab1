"""Files that are broken or meant to do harm: an error that says what is wrong, in little memory, and nothing run."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError
from immunoode.tables.excel import open_sheets
from immunoode.tables.table_files import open_table
from tests.long_forms import short

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits are those of POSIX")
ROOM = 300
"""Megabytes that a read may take above what the package takes when it is imported."""
MODEL = """kind = "base"
title = "t"
[compartments]
tumour = { unit = "mm^3", initial = 100, roles = ["tumour"] }
[flows]
growth = { to = "tumour", rate = "growth_rate * tumour" }
[parameters]
growth_rate = { value = 0.1, unit = "1/day", source = "estimate: assumed" }
"""
SPREADSHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
HEADINGS = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><t>day</t></is></c></row>'


def workbook(path: Path, sheet: str = "", named: str = "xl/worksheets/sheet1.xml", **parts: Any) -> None:
    """Write a workbook as openpyxl does, with the rows of a sheet, or other parts, put in their place."""
    pd.DataFrame({"id": ["a"], "day": [1]}).to_excel(path, index=False)
    with zipfile.ZipFile(path) as archive:
        contents = {n: archive.read(n) for n in archive.namelist()}
    if sheet:
        contents[named] = f"<worksheet {SPREADSHEET}><sheetData>{sheet}</sheetData></worksheet>".encode()
    contents |= {n: c if isinstance(c, bytes) else c.encode() for n, c in parts.get("parts", {}).items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def books(folder: Path) -> Iterator[tuple[str, str]]:
    """Write workbooks, and yield the name of each with what is said of it."""

    def book(name: str, *given: Any, **parts: Any) -> str:
        workbook(folder / f"{name}.xlsx", *given, **parts)
        return f"{name}.xlsx"

    yield book("bomb", HEADINGS + "<row>" + '<c t="inlineStr"><is><t>a</t></is></c>' * 400_000 + "</row>"), "decompresses from"
    yield book("part", parts={"xl/media/picture.bin": b"\0" * 150_000_000}), "decompresses from"
    yield book("far", HEADINGS + '<row r="999999999"><c><v>1</v></c></row>'), "has a row '999999999'"
    yield book("unnumbered", HEADINGS + '<row r="1e12"><c><v>1</v></c></row>'), "has a row '1e12'"
    yield book("inner", HEADINGS + '<row r="2"><row r="88888888"/></row>'), "has a row '88888888'"
    yield book("wide", HEADINGS + '<row><c r="XFD9"/></row>' * 100), "more than 1,000,000 cells"
    yield book("corner", HEADINGS + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "more than 1,000,000 cells"
    styles = f"<styleSheet {SPREADSHEET}><cellXfs>{'<xf/>' * 110_000}</cellXfs></styleSheet>"
    yield book("styles", parts={"xl/styles.xml": styles}), "more than 100,000 styles"
    deep = "<sheetData>" * 1_000 + "</sheetData>" * 1_000
    yield book("deep", deep), "nested more than 60 deep"
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    shared = f"{laughs}]><sst {SPREADSHEET}><si><t>&j;</t></si></sst>"
    yield book("laughs", parts={"xl/sharedStrings.xml": shared}), "declares a document type or entities"
    yield book("formula", HEADINGS + '<row r="2"><c r="A2"><f>cmd|"/c calc"!A0</f></c></row>'), "cell A2 has a formula without"
    yield book("fault", HEADINGS + '<row r="2"><c r="B2" t="e"><v>#REF!</v></c></row>'), "cell B2 holds the error '#REF!'"
    yield book("broken", parts={"xl/worksheets/sheet1.xml": "<worksheet><row>"}), "sheet1.xml is damaged"
    yield book("twice", HEADINGS.replace(">day<", ">id<")), "has 2 columns 'id'"
    with zipfile.ZipFile(folder / "many.xlsx", "w") as archive:
        for k in range(6_000):
            archive.writestr(f"{k}", "")
    yield "many.xlsx", "6,000 parts"
    with zipfile.ZipFile(folder / "other.xlsx", "w") as archive:
        archive.writestr("a.txt", "a")
    yield "other.xlsx", "a zip archive, but not an Excel workbook"
    for name, content, said in (
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "before 2007, or one with a password"),
        ("locked.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "before 2007, or one with a password"),
        ("page.xls", b"<html><table><tr><td>id</td></tr></table></html>", "is a web page"),
        ("text.xlsx", b"id,day\na,1\n", "is not an Excel workbook"),
        ("nothing.xlsx", b"", "is not an Excel workbook"),
        ("cut.xlsx", (folder / "formula.xlsx").read_bytes()[:900], "cannot be read as an Excel workbook"),
    ):
        (folder / name).write_bytes(content)
        yield name, said
    with pd.ExcelWriter(folder / "sheets.xlsx") as writer:
        for name in ("Notes", "Tumours", "Deaths"):
            pd.DataFrame({"id": ["a"]}).to_excel(writer, sheet_name=name, index=False)
    yield "sheets.xlsx", "has 3 sheets with cells ('Notes', 'Tumours', 'Deaths'); one sheet, or the table that pandas."


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Write csv and other files of data, and yield the name of each with what is said of it."""
    for name, content, said in (
        ("columns.csv", b"," * 1_000_000 + b"\n", "1,000,001 columns"),
        ("line.csv", b"1" * 60_000_000, "line 1: has more than 2,000,000 bytes"),
        ("later.csv", b"id,day\n" + b"1," * 40_000_000, "has more than 2,000,000 bytes"),
        ("rows.csv", b"," * 999 + b"\n" * 1_000_000, "1,000 columns and"),
        ("open.csv", b"id,day,value\n" + b'"a,1,2\n' + b"a,1,2\n" * 300_000, "quotation marks in pairs"),
        ("stray.csv", b'id,day,value\na,"1,2\nb,1,3\nc,1,4\nd,1",5\ne,1,6\n', "row 2: holds 3 lines of the file in one cell"),
        ("null.csv", b"id,day\na,1\nb,\x002\n", "line 3: has a null character"),
        ("wide.csv", "id,day\na,1\n".encode("utf-16"), "is UTF-16 text"),
        ("book.csv", b"PK\x03\x04" + bytes(100), "a zip archive or Excel workbook"),
        ("packed.csv", gzip.compress(b"id,day\n"), "compressed by gzip"),
        ("shifted.csv", b"id,day\n1,a,0\n2,b,0\n", "has rows with more cells than headings ('id,day')"),
        ("book.xpt", b"PK\x03\x04" + bytes(100), "a zip archive or Excel workbook"),
        ("noise.xpt", bytes(range(256)) * 100, "cannot be read as a table"),
        ("noise.sas7bdat", bytes(range(256)) * 100, "cannot be read as a table"),
        ("zeros.sas7bdat", bytes(100_000), "cannot be read as a table"),
    ):
        (folder / name).write_bytes(content)
        yield name, said


def models(folder: Path) -> Iterator[tuple[str, str]]:
    """Write model files, and yield the name of each with what is said of it."""
    rate = '"growth_rate * tumour"'
    for name, content, said in (
        ("lists", "a = " + "[" * 100_000 + "]" * 100_000, "is not TOML"),
        ("tables", "a = " + "{a = " * 5_000 + "1" + "}" * 5_000, "is not TOML"),
        ("dots", "kind." + ".".join("a" * 100_000) + " = 1", "a key with more than 12 dots"),
        ("quoted", "".join(f"p{i}." + '"a" . ' * 900 + "a = 1\n" for i in range(300)), "a key with more than 12 dots"),
        ("hidden", 'a = {b = """\n""", ' + ".".join("c" * 20_000) + ' = ""}', "a key with more than 12 dots"),
        ("nested", "a.b.c.d = [[[[[[[[[[1]]]]]]]]]]", "more than 12 tables within each other"),
        ("decimal", MODEL.replace("0.1", "1" + "0" * 5_000), "is not TOML"),
        ("hexadecimal", MODEL.replace("0.1", "0x" + "f" * 100_000), "growth_rate.value: is an integer beyond 64 bits"),
        ("exponent", MODEL.replace("0.1", "1e999999999"), "is inf; a finite number"),
        ("name", MODEL + "a" * 1_900_000 + ' = { value = 1, unit = "1" }\n', "has 1,900,000 letters"),
        ("many", "".join(f"p{i} = 1\n" for i in range(150_000)), "more than 30,000 keys and entries"),
        ("large", "#" * 2_100_000, "is larger than 2,000,000 bytes"),
        ("null", "kind = \0", "is not TOML"),
        ("unit", MODEL.replace("1/day", "9**9**9**9"), "unit: cannot be read"),
        ("units", MODEL.replace("1/day", "day" + "*day" * 100_000), "unit: cannot be read"),
        ("long", MODEL.replace(rate, f'"growth_rate{" * tumour" * 200_000}"'), "more than 20000"),
        ("deep", MODEL.replace(rate, f'"{"(" * 9_000}tumour{")" * 9_000}"'), "is not an expression"),
        ("signs", MODEL.replace(rate, f'"{"-" * 15_000}tumour"'), "is not an expression"),
        ("powers", MODEL.replace(rate, '"growth_rate * tumour * 9**9**9**9"'), "is not a finite number"),
        ("code", MODEL.replace(rate, """"__import__('os').system('touch run')\""""), "is not in the language"),
    ):
        (folder / f"{name}.toml").write_text(content)
        yield f"{name}.toml", said
    os.mkfifo(folder / "pipe.toml")
    yield "pipe.toml", "is not a regular file"


def fits(folder: Path) -> Iterator[tuple[str, str]]:
    """Write files that are no saved fits, and yield the name of each with what is said of it."""
    for name, content, said in (
        ("bomb", gzip.compress(b"[" + b" " * 200_000_000 + b"]"), "unpacks to more than"),
        ("lists", gzip.compress(b'{"format": 1, "objects": ' + b"[" * 400_000 + b"]" * 400_000 + b"}"), "is not a saved fit"),
        ("parts", gzip.compress(json.dumps({"format": 1, "objects": [0] * 2_000_000}).encode()), "more than 1,000,000 parts"),
        ("integer", gzip.compress(b'{"format": 1, "objects": [' + b"9" * 1_000_000 + b"]}"), "is not a saved fit"),
        ("pickle", b"cposix\nsystem\n(S'touch run'\ntR.", "is not a saved fit"),
    ):
        (folder / f"{name}.fit").write_bytes(content)
        yield f"{name}.fit", said


READ = """
import json, os, resource, sys
import pandas, openpyxl, pyreadstat
import immunoode as imo
from immunoode.tables.table_files import open_table

folder, names = sys.argv[1], json.loads(sys.argv[2])
os.chdir(folder)
readers = {".toml": imo.read_model, ".fit": imo.load_fit}
kilobytes = 1 if sys.platform == "linux" else 1 / 1024
def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobytes
before = used()
for name in names:
    try:
        readers.get(os.path.splitext(name)[1], open_table)(name)
        said = "read"
    except imo.errors.ImmunoodeError as error:
        said = str(error)
    except BaseException as error:
        said = "another error: " + repr(error)[:300]
    print(json.dumps([name, said[:2000], (used() - before) / 1024]), flush=True)
"""
KINDS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {"books": books, "texts": texts, "models": models, "fits": fits}


@pytest.mark.parametrize("kind", short(KINDS, ["models"]))
def test_hostile_files_are_refused_in_little_memory(tmp_path: Path, kind: str) -> None:
    expected = dict(KINDS[kind](tmp_path))
    assert len(expected) >= 5
    command = [sys.executable, "-c", READ, str(tmp_path), json.dumps(list(expected))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1_200)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [row[0] for row in rows] == list(expected), done.stderr[-2000:]
    for name, said, room in rows:
        assert expected[name] in said and name in said, (name, said)
        assert room < ROOM, (name, room)
    assert not (tmp_path / "run").exists()


def test_the_sheet_that_has_cells_is_read(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "a.xlsx") as writer:
        pd.DataFrame().to_excel(writer, sheet_name="Sheet1", index=False)
        pd.DataFrame({"id": ["a", "b"], "day": [0.5, None]}).to_excel(writer, sheet_name="Data", index=False)
    table, _ = open_table(tmp_path / "a.xlsx")
    assert table["id"].tolist() == ["a", "b"] and table["day"].tolist()[0] == 0.5 and table.index.tolist() == [2, 3]


def test_a_formula_has_the_value_that_was_saved_with_it(tmp_path: Path) -> None:
    cells = '<row r="2"><c r="A2" t="str"><f>HYPERLINK("http://a.b")</f><v>s1</v></c><c r="B2"><f>1+6</f><v>7</v></c></row>'
    missing = '<row r="3"><c r="A3" t="inlineStr"><is><t>s2</t></is></c><c r="B3" t="e"><v>#N/A</v></c></row>'
    workbook(tmp_path / "a.xlsx", HEADINGS + cells + missing)
    table, _ = open_table(tmp_path / "a.xlsx")
    assert table["id"].tolist() == ["s1", "s2"] and table["day"].tolist()[0] == 7 and pd.isna(table["day"].tolist()[1])


def test_a_cell_may_have_lines_of_words(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,day,note\na,1,"well, and\nthen\nbetter, too"\nb,2,\n')
    assert open_table(tmp_path / "a.csv")[0]["day"].tolist() == [1, 2]


def test_a_workbook_of_many_cells_is_read(tmp_path: Path) -> None:
    pd.DataFrame({f"c{k}": range(500) for k in range(20)}).to_excel(tmp_path / "a.xlsx", index=False)
    assert {n: t.shape for n, t in open_sheets(tmp_path / "a.xlsx").items()} == {"Sheet1": (500, 20)}


def test_a_transport_file_is_read_within_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    pyreadstat.write_xport(pd.DataFrame({"ID": [1.0, 2.0], "DAY": [0.0, 7.0]}), str(tmp_path / "a.xpt"))
    assert open_table(tmp_path / "a.xpt")[0]["DAY"].tolist() == [0, 7]
    monkeypatch.setattr("immunoode.tables.table_files.LARGEST", 100)
    with pytest.raises(DataError, match="more than 100 bytes"):
        open_table(tmp_path / "a.xpt")


def test_a_model_of_many_numbers_is_no_hostile_file(tmp_path: Path) -> None:
    terms = " + 0.1 * growth_rate * tumour" * 100 + f" + growth_rate * tumour * max({'0.1, ' * 98}0.2)" * 20
    (tmp_path / "a.toml").write_text(MODEL.replace("growth_rate * tumour", "growth_rate * tumour" + terms))
    assert imo.read_model(tmp_path / "a.toml").name == "a"
