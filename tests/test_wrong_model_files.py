"""What people get wrong in model files, and what they are told: where it is, what is wrong, what would be right."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import immunoode as imo
from tests.test_wrong_inputs import says

FILE = """
kind = "therapy"
title = "An antibody"
needs = { checkpoint_brake = { unit = "1" } }
[parameters]
rate = { value = 0.1, unit = "1/day", bounds = [0.01, 1], source = "estimate: for a test" }
volume = { value = 3, unit = "L", bounds = [1, 9], source = "estimate: for a test" }
[compartments]
central = { unit = "mg", roles = ["drug"] }
[inputs]
dose = { into = "central", unit = "mg" }
[derived]
concentration = { expr = "central / volume", unit = "mg/L" }
[flows]
elimination = { from = "central", per_capita = "rate" }
[modifiers]
release = { of = "checkpoint_brake", factor = "exp(-rate * time)" }
"""
EXPRESSION = "central / volume"


WRONG_FILES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # what is replaced, by what, and phrases of the message
    "not TOML": ('kind = "therapy"', "kind = therapy", ("wrong.toml", "is not TOML", "docs/model_files.md")),
    "no kind": ('kind = "therapy"\n', "", ("kind", "is missing", "base, published, therapy")),
    "misspelt kind": ('"therapy"', '"terapy"', ("kind", "'terapy'", "base, published, therapy")),
    "misspelt table": ("[derived]", "[deriveds]", ("deriveds", "did you mean 'derived'")),
    "misspelt key": ("bounds = [0.01, 1]", "bound = [0.01, 1]", ("parameters.rate.bound", "did you mean 'bounds'")),
    "number as text": ("value = 0.1", 'value = "0.1"', ("parameters.rate.value", "is '0.1'", "a number")),
    "not a number": ("value = 0.1", "value = nan", ("parameters.rate.value", "is nan", "finite")),
    "bounds in no order": ("[0.01, 1]", "[1, 0.01]", ("parameters.rate.bounds", "not increasing", "[lower, upper]")),
    "one bound": ("[0.01, 1]", "[0.01]", ("parameters.rate.bounds", "1 entries", "[lower, upper]")),
    "value outside its bounds": ("value = 0.1", "value = 4", ("parameters.rate", "outside its bounds", "widen")),
    "unknown unit": ('"1/day"', '"1/dy"', ("parameters.rate.unit", "'dy'", "write for example")),
    "wrong dimension": ('unit = "mg/L"', 'unit = "mg"', ("derived.concentration.expr", EXPRESSION, "but must be")),
    "wrong scale": ('unit = "1/day"', 'unit = "1/hour"', ("flows.elimination.per_capita", "24 times too large")),
    "source nobody knows": ('"estimate: for a test"', '"smith1999, table 2"', ("rate.source", "'smith1999'", "references.bib")),
    "estimate without a reason": ('"estimate: for a test"', '"estimate:"', ("rate.source", "without a reason", "why")),
    "unknown role": ('"drug"', '"drugs"', ("compartments.central.roles", "'drugs'", "did you mean 'drug'")),
    "negative threshold": ('"mg", roles', '"mg", extinct_below = -1, roles', ("central.extinct_below", "is negative")),
    "not an expression": (EXPRESSION, "central / / volume", ("derived.concentration.expr", "is not an expression")),
    "empty expression": (EXPRESSION, "", ("derived.concentration.expr", "is empty")),
    "number for an expression": (f'"{EXPRESSION}"', "3", ("derived.concentration.expr", "is 3", "a text in quotes")),
    "bitwise operator": (EXPRESSION, "central & volume", ("concentration.expr", "central & volume", "not in the language")),
    "code": (EXPRESSION, "__import__('os').getcwd()", ("derived.concentration.expr", "not in the language")),
    "attribute": (EXPRESSION, "central.real", ("derived.concentration.expr", "'central.real'", "not in the language")),
    "depth that would end a parser": (EXPRESSION, "(" * 3000 + "central" + ")" * 3000, ("concentration.expr", "nested")),
    "length that would end a compiler": (EXPRESSION, "+".join([EXPRESSION] * 20000), ("concentration.expr", "characters")),
    "division by zero": (EXPRESSION, "central / (volume * (2 - 2)) / (1 - 1)", ("concentration.expr", "divides by zero")),
    "number that fills the memory": (EXPRESSION, "9 ** 9 ** 9 ** 9", ("derived.concentration.expr", "not a finite number")),
    "unknown function": (EXPRESSION, "hil(central, volume, 2)", ("derived.concentration.expr", "'hil'", "'hill'")),
    "too few arguments": (EXPRESSION, "hill(central, volume)", ("derived.concentration.expr", "hill takes 3", "not 2")),
    "unknown name": (EXPRESSION, "central / volum", ("derived.concentration.expr", "'volum'", "did you mean 'volume'")),
    "logarithm of an amount": (EXPRESSION, "log(central)", ("concentration.expr", "argument of log", "dimensionless")),
    "sum of unlike things": (EXPRESSION, "central + volume", ("concentration.expr", "units differ", "'central'", "'volume'")),
    "comparison outside piecewise": (EXPRESSION, "central > 0", ("concentration.expr", "outside piecewise", "piecewise(")),
    "dose outside a pulse": ('per_capita = "rate"', 'per_capita = "rate * dose"', ("per_capita", "'dose'", "only in pulses")),
    "defined through itself": (EXPRESSION, "concentration", ("derived.concentration", "by itself", "breaks the circle")),
    "flow from nowhere": ('from = "central", ', "", ("flows.elimination", "neither from nor to", "the compartment that")),
    "flow from an unknown place": ('from = "central"', 'from = "centre"', ("flows.elimination.from", "'central'")),
    "flow without a rate": (', per_capita = "rate"', "", ("flows.elimination", "neither of rate and per_capita", "one of")),
    "input into an unknown place": ('into = "central"', 'into = "centre"', ("inputs.dose.into", "did you mean 'central'")),
    "modifier of nothing": ('of = "checkpoint_brake"', 'of = "brake"', ("modifiers.release.of", "checkpoint_brake")),
    "modifier of two kinds": ('factor = "', 'add = "1", factor = "', ("modifiers.release", "both of factor and add", "one of")),
    "Python keyword": ("volume = {", "lambda = {", ("parameters.lambda", "not a valid name", "not a Python keyword")),
    "name with a hyphen": ("volume = {", '"own-volume" = {', ("own-volume", "not a valid name", "letters, digits")),
    "one name in two tables": ("concentration = {", "volume = {", ("derived.volume", "is also in [parameters]")),
    "variant of an unknown parameter": ("[flows]", "[variants.b]\nrat = { value = 1 }\n[flows]", ("variants.b.rat", "'rate'")),
    "variant outside the bounds": ("[flows]", "[variants.b]\nrate = { value = 2 }\n[flows]", ("variants.b.rate", "outside")),
}


def test_the_file_itself_is_right(tmp_path: Path) -> None:
    (tmp_path / "right.toml").write_text(FILE)
    assert imo.read_model(tmp_path / "right.toml").name == "right"


@pytest.mark.parametrize("mistake", WRONG_FILES)
def test_wrong_model_files(mistake: str, tmp_path: Path) -> None:
    before, after, phrases = WRONG_FILES[mistake]
    assert before in FILE
    path = tmp_path / "wrong.toml"
    path.write_text(FILE.replace(before, after, 1))
    with pytest.raises(imo.errors.ModelError) as error:
        imo.read_model(path)
    says(error, ("wrong.toml", *phrases))


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    text = FILE.replace('from = "central"', 'from = "centre"').replace(EXPRESSION, "central / volum")
    path.write_text(text.replace("[0.01, 1]", "[1, 0.01]").replace('"drug"', '"drugs"'))
    with pytest.raises(imo.errors.ModelError) as error:
        imo.read_model(path)
    assert len(error.value.problems) == 4
    says(error, ("4 problems", "'centre'", "'volum'", "not increasing", "'drugs'"))


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (b"", "kind"),
        (b"\xff\xfe\x00\x81", "is not TOML"),
        (b"\x00" * 3_000_000, "is larger than"),
        (b"[" * 100_000, "is not TOML"),
    ],
)
def test_files_that_are_no_models(content: bytes, phrase: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_bytes(content)
    with pytest.raises(imo.errors.ModelError) as error:
        imo.read_model(tmp_path / "wrong.toml")
    says(error, ("wrong.toml", phrase))


BASE = """
kind = "base"
[parameters]
rate = {{ value = 1, unit = "1/day" }}
[compartments]
x = {{ unit = "1", initial = 1 }}
[flows]
change = {{ to = "x", rate = "rate * ({})" }}
"""


@pytest.mark.parametrize(
    "text",
    [
        "1 / (x - x)",
        "log(0)",
        "sqrt(-1)",
        "(2 * x) ** 999999999",
        "((((((2 * x) ** 64) ** 64) ** 64) ** 64) ** 64) ** 64",
        "x * x",
    ],
)
def test_equations_without_a_solution_end_in_words(text: str, tmp_path: Path) -> None:
    """Symbolic arithmetic must not end the process either, nor fill the memory."""
    (tmp_path / "wrong.toml").write_text(BASE.format(text))
    model = imo.read_model(tmp_path / "wrong.toml")
    with pytest.raises(imo.errors.SolveError, match="cannot be compiled|stopped at day"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        imo.simulate(model, until=10).raise_for_status()


def test_a_model_without_compartments(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text('kind = "base"\n')
    with pytest.raises(imo.errors.SolveError, match="no compartments"):
        imo.simulate(imo.read_model(tmp_path / "wrong.toml"), until=10)
