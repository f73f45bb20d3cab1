"""Files that are broken or meant to do harm: an error that says what is wrong, within a second, whatever is in them."""

from __future__ import annotations

import random
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import immunoode as imo
from immunoode.errors import ImmunoodeError, ModelError
from tests.sbml_texts import Made

NUMBERS = ("0", "-1", "NaN", "INF", "-INF", "1e308", "1e400", "99999999999999999999", "", "abc", "0x10")
OPERATORS = ("plus", "minus", "divide", "power", "root", "log", "factorial", "floor", "and", "not", "eq", "xor", "rem", "max")
PART = re.compile(
    r"<(species|parameter|compartment|reaction|assignmentRule|math|apply|kineticLaw|speciesReference|trigger|event)\b"
    r"[^>]*?(/>|>.*?</\1>)",
    re.DOTALL,
)


def drug() -> Made:
    return Made().compartment(size=2.0).parameter("k", 0.3).species("A", amount=1, substance=True).reaction("k*A", "A")


def replaced(pattern: str, choose: Callable[[random.Random, list[re.Match[str]]], str]) -> Callable[..., str]:
    def mutate(text: str, luck: random.Random) -> str:
        found = list(re.finditer(pattern, text))
        if not found:
            return text
        one = luck.choice(found)
        return text[: one.start(1)] + choose(luck, found) + text[one.end(1) :]

    return mutate


def cut(text: str, luck: random.Random) -> str:
    return text[: luck.randrange(len(text))]


def gap(text: str, luck: random.Random) -> str:
    at = luck.randrange(len(text))
    return text[:at] + text[at + luck.randrange(1, 200) :]


def sign(text: str, luck: random.Random) -> str:
    at = luck.randrange(len(text))
    return text[:at] + luck.choice(["<", ">", "&", '"', "\0", "<!--", "]]>", "é"]) + text[at + 1 :]


def without(text: str, luck: random.Random) -> str:
    one = luck.choice(list(PART.finditer(text)))
    return text[: one.start()] + text[one.end() :]


def twice(text: str, luck: random.Random) -> str:
    one = luck.choice(list(PART.finditer(text)))
    return text[: one.end()] + one[0] + text[one.end() :]


MUTATIONS = (
    cut,
    gap,
    sign,
    without,
    twice,
    replaced(r'="([^"]*)"', lambda luck, found: luck.choice(found)[1]),
    replaced(r'="([^"]*)"', lambda luck, found: luck.choice(NUMBERS)),
    replaced(r"<cn[^>]*>([^<]*)<", lambda luck, found: luck.choice(NUMBERS)),
    replaced(r"<ci[^>]*>([^<]*)<", lambda luck, found: luck.choice(["nobody", "time", "", "__import__", found[0][1]])),
    replaced(
        r"<(plus|minus|times|divide|power|exp|ln|lt|gt|and|or|piecewise|apply)\s*/>", lambda luck, found: luck.choice(OPERATORS)
    ),
    replaced(r'(\w+)="', lambda luck, found: luck.choice(["id", "value", "constant", "level", "size"])),
)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    whole = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="nivolumab"))
    doses = imo.Regimen().dose("nivolumab", "240 mg", every="2 weeks", count=2, over="30 min")
    eventful = Made(2, 4).compartment(constant=False).parameter("k", 0.3).species("A", concentration=1)
    eventful.function("f", "lambda(x, y, x*y)").reaction("c*f(k, A)", "A").rate("c", "0.1").event("A < 0.5", delay="1", A="2")
    return [imo.io.write_sbml(imo.load_model("depillis2005")), imo.io.write_sbml(whole, regimen=doses), eventful.text()]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [6, pytest.param(240, marks=pytest.mark.slow)])
def test_mutated_files_are_read_or_refused(texts: list[str], count: int) -> None:
    luck = random.Random(count)
    refused = 0
    for _ in range(count):
        text = luck.choice(texts)
        for _ in range(luck.choice([1, 1, 2, 4])):
            if len(list(PART.finditer(text))):
                text = luck.choice(MUTATIONS)(text, luck)
        try:
            imo.io.read_sbml(text)
            imo.io.read_sbml_events(text)
        except ImmunoodeError as error:
            refused += 1
            assert str(error)
    assert refused


def nested(count: int) -> str:
    return drug().text().replace("<ci> k </ci>", "<apply><minus/>" * count + "<ci> k </ci>" + "</apply>" * count)


def exponential() -> str:
    made = drug()
    for i in range(40):
        made.function(f"f{i}", f"lambda(x, f{i - 1}(x)*f{i - 1}(x))" if i else "lambda(x, x*x)")
    return made.parameter("x", constant=False).assign("x", "f39(k)").text()


def circle() -> str:
    return drug().function("f", "lambda(x, 2*f(x))").parameter("x", constant=False).assign("x", "f(k)").text()


def chain(count: int) -> str:
    made = drug()
    for i in range(count):
        made.parameter(f"p{i}").initial(f"p{i}", f"p{i + 1} * 2" if i < count - 1 else "k")
    return made.text()


def fast() -> str:
    made = Made(2, 4).compartment().parameter("k", 0.3).species("A", concentration=1).reaction("c*k*A", "A")
    made.model.getReaction(0).setFast(True)
    return made.text()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lambda: nested(300), "nested too deep"),
        (lambda: nested(100_000), "nested more than 400 deep"),
        pytest.param(
            lambda: drug().text().replace("<ci> k </ci>", "<apply><plus/>" + "<ci>k</ci>" * 120_000 + "</apply>"),
            "too long",
            marks=pytest.mark.slow,
        ),
        (exponential, "parts after inlining of function definitions"),
        (circle, "call themselves: f -> f"),
        (lambda: chain(2000), "too long a chain"),
        (fast, "the reaction 'r1' is fast"),
        (lambda: "<" + "x" * 21_000_000, "more than 20000000 bytes"),
        (
            lambda: (
                drug()
                .text()
                .replace('size="2"', 'size="0"')
                .replace('hasOnlySubstanceUnits="true"', 'hasOnlySubstanceUnits="false"')
            ),
            "of size 0",
        ),
        (lambda: drug().text().replace('"0.3"', '"NaN"'), "'k' has no value"),
    ],
)
def test_harmful_files_are_refused_at_once(text: Callable[[], str], expected: str) -> None:
    made = text()
    imo.io.read_sbml(drug().text())  # what is imported once is
    with pytest.raises(ModelError, match=expected):
        imo.io.read_sbml(made)


@pytest.mark.filterwarnings("ignore")
def test_long_chains_of_rules_are_solved() -> None:
    made = drug()
    for i in range(400):
        made.parameter(f"p{i}", constant=False).assign(f"p{i}", f"p{i + 1} + 1" if i < 399 else "k")
    assert imo.simulate(imo.io.read_sbml(made.text()), times=[0, 1], outputs=["p0"])["p0"][1] == pytest.approx(399.3)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    text = drug().text()
    with zipfile.ZipFile(tmp_path / "model.omex", "w") as archive:
        archive.writestr("model.xml", text)
    (tmp_path / "rot13.xml").write_text(text.replace("UTF-8", "rot13"))
    for source, expected in (
        (tmp_path / "model.omex", "is an archive"),
        (tmp_path / "rot13.xml", "states the encoding 'rot13'"),
        (tmp_path, "is a folder"),
        ("x" * 5000, "cannot be read|no such file"),
        ("", "is a folder|no such file"),
    ):
        with pytest.raises(ModelError, match=expected):
            imo.io.read_sbml(source)


def test_other_encodings_are_read(tmp_path: Path) -> None:
    text = drug().text().replace('id="made"', 'id="made" name="Modèle"')
    for encoding, stated in (("utf-16", "UTF-16"), ("latin-1", "ISO-8859-1"), ("utf-8-sig", "UTF-8")):
        (tmp_path / "model.xml").write_bytes(text.replace("UTF-8", stated).encode(encoding))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert imo.io.read_sbml(tmp_path / "model.xml").title == "Modèle"


@pytest.mark.filterwarnings("ignore")
def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for code in (f"__import__('pathlib').Path('{mark}').touch()", f"open('{mark}', 'w')"):
        for old in ("<ci> k </ci>", 'id="k"', 'id="made"'):
            with pytest.raises(ModelError):
                imo.io.read_sbml(drug().text().replace(old, old.replace("k", code).replace("made", code)))
    assert not mark.exists()
