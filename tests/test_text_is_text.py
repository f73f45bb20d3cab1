"""Text that comes from data, titles and names stays text: in notebooks, in reports, and in code written for other tools."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.catalogue.table import Catalogue
from immunoode.errors import ModelError
from immunoode.fitting.crossvalidation import CrossValidation
from immunoode.model.latex import symbols
from immunoode.model.library import model_names
from immunoode.report import Section, image, page, paragraph, preformatted
from tests.long_forms import spread
from tests.optimisation_models import log_kill
from tests.population_models import decay_model

PACKAGE = Path(__file__).resolve().parents[1] / "immunoode"
EVIL = '<script>alert("1")</script><img src=x onerror=alert(1)>'
SUBJECT = "<b>1</b>"


@cache
def trial() -> imo.TrialData:
    rows = [
        (f"{SUBJECT}{k}", EVIL, float(t), "drug", 10 * np.exp(-0.2 * t) * (1 + 0.01 * k), "mg")
        for k in range(4)
        for t in (1, 2, 4, 8)
    ]
    frame = pd.DataFrame(rows, columns=["subject", "arm", "time", "quantity", "value", "unit"])
    return replace(imo.read_trial(frame), title=EVIL)


@cache
def fitted() -> imo.FitResult:
    model = replace(decay_model(), title=EVIL, description=EVIL)
    return imo.fit(model, trial(), per_arm=["rate"], start=0.0, progress=False)


def ends() -> pd.DataFrame:
    count = 12
    arms = [EVIL if k % 2 else "<i>b</i>" for k in range(count)]
    columns = {"subject": [f"{SUBJECT}{k}" for k in range(count)], "arm": arms, "time": np.arange(1.0, count + 1)}
    return pd.DataFrame({**columns, "endpoint": "os", "event": [k % 3 > 0 for k in range(count)], "reason": EVIL})


def lesions() -> imo.TrialData:
    rows = [(SUBJECT, EVIL, t, "target", f"l{k}", v) for t, v in ((0.0, 20.0), (42.0, 8.0), (84.0, 7.0)) for k in range(2)]
    return imo.trial.read_lesions(pd.DataFrame(rows, columns=["subject", "arm", "day", "kind", "lesion", "diameter_mm"]))


def grid() -> Any:
    model = imo.load_model("claret2009")
    made = imo.scenario.grid(
        model, lambda a, b: imo.Regimen(), {EVIL: [1.0, 2.0], "b": [1.0, 2.0]}, until=2, measure="sum_of_diameters"
    )
    return replace(made, label=EVIL)


def virtual_patients() -> pd.DataFrame:
    patients = imo.sample_patients("ribba2022", {"growth_rate": imo.virtual_population.LogNormal(0.0016, 1.0)}, 10, seed=1)
    return patients.set_axis([f"{SUBJECT}{k}" for k in range(len(patients))])


def slow() -> imo.virtual_population.PlausibilityCriterion:
    return imo.virtual_population.PlausibilityCriterion("sum_of_diameters", upper="150 mm", at="1 year")


def virtual_trial(**options: Any) -> Any:
    patients = pd.DataFrame({"growth_rate": np.linspace(0.002, 0.012, 40)})
    return imo.simulate_trial(patients, {EVIL: None, "b": None}, 20, model="ribba2022", seed=1, **options)


def virtual_cohort() -> imo.virtual_population.Cohort:
    responses = pd.DataFrame({"best_response": ["PR", "PD", "SD", "CR"], EVIL: range(4)})
    patients = imo.virtual_population.VirtualPatients(pd.DataFrame({EVIL: [1.0, 2.0, 3.0, 4.0]}), {EVIL: responses})
    return imo.calibrate(patients, [imo.virtual_population.ResponseRateTarget.objective(EVIL, 0.5, 10)])


def independent_action() -> Any:
    both = ends().assign(arm=f"{EVIL} both", subject=lambda t: t["subject"] + "+")
    data = pd.concat([ends(), both], ignore_index=True)
    return imo.independent_action(EVIL, "<i>b</i>", f"{EVIL} both", data=data, draws=5, correlation=0.0)


def four_groups() -> pd.DataFrame:
    rows = [(f"{g}{k}", g, t, 100 + t * k) for g in (EVIL, "a", "b", "c") for k in (1, 2) for t in (0.0, 3.0, 6.0)]
    return pd.DataFrame(rows, columns=["subject", "arm", "time", "value"])


def responding() -> imo.virtual_population.Cohort:
    outcomes = pd.DataFrame({"best_response": ["PR", "PD", "SD", "CR"]})
    arms = dict.fromkeys((EVIL, "a", "b", "c"), outcomes)
    patients = imo.virtual_population.VirtualPatients(pd.DataFrame({"x": range(4)}), arms)
    return imo.virtual_population.Cohort(patients, np.ones(4))


def doses() -> Any:
    first, second = (d.ravel() for d in np.meshgrid([0, 0.5, 1, 2, 4], [0, 0.5, 1, 2, 4]))
    table = pd.DataFrame({"first_dose": first, "second_dose": second, "effect": (first + second) / (1 + first + second)})
    return imo.combination.dose_surface(table, first=EVIL)


def interaction() -> Any:
    pair = (trial(), "rate")
    options = {"random": ["amount"], "start": 0.0, "iterations": 1, "progress": False}
    return imo.combination.interaction_test(replace(decay_model(), name=EVIL), *pair, null=0.3, **options)


@cache
def calibrated_population() -> Any:
    """Return a small cohort of which every text of its file that is shown is HTML."""
    from tempfile import TemporaryDirectory

    text = (Path(__file__).parent / "data" / "cohorts" / "toy.toml").read_text(encoding="utf-8")
    text = text.replace('"A toy cohort"', f"{EVIL!r}").replace('trial = "toy"', f"trial = {EVIL!r}").replace("= 300", "= 60")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "toy.toml"
        path.write_text(text, encoding="utf-8")
        return imo.cohorts.calibrate_population(path, progress=False)


def chosen(**values: Any) -> imo.Regimen:
    return imo.Regimen().dose("dose", values[EVIL])


def found_dose() -> Any:
    events = {"response": "tumour: final <= 0.5", "toxicity": "drug: maximum >= 1.5"}
    patients = pd.DataFrame({"kill": [0.5, 1.0]})
    return imo.optimisation.find_dose(log_kill(), chosen, 5, doses={EVIL: [0.0, 2.0]}, patients=patients, draws=10, **events)


def pareto() -> Any:
    how = {"choose": {EVIL: [1.0, 2.0]}, "minimise": "tumour: final", "against": "cumulative(dose)", "points": 2}
    return imo.optimisation.pareto_front(log_kill(), chosen, 5, **how)


def sensitive() -> Any:
    def function(table: pd.DataFrame) -> Any:
        return table["a"]

    function.__name__ = EVIL
    return imo.global_sensitivity(None, {"a": imo.virtual_population.Uniform(0, 1)}, function, method="tornado")


def _checked() -> pd.DataFrame:
    return pd.DataFrame({"observed": [1.0], "lower": [0.0], "upper": [2.0], "stratum": [EVIL]})


def _starts() -> pd.DataFrame:
    return pd.DataFrame({"objective": [1.0], "success": [True], "message": [EVIL]})


SHOWN: dict[str, Callable[[], Any]] = {
    "Catalogue": lambda: Catalogue(pd.DataFrame({"title": [EVIL]}, index=pd.Index([EVIL], name="name"))),
    "Description": lambda: imo.describe(replace(decay_model(), title=EVIL, description=EVIL, name=EVIL)),
    "EachResult": lambda: imo.fitting.EachResult({EVIL: fitted()}, {EVIL: EVIL}),
    "PredictiveCheck": lambda: imo.population.PredictiveCheck(EVIL, EVIL, EVIL, False, 1, 0.9, *[_checked()] * 3),
    "OptimalSchedule": lambda: imo.optimise(log_kill(), chosen, 5, choose={EVIL: [1.0, 2.0]}, minimise="tumour: final"),
    "ParetoFront": pareto,
    "DoseFinding": found_dose,
    "GlobalSensitivity": sensitive,
    "Model": lambda: replace(decay_model(), title=EVIL, description=EVIL, name=EVIL),
    "Regimen": lambda: replace(imo.Regimen().dose("drug", "1 mg"), title=EVIL),
    "Simulation": lambda: imo.simulate(replace(decay_model(), name=EVIL, title=EVIL), until=1),
    "TrialData": trial,
    "Reconciliation": lambda: trial().reconciliation if hasattr(trial(), "reconciliation") else _reconciliation(),
    "Responses": lambda: imo.recist(lesions()),
    "KaplanMeier": lambda: imo.kaplan_meier(ends(), "os"),
    "SurvivalRegression": lambda: imo.trial.cox(ends(), endpoint="os", reference=EVIL),
    "FitResult": fitted,
    "FitComparison": lambda: imo.fitting.compare_fits({EVIL: fitted(), "b": fitted()}),
    "Draws": lambda: fitted().bootstrap(2, progress=False),
    "Profiles": lambda: fitted().profile(progress=False),
    "Identifiability": lambda: imo.identifiability(decay_model(), ["rate"], data=trial()),
    "PopulationResult": lambda: imo.fit_population(
        decay_model(), trial(), random=["rate"], method="focei", start=0.0, iterations=1, progress=False
    ),
    "Comparison": lambda: imo.compare("claret2009", {EVIL: None, "b": None}, until=2),
    "Grid": grid,
    "VirtualPatients": lambda: virtual_cohort().patients,
    "Cohort": lambda: virtual_cohort(),
    "HeldOut": lambda: virtual_cohort().held_out([imo.virtual_population.ResponseRateTarget.objective(EVIL, 0.5, 10)]),
    "RuleComparison": lambda: imo.virtual_population.compare_rules(
        virtual_cohort().patients, [imo.virtual_population.ResponseRateTarget.objective(EVIL, 0.5, 10)]
    ),
    "PopulationDistribution": lambda: imo.virtual_population.PopulationDistribution(
        {"rate": imo.virtual_population.LogNormal(1.0, 0.1)}, title=EVIL, description=EVIL
    ),
    "Plausibility": lambda: imo.virtual_population.check_plausibility("ribba2022", virtual_patients(), slow()),
    "PlausibleSample": lambda: imo.virtual_population.sample_plausible_patients(
        "ribba2022", {"growth_rate": imo.virtual_population.LogNormal(0.0016, 1.0)}, 10, slow()
    ),
    "SurvivalReconstruction": lambda: imo.reconstruct_survival({EVIL: [[0, 1], [3, 0.5]]}, {EVIL: {0: 10}}),
    "CumulativeIncidence": lambda: imo.trial.cumulative_incidence(ends()),
    "LogRankTest": lambda: imo.trial.log_rank(ends(), "os"),
    "MaxComboTest": lambda: imo.trial.max_combo(ends(), "os"),
    "MilestoneSurvival": lambda: imo.trial.milestone_survival(ends(), 5, "os"),
    "RestrictedMeanSurvival": lambda: imo.trial.restricted_mean_survival(ends(), None, "os"),
    "MouseResponses": lambda: imo.trial.mouse_mrecist(
        pd.DataFrame({"subject": SUBJECT, "arm": EVIL, "time": [0, 5, 10, 15], "value": [200.0, 150, 80, 50]})
    ),
    "ResponseRateDifference": lambda: imo.trial.response_rate_difference(
        pd.DataFrame({"arm": [EVIL, "b"], "responders": [12, 36], "n": [77, 154]})
    ),
    "SimulatedTrial": lambda: virtual_trial(),
    "CalibratedPopulation": lambda: calibrated_population(),
    "TrialComparison": lambda: calibrated_population().compare_with_trials(progress=False),
    "IndependentAction": independent_action,
    "IndependentResponse": lambda: imo.combination.independent_response(
        EVIL, "b", data=pd.DataFrame({"arm": [EVIL, "b"], "responders": [12, 36], "n": [77, 154]})
    ),
    "Synergy": lambda: imo.synergy(responding(), EVIL, "a", "b", control="c", draws=5),
    "GrowthSynergy": lambda: imo.synergy(four_groups(), EVIL, "a", "b", control="c"),
    "DoseSurface": doses,
    "SurfaceFit": lambda: doses().fit("braid"),
    "InteractionTest": interaction,
    "SurvivalArm": lambda: imo.combination.survival_arm(ends(), EVIL, endpoint="os"),
    "Fractionation": lambda: imo.optimisation.fractionation(0.3, 10, tissue_alpha_beta=3, tissue_effective_dose=100),
    "CrossValidation": lambda: CrossValidation((EVIL, "b"), np.array([0, 1]), np.array([1.0, 2.0])),
    "PetabFit": lambda: imo.io.PetabFit({EVIL: 1.0}, 1.0, True, EVIL, _starts(), SimpleNamespace(params={})),
    "RepeatedTrials": lambda: virtual_trial(replicates=2),
}
"""What shows itself in a notebook, made of names that are HTML."""


def _reconciliation() -> Any:
    from immunoode.tables.reconciliation import Reconciliation

    return Reconciliation(EVIL, (), {EVIL: EVIL}, (EVIL,))


def test_everything_that_shows_itself_is_tested() -> None:
    found = set()
    texts = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    for text in texts:
        for node in ast.walk(ast.parse(text)) if "_repr_" in text or "@shown" in text else ():
            if isinstance(node, ast.ClassDef) and any(
                [
                    *(getattr(f, "name", "").startswith("_repr_") for f in node.body),
                    *(getattr(d, "id", "") == "shown" for d in node.decorator_list),
                ]
            ):
                found.add(node.name)
    assert found == set(SHOWN)


@pytest.mark.parametrize("name", spread(SHOWN, 8))
def test_names_are_no_html(name: str) -> None:
    shown = SHOWN[name]()._repr_html_()
    assert not re.search(r"<(script|img|b>1|i>b)", shown), re.search(r".{80}<(script|img|b>1|i>b)", shown)


@pytest.mark.parametrize("name", spread(SHOWN, 8))
def test_dollar_signs_in_names_are_no_mathematics_in_notebooks(name: str) -> None:
    shown = SHOWN[name]()._repr_html_()
    skipped = r"<pre>.*?</pre>|<svg.*?</svg>|\$\$.*?\$\$|<summary>.*?</summary>"  # MathJax leaves the first; equations are ours
    bare = re.sub(rf"{skipped}|</?details[^>]*>", "", shown, flags=re.DOTALL)
    ignored = re.sub(r'<div class="tex2jax_ignore mathjax_ignore">.*?</div>', "", bare, flags=re.DOTALL)
    assert not re.sub(r"<[^>]*>", "", ignored).strip()


def test_pages_hold_what_they_are_given_as_text() -> None:
    made = page(EVIL, [Section(EVIL, paragraph(EVIL) + preformatted(EVIL) + image(b"", EVIL))])
    assert "<script" not in made and "<img src=x" not in made and 'alt="&lt;script&gt;' in made


TITLES = [
    'x"""\nimport os\nRUN = 1\n"""',
    'x\\"""\nRUN = 1\n"""',
    "x\nRUN = 1\n",
    "x\rRUN = 1",
    "x\u2028RUN = 1\x0cRUN = 1\x85RUN = 1",
    'ends in quotes "',
    "ends in a backslash \\",
    "ends in & ",
    "x }\n$ERROR\nRUN = 1\n; \\",
    "\\end{document}\\input{/etc/passwd} % $x^2$ #1 ~ _ {",
]


def hostile(title: str) -> imo.Model:
    model = decay_model()
    parts = {n: replace(p, title=title, source=title, unit=p.unit) for n, p in model.parameters.items()}
    return replace(model, title=title, description=title, parameters=parts)


@pytest.mark.parametrize("title", TITLES)
def test_a_title_is_no_code(title: str) -> None:
    model, plain = hostile(title), decay_model()
    namespace: dict[str, Any] = {}
    exec(compile(imo.io.write_code(model, "python"), "made.py", "exec"), namespace)  # noqa: S102  # our own code
    assert "RUN" not in namespace and namespace["rates"](0.0, [1.0]) == [-plain.parameters["rate"].value]
    for language, comment in (("rxode2", "#"), ("antimony", "//"), ("nonmem", ";")):
        ours, known = (imo.io.write_code(m, language).splitlines() for m in (model, replace(plain, title="known")))
        bare = [
            [line.split(f" {comment} ")[0] for line in lines if not line.startswith((comment, "$PROBLEM"))]
            for lines in (ours, known)
        ]
        assert bare[0] == bare[1], language
        assert not any(line.endswith(("\\", "&")) for line in ours)


@pytest.mark.parametrize("title", TITLES)
def test_a_title_is_no_latex(title: str) -> None:
    lines = imo.io.write_code(hostile(title), "latex").splitlines()
    known = imo.io.write_code(hostile("known"), "latex").splitlines()
    assert len(lines) == len(known)
    for ours, theirs in zip(lines, known, strict=True):
        assert ours == theirs or not re.search(r"(?<!\\)[%#$](?!\$)|\\(input|end)\b", _without_symbols(ours))


def _without_symbols(line: str) -> str:
    return re.sub(r"^\$.*?\$ & \$.*?\$", "", line)


@pytest.mark.parametrize("unit", ["1/day\nRUN = 1", '1/day"\nRUN = 1'])
def test_a_unit_is_no_code(unit: str) -> None:
    model = decay_model()
    model = replace(model, parameters={n: replace(p, unit=unit) for n, p in model.parameters.items()})
    namespace: dict[str, Any] = {}
    exec(compile(imo.io.write_code(model, "python"), "made.py", "exec"), namespace)  # noqa: S102  # our own code
    assert "RUN" not in namespace


@pytest.mark.parametrize("name", ['x"] or print(1) or ["', "x\nimport os", "x'; y", "class", "", "a b"])
@pytest.mark.parametrize("language", ["python", "antimony", "rxode2", "nonmem", "latex"])
def test_names_that_are_none_are_refused(name: str, language: str) -> None:
    model = decay_model()
    model = replace(model, derived={**model.derived, name: imo.model.Derived("rate", "1/day")})
    with pytest.raises(ModelError, match="has the name"):
        imo.io.write_code(model, language)


SYMBOLS = [
    "\\input{/etc/passwd}",
    "\\write18{id}",
    "x$ \\href{javascript:alert(1)}{y} $",
    "x}{",
    "%",
    "\\\\ x",
    "x\n\ny",
    "\\def\\x{}",
]


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_symbol_that_is_none_gives_way_to_the_name(symbol: str) -> None:
    model = decay_model()
    model = replace(model, parameters={n: replace(p, symbol=symbol) for n, p in model.parameters.items()})
    assert symbols(model)["rate"] == "\\text{rate}"
    assert symbol not in imo.io.write_code(model, "latex") or symbol in ("x}{", "%")
    assert symbol not in model._repr_html_() or symbol in ("%",)


@pytest.mark.parametrize("name", model_names())
def test_symbols_of_models_are_shown_as_they_are(name: str) -> None:
    model = imo.load_model(name)
    shown = symbols(model)
    for table in (model.constants, model.compartments, model.derived, model.modifiables):
        for key, part in table.items():
            own = re.sub(r"[^A-Za-z]", "", part.symbol)
            assert not own or own in re.sub(r"\\mathrm|[^A-Za-z]", "", shown[key]), (key, part.symbol, shown[key])


def test_a_title_with_control_characters_is_written_as_sound_sbml() -> None:
    model = hostile("a\x00\x07\x0b\x1b\ufffe & <b> ]]> end")
    assert imo.io.read_sbml(imo.io.write_sbml(model)).title == "a & <b> ]]> end"
