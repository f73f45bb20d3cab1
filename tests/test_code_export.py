"""The equations as code: Python and Antimony are run, rxode2 and NONMEM are read again and give the same rates."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import immunoode as imo
from immunoode.errors import ModelError
from immunoode.interop.flatten import flatten
from immunoode.interop.reserved import RXODE2
from immunoode.model.components import Compartment, Derived, Flow, Parameter
from immunoode.model.library import model_names
from tests.long_forms import short, spread
from tests.test_sbml_export import THERAPIES, combination

BARE = [name for name in model_names() if imo.load_model(name).kind in ("base", "published")]
MODELS: dict[str, Any] = {name: (lambda name=name: imo.load_model(name)) for name in BARE}
MODELS |= {name: (lambda name=name: combination(name)[0]) for name in THERAPIES}

SHORT = ("kuznetsov1994", "pembrolizumab")


def python(model: imo.Model) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(compile(imo.io.write_code(model, "python"), "made.py", "exec"), namespace)  # noqa: S102  # our own code
    return namespace


def states_at_random(made: dict[str, Any], count: int = 5) -> list[list[float]]:
    random = np.random.default_rng(0)
    start = np.array(made["initial"](), float)
    return [list(np.where(start > 0, start, 1.0) * random.uniform(0.2, 2.0, len(start))) for _ in range(count)]


@pytest.mark.parametrize("name", short(MODELS, SHORT))
def test_python_runs_to_the_same_curves(name: str) -> None:
    model = MODELS[name]()
    made = python(model)
    days = np.linspace(0, 20, 11)
    run = solve_ivp(made["rates"], (0, 20), made["initial"](), "LSODA", days, rtol=1e-11, atol=1e-14)
    expected = imo.simulate(model, times=days, outputs=list(made["STATES"]), extinction=False, rtol=1e-10, atol=1e-14)
    for k, state in enumerate(made["STATES"]):
        known = expected[state]
        assert np.allclose(run.y[k], known, rtol=1e-5, atol=1e-6 * abs(known).max() + 1e-12), state


def of_rxode2(text: str) -> str:
    """Return the text of a model of rxode2 as Python that fills `d`."""
    lines = []
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("#") or not bare or re.match(r"\w+\(0\) <- ", bare):
            continue
        bare = bare.replace("^", "**").replace("&&", " and ").replace("||", " or ").replace("!(", " not (")
        if bare.startswith("d/dt("):
            bare = re.sub(r"d/dt\((\w+)\) <- ", r"d['\1'] = ", bare)
        if re.match(r"(if|\} else if) ", bare):
            lines.append(bare.replace("} else if", "elif").rstrip("{").rstrip() + ":")
        elif bare == "} else {":
            lines.append("else:")
        elif bare != "}":
            lines.append(("    " if line.startswith("  ") else "") + bare.replace(" <- ", " = ").replace("d[", "d["))
    return "\n".join(lines)


def of_nonmem(text: str) -> str:
    """Return the blocks $PK and $DES of a control stream as Python that fills `DADT`."""
    theta = [float(x) for x in re.findall(r"^  (\S+) FIX ; ", text, re.MULTILINE)]
    blocks = text.split("$PK\n")[1].split("$ERROR")[0].replace("$DES\n", "")
    lines = [f"THETA = {[0.0, *theta]!r}"]
    for line in blocks.splitlines():
        bare = line.split(" ; ")[0]
        for word, sign in (
            (".LT.", "<"),
            (".LE.", "<="),
            (".GT.", ">"),
            (".GE.", ">="),
            (".AND.", "and"),
            (".OR.", "or"),
            (".NOT.", "not "),
        ):
            bare = bare.replace(word, sign)
        if bare.startswith(("A_0(", ";")):
            continue
        chosen = re.fullmatch(r"IF (\(.*\)) (\w+) = (.*)", bare)
        bare = f"if {chosen[1]}: {chosen[2]} = {chosen[3]}" if chosen else bare
        lines.append(re.sub(r"\b(THETA|A|DADT)\((\d+)\)", r"\1[\2]", bare))
    return "\n".join(lines)


FUNCTIONS = {n: getattr(math, n) for n in ("exp", "log", "log10", "sqrt", "tanh", "sin", "cos")} | {"abs": abs}


@pytest.mark.parametrize("name", short(MODELS, SHORT))
def test_rxode2_and_nonmem_give_the_same_rates(name: str) -> None:
    model = MODELS[name]()
    made = python(model)
    rxode2 = compile(of_rxode2(imo.io.write_code(model, "rxode2")), "rxode2", "exec")
    nonmem = compile(of_nonmem(imo.io.write_code(model, "nonmem")), "nonmem", "exec")
    called = RXODE2.names([*flatten(model).constants, *made["STATES"], *flatten(model).derived])
    there = [called[s] for s in made["STATES"]]
    for y in states_at_random(made):
        expected = made["rates"](3.5, y)
        first: dict[str, Any] = {"t": 3.5, "d": {}, **dict(zip(there, y, strict=True)), **FUNCTIONS}
        exec(rxode2, first)  # noqa: S102
        assert np.allclose([first["d"][s] for s in there], expected, rtol=1e-12)
        second: dict[str, Any] = {"T": 3.5, "A": [0.0, *y], "DADT": [0.0] * (len(y) + 1)}
        exec(nonmem, second | {n.upper(): f for n, f in FUNCTIONS.items()} | {"DADT": (rates := second["DADT"])})  # noqa: S102
        assert np.allclose(rates[1:], expected, rtol=1e-12)


@pytest.mark.parametrize("name", spread(MODELS, 8))
def test_names_of_nonmem_are_short_and_differ(name: str) -> None:
    text = imo.io.write_code(MODELS[name](), "nonmem")
    given = re.findall(r"^(\w+) = THETA", text, re.MULTILINE)
    assert len(set(given)) == len(given) == len(flatten(MODELS[name]()).constants) and max(map(len, given)) <= 20
    assert max(map(len, re.findall(r"COMP=\((\w+)\)", text))) <= 20


@pytest.mark.parametrize("name", short(MODELS, SHORT))
def test_antimony_is_read_to_the_same_rates(name: str) -> None:
    antimony = pytest.importorskip("antimony", reason="Antimony is not here: pip install antimony")
    model = MODELS[name]()
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(imo.io.write_code(model, "antimony")) >= 0, antimony.getLastError()
    back = imo.io.read_sbml(antimony.getSBMLString(antimony.getMainModuleName()), time_unit="day")
    states = list(flatten(model).initial)
    a, b = (imo.simulate(m, until="20 days", extinction=False, rtol=1e-10, atol=1e-14) for m in (model, back))
    for state in states:
        theirs = state if state in back.compartments else f"{state}_"
        assert np.allclose(a[state], b[theirs], rtol=1e-6, atol=1e-9 * abs(a[state]).max())


@pytest.mark.parametrize("name", short(MODELS, SHORT))
def test_latex_is_whole(name: str) -> None:
    """Each state has its equation, what is opened is closed, and matplotlib reads what it knows of it."""
    from matplotlib.mathtext import MathTextParser

    model = MODELS[name]()
    text = imo.io.write_code(model, "latex")
    for opened, closed in (("{", "}"), ("\\left", "\\right")):
        count = [
            len(re.findall(re.escape(word) + r"(?![a-z])" if word.isalpha() else re.escape(word), text))
            for word in (opened, closed)
        ]
        escaped = [text.count("\\" + word) if len(word) == 1 else 0 for word in (opened, closed)]
        assert count[0] - escaped[0] == count[1] - escaped[1]
    words = re.findall(r"\\(begin|end)\{(\w+\*?)\}", text)
    assert sorted(n for w, n in words if w == "begin") == sorted(n for w, n in words if w == "end")
    rows = text.split("\\begin{align*}\n")[1].split("\n\\end{align*}")[0].split(" \\\\\n")
    assert len(rows) == len(flatten(model).initial)
    parser = MathTextParser("path")
    known = [r.replace("&", "") for r in rows if "\\begin" not in r and "textstyle" not in r]
    for row in known:
        parser.parse(f"${row}$".replace("\\text{", "\\mathrm{").replace("\\tfrac", "\\frac"))


def test_a_language_that_there_is_not() -> None:
    with pytest.raises(ModelError, match="did you mean 'python'"):
        imo.io.write_code(imo.load_model("kuznetsov1994"), "pyton")


RESERVED = {
    "nonmem": "S1 F1 R1 D1 ALAG1 s2 rate cmt amt ss ii dv evid addl mtime1 theta eta1 t a y f newind phi pc1 then",
    "rxode2": "S1 F1 R1 D1 ALAG1 rate cmt amt ss ii dv evid addl tad podo tlast dur lag f pi t function repeat rxtest chosen_1",
    "python": "p t y math min max abs initial rates PARAMETERS STATES match",
}


def kept_names(words: str) -> imo.Model:
    """Return a model in which a state, and every parameter, has a name that some tool keeps for itself."""
    names = words.split()
    parts = {n: Parameter(0.01 * (k + 1), "1/day") for k, n in enumerate(names[1:])}
    rates = " + ".join(f"max({n}, 0.5 * {n})" for n in parts)
    return imo.Model(
        "kept",
        "base",
        parameters=parts,
        compartments={names[0]: Compartment("mg", 10.0)},
        derived={"loss": Derived(rates, "1/day")},
        flows={"out": Flow(names[0], per_capita="loss")},
    )


@pytest.mark.parametrize("language", RESERVED)
def test_names_that_a_language_keeps_for_itself_are_changed_with_a_comment(language: str) -> None:
    words = RESERVED[language].split()
    text = imo.io.write_code(kept_names(RESERVED[language]), language)
    code = "\n".join(line.split(";" if language == "nonmem" else "#")[0] for line in text.splitlines())
    set_ = {"nonmem": r"^(\w+) = THETA", "rxode2": r"^(\w+)(?:\(0\))? <- ", "python": r"^    (\w+) = p\["}[language]
    made = re.findall(set_, code, re.MULTILINE)
    assert made and not {m.upper() for m in made} & {w.upper() for w in words}
    for word in words[language == "nonmem" :]:  # states are A(1), A(2) and so on in NONMEM, whatever their names
        remark = rf"^\W+{word} is called \w+ here, because .* reserves {word}$"
        assert re.search(remark, text, re.MULTILINE | re.IGNORECASE), word


def test_renamed_equations_give_the_same_rates() -> None:
    for language, words in RESERVED.items():
        model = kept_names(words)
        expected = -10.0 * sum(0.01 * (k + 1) for k in range(len(words.split()) - 1))
        text = imo.io.write_code(model, language)
        if language == "python":
            made = python(model)
            found = made["rates"](0.0, made["initial"]())[0]
            assert made["STATES"] == (words.split()[0],) and set(made["PARAMETERS"]) == set(words.split()[1:])
        elif language == "rxode2":
            state = re.search(r"^(\w+)\(0\) <- ", text, re.MULTILINE)[1]  # type: ignore[index]
            first: dict[str, Any] = {"t": 0.0, "d": {}, state: 10.0, **FUNCTIONS}
            exec(of_rxode2(text), first)  # noqa: S102
            found = first["d"][state]
        else:
            rates = [0.0, 0.0]
            exec(of_nonmem(text), {"T": 0.0, "A": [0.0, 10.0], "DADT": rates})  # noqa: S102
            found = rates[1]
        assert found == pytest.approx(expected, rel=1e-12)


def test_names_stay_as_they_are_where_nothing_keeps_them() -> None:
    model = imo.load_model("claret2009")
    for language in RESERVED:
        assert " reserves " not in imo.io.write_code(model, language)
