"""Models for reading: LaTeX of expressions, equations of compartments, HTML and diagrams."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib.mathtext
import pytest

import immunoode as imo
from immunoode.model.diagram import diagram
from immunoode.model.latex import break_lines, definitions, latex, state_equations
from tests.test_model_composition import companions, shipped

NAMES = {"k": "k", "x": "x", "CL": "CL", "V": "V_1", "p": "p^{\\text{drug}}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k * x", "k\\,x"),
        ("k * (x + 1)", "k \\cdot \\left(x + 1\\right)"),
        ("k - (x - 1)", "k - \\left(x - 1\\right)"),
        ("CL / V", "\\frac{CL}{V_1}"),
        ("(x + 1) ** 2", "\\left(x + 1\\right)^{2}"),
        ("p ** 2", "\\left(p^{\\text{drug}}\\right)^{2}"),
        ("-x * k", "-x\\,k"),
        ("1e-9 * x", "10^{-9}\\,x"),
        ("saturation(x, k)", "\\frac{x}{k + x}"),
        ("hill(x, k, 2)", "\\frac{x^{2}}{k^{2} + x^{2}}"),
        ("piecewise(1, x < k, 2)", "\\begin{cases}1 & x < k \\\\ 2 & \\text{otherwise}\\end{cases}"),
        ("total('tumour')", "\\textstyle\\sum \\text{tumour}"),
        ("exp(-k * x)", "\\exp\\left(-k\\,x\\right)"),
        ("unknown_name", "\\text{unknown name}"),
        ("(x / k) ** 2", "\\left(\\frac{x}{k}\\right)^{2}"),
        ("saturation(x, k) ** 2", "\\left(\\frac{x}{k + x}\\right)^{2}"),
        ("hill(x, k, 2) ** p", "\\left(\\frac{x^{2}}{k^{2} + x^{2}}\\right)^{p^{\\text{drug}}}"),
        ("exp(x) ** 2", "\\left(\\exp\\left(x\\right)\\right)^{2}"),
        ("1e-9 ** x", "\\left(10^{-9}\\right)^{x}"),
        ("2e-9 ** x", "\\left(2 \\times 10^{-9}\\right)^{x}"),
        ("x / k * 2", "\\frac{x}{k} \\cdot 2"),
    ],
)
def test_expressions_in_the_notation_of_papers(text, expected):
    assert latex(text, NAMES) == expected


def test_wide_equations_are_broken_before_signs_and_between_factors():
    short = "y = a + b"
    assert break_lines(short) == short
    terms = [f"\\text{{quantity number {k} of this sum}}" for k in range(5)]
    wide = break_lines("y = " + " + ".join(terms))
    assert wide.startswith("\\begin{aligned} y = {} & ") and wide.endswith("\\end{aligned}")
    assert all(line.startswith("+ ") for line in wide.split(" \\\\ & ")[1:]) and wide.count("\\text") == 5
    product = break_lines("y = " + "\\,".join(terms))
    assert all(line.startswith("\\times ") for line in product.split(" \\\\ & ")[1:]) and product.count("\\\\") >= 1
    bracket = "y = \\left(" + " + ".join(terms) + "\\right)"
    assert break_lines(bracket) == bracket  # nowhere outside its brackets to break it: scrolled


def test_wide_equations_of_a_notebook_are_broken_or_scrolled():
    model = imo.combine("tumour_immune", "pd1_inhibitor", "radiotherapy")
    assert "\\begin{aligned}" in model._repr_html_() and "overflow-x: auto" in model._repr_html_()


def test_a_bar_of_inhibition_stands_before_the_box_that_it_acts_on():
    """Boxes are drawn last: what lies within a border's width of their edge is hidden."""
    marker = diagram(imo.load_model("kuznetsov1994")).partition('id="imo-bar"')[2].partition("</marker>")[0]
    reference = float(marker.partition('refX="')[2].partition('"')[0])
    right = max(float(x) for x in re.findall(r"L([\d.]+),", marker))
    assert reference - right >= 2


def test_kuznetsov_reads_as_in_the_paper():
    equations = state_equations(imo.load_model("kuznetsov1994"))
    assert equations["tumour"] == "\\frac{d\\,T}{dt} = a\\,T \\cdot \\left(1 - b\\,T\\right) - n\\,E\\,T"


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped())
def test_every_equation_is_mathtext(name):
    model = imo.load_model(name)
    parser = matplotlib.mathtext.MathTextParser("path")
    for line in [*state_equations(model).values(), *definitions(model).values()]:
        plain = (
            line.replace("\\begin{cases}", "\\left(").replace("\\end{cases}", "\\right)").replace("&", "").replace("\\\\", ";")
        )
        plain = plain.replace("\\textstyle", "").replace("\\text{", "\\mathrm{")
        parser.parse(f"${plain}$")


@pytest.mark.parametrize("name", shipped())
def test_html_and_diagram_are_well_formed(name):
    model = imo.load_model(name)
    combined = imo.combine(model) if model.kind in ("base", "published") else companions(model)
    for shown in (model, combined):
        svg = ElementTree.fromstring(diagram(shown))
        boxes = svg.findall("{http://www.w3.org/2000/svg}rect")
        assert len(boxes) == len(shown.compartments)
        page = shown._repr_html_()
        assert all(parameter in page for parameter in shown.parameters)
        assert shown.name in str(shown)


def test_words_in_symbols_stand_upright_and_doses_say_what_they_do_at_once():
    from immunoode.model.latex import dose_effects, state_equations

    model = imo.load_model("kosinsky2018")
    assert state_equations(model)["breaks"] == "\\frac{d\\,U}{dt} = - \\frac{1}{\\tau}\\,U"
    assert "\\mathrm{TV}_{\\mathrm{max}}" in state_equations(model)["tumour"]
    assert dose_effects(model) == [
        "\\text{dose } d \\text{ of fraction: }\\quad \\mathrm{TV} \\to \\mathrm{TV}_d:\\quad "
        "\\left(1 - \\exp\\left(-\\alpha\\,d\\right)\\right)\\,\\mathrm{TV}"
    ]


def test_a_diagram_shows_what_acts_on_what():
    svg = ElementTree.fromstring(diagram(imo.load_model("kuznetsov1994")))
    dashed = [p for p in svg.findall("{http://www.w3.org/2000/svg}path") if p.get("stroke-dasharray")]
    assert sorted(p.get("marker-end") for p in dashed) == ["url(#imo-bar)", "url(#imo-bar)", "url(#imo-pale)"]
