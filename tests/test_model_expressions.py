"""The language of expressions: what is read, what is refused, and that both readings of it agree."""

import math

import pytest
import symengine as se
from hypothesis import given
from hypothesis import strategies as st

from immunoode.model.expression_units import measure, measure_of_unit
from immunoode.model.expressions import ExpressionError, names_in, parse, substitute_names
from immunoode.model.symbolic import symbolic
from tests.naive import Naive

X, Y = se.symbols("x y")
UNITS = {
    "x": measure_of_unit("mg"),
    "y": measure_of_unit("mg"),
    "t": measure_of_unit("day"),
    "h": measure_of_unit("hour"),
    "n": measure_of_unit("1"),
}


def compiled(text, x, y):
    tree = symbolic(text, {"x": X, "y": Y}.__getitem__, lambda role: se.Integer(0))
    return float(se.Lambdify([X, Y], [tree], backend="llvm")([x, y])[0])


def interpreted(text, x, y):
    reader = Naive.__new__(Naive)
    reader.known = {"x": x, "y": y}
    return reader.evaluate(text)


numbers = st.floats(0.01, 50).map(lambda v: repr(round(v, 3)))
leaves = st.one_of(st.sampled_from(["x", "y"]), numbers)


def grow(inner):
    pair = st.tuples(inner, inner)
    triple = st.tuples(inner, inner, inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} + {p[1]})"),
        pair.map(lambda p: f"({p[0]} - {p[1]})"),
        pair.map(lambda p: f"({p[0]} * {p[1]})"),
        pair.map(lambda p: f"({p[0]} / (1 + abs({p[1]})))"),
        pair.map(lambda p: f"min({p[0]}, {p[1]})"),
        pair.map(lambda p: f"max({p[0]}, {p[1]}, 0)"),
        inner.map(lambda a: f"tanh({a})"),
        inner.map(lambda a: f"abs({a}) ** 0.5"),
        triple.map(lambda p: f"piecewise({p[0]}, {p[1]} < {p[2]}, {p[2]})"),
        pair.map(lambda p: f"hill({p[0]}, 1 + abs({p[1]}), 2.5)"),
        pair.map(lambda p: f"piecewise(1, x < {p[0]} and not y > {p[1]}, 2, x > y or y > 3, 3)"),
    )


@given(st.recursive(leaves, grow, max_leaves=12), st.floats(0.01, 30), st.floats(0.01, 30))
def test_compiled_equals_naive_reading(text, x, y):
    expected = interpreted(text, x, y)
    # both sides may round a comparison differently at a tie, which is no error: x and y are continuous draws
    # nor is what a root makes of a rounding error of zero
    assert compiled(text, x, y) == pytest.approx(expected, rel=1e-9, abs=1e-4 if "** 0.5" in text else 1e-9)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hill(x, 2, 1.5)", 0.0),
        ("hill(x, 2, y)", 0.0),
        ("gompertz(x, y, 10)", 0.0),
        ("emax(x, 3, y)", 0.0),
        ("logistic(x, 1, y)", 0.0),
        ("saturation(x, y)", 0.0),
    ],
)
def test_laws_have_a_value_and_a_derivative_at_zero(text, value):
    tree = symbolic(text, {"x": X, "y": Y}.__getitem__, lambda role: se.Integer(0))
    function = se.Lambdify([X, Y], [tree, tree.diff(X), tree.diff(Y)], backend="llvm")
    result = function([0.0, 3.0])
    assert result[0] == value
    assert all(math.isfinite(v) for v in result)


def test_hill_does_not_overflow():
    assert compiled("hill(x, 1, 30)", 1e20, 0) == 1.0
    assert compiled("hill(x, 1, 30)", 1e-20, 0) == 0.0


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("", "is empty"),
        ("a +", "is not an expression"),
        ("a ^ b", "powers are written"),
        ("a & b", "not in the language"),
        ("a < b", "is a comparison outside piecewise"),
        ("__import__('os').system('x')", "not in the language"),
        ("exp(a, b)", "takes 1 arguments"),
        ("expp(a)", "did you mean 'exp'"),
        ("total(tumour)", "a role in quotes"),
        ("total('tumor')", "a role in quotes"),
        ("piecewise(1, a < 2)", "3 or more"),
        ("piecewise(1, a < 2, 3, 4)", "odd number"),
        ("piecewise(1, a, 3)", "is not a condition"),
        ("[a for a in b]", "not in the language"),
        ("lambda: 1", "not in the language"),
        ("'text'", "is not a number"),
        ("1e999", "not finite"),
        ("True", "is not a number"),
        ("a.b", "not in the language"),
        ("exp(x=1)", "takes 1 arguments"),
        ("(" * 3000 + "a" + ")" * 3000, "is not an expression"),
        ("+".join(["a"] * 30000), "characters, more than"),
        ("-" * 15000 + "a", "is not an expression"),
        ("a" + "**a" * 1000, "nested"),
        ("9" * 5000, "not "),
    ],
)
def test_what_is_not_in_the_language_is_refused(text, phrase):
    with pytest.raises(ExpressionError) as error:
        parse(text)
    assert phrase in str(error.value)


def test_names_leave_functions_and_roles_out():
    assert names_in("exp(rate * time) + total('tumour') / hill(c, k, 2)") == {"rate", "time", "c", "k"}


def test_renaming_touches_names_only():
    assert substitute_names("exp(exp_rate) * a", {"exp": "z", "a": "drug_a"}) == "exp(exp_rate) * drug_a"
    assert substitute_names("a  *  b", {"c": "d"}) == "a  *  b"


@pytest.mark.parametrize("text", ["x + y", "x * n", "(x / y) ** n", "exp(x / y)", "hill(x, y, n)", "max(x, 0)", "x ** (1/3)"])
def test_units_that_close(text):
    measure(text, UNITS.get, lambda role: None)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("x + t", "units differ"),
        ("t + h", "units differ"),
        ("exp(x)", "must be dimensionless"),
        ("x ** n", "exponent that is not a number"),
        ("hill(x, t, n)", "units differ"),
        ("min(x, t)", "units differ"),
        ("piecewise(x, t < x, y)", "units differ"),
        ("x + 1", "units differ"),
        ("n ** x", "must be dimensionless"),
    ],
)
def test_units_that_do_not_close(text, phrase):
    with pytest.raises(ExpressionError, match=phrase):
        measure(text, UNITS.get, lambda role: None)


def test_scale_is_part_of_the_measure():
    assert str(measure("t", UNITS.get, lambda role: None)) != str(measure("h", UNITS.get, lambda role: None))
