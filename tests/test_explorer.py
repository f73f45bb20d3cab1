"""The explorer without a browser: state, rows, panels, code, messages and files."""

from __future__ import annotations

import sys
from base64 import b64decode
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.errors import DataError, FileError, MissingPackageError, ModelError, PopulationError, RegimenError, SolveError
from immunoode.explorer.dose_rows import dose_arguments, rows_of, time_text
from immunoode.explorer.exchange import answer
from immunoode.explorer.messages import opening_message, panels_message
from immunoode.explorer.model_explorer import ModelExplorer
from immunoode.explorer.state import DoseRow, EditedRegimen, ExplorerState
from immunoode.regimen.regimen import Regimen
from immunoode.virtual_population import LogNormal


@pytest.fixture(scope="module")
def explorer() -> ModelExplorer:
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    sliders = ["growth_rate", "priming_rate", "weight"]
    return ModelExplorer(model, ["pembrolizumab_3_weekly", None], "24 weeks", sliders=sliders, patients=24)


def changed_row(state: ExplorerState, **texts: str) -> ExplorerState:
    """Return a state with another first row."""
    first, *others = state.regimens
    row = replace(first.rows[0], **texts)
    return replace(state, regimens=(EditedRegimen(first.name, (row, *first.rows[1:])), *others))


def check_code(explorer: ModelExplorer, state: ExplorerState, **given: Any) -> dict[str, Any]:
    """Execute the code of a state, and compare every number with the panels."""
    panels = explorer.panels(state)
    made: dict[str, Any] = dict(given)
    exec(explorer.code(state), made)
    for panel in panels.panels:
        for one in panel.series:
            name = panels.regimens[one.regimen]
            if panel.kind == "survival":
                assert np.array_equal(one.days, made["survival"][name]["time"])
                assert np.array_equal(one.values, made["survival"][name]["survival"])
            elif not one.reference:
                assert np.array_equal(one.days, made["runs"][name].times)
                assert np.array_equal(one.values, made["runs"][name][panel.name])
    if panels.cohort is not None:
        for name, table in made["outcomes"].items():
            assert table.equals(panels.cohort.to_frame().loc[name].set_axis(table.index))
    return made


@pytest.mark.parametrize("name", imo.list_regimens().index)
def test_every_regimen_of_the_library_has_rows_that_read_back(name: str) -> None:
    regimen, made = imo.load_regimen(name), Regimen()
    for row in rows_of(name, regimen).rows:
        amount, keywords = dose_arguments(row)
        made = made.dose(row.therapy, amount, **keywords)
    assert made.rules == regimen.rules


def test_rows_refuse_what_they_cannot_show() -> None:
    regimen = imo.Regimen().dose("drug", "1 mg").when("tumour", above=1.0, then="stop").reset(at=3)
    with pytest.raises(RegimenError, match="has triggers, which rows of doses cannot show") as caught:
        rows_of("adaptive", regimen)
    assert len(caught.value.problems) == 2
    with pytest.raises(RegimenError, match="infusions at a stated rate"):
        rows_of("rate", imo.Regimen().dose("drug", "10 mg", rate="1 mg/h"))
    with pytest.raises(RegimenError, match="is int"):
        rows_of("number", 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("days", [21.0, 1.0, 0.5, 30 / 1440, 1 / 24, 10.3, -5.0, 365.25])
def test_times_as_text_read_back(days: float) -> None:
    text = time_text(days)
    assert imo.Regimen().dose("drug", 1.0, start=float(text) if text[-1].isdigit() else text).doses[0].start == days


def test_the_code_makes_the_same_numbers(explorer: ModelExplorer) -> None:
    state = explorer.state.with_value("growth_rate", 0.0083).with_value("weight", 61.0)
    edited = changed_row(state, amount="2", unit="mg/kg", every="2 weeks", count="9", over="60 min", start="1 week")
    made = check_code(explorer, edited)
    assert float(made["patients"]["weight"].iloc[0]) != 61.0  # drawn about 75 kg, and scaled


def test_the_code_of_doses_before_day_0() -> None:
    regimen = imo.Regimen().dose("chemotherapy", "5 mg/kg", start=-5).dose("chemotherapy", "5 mg/kg", start="3 weeks")
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy"))
    name = resolve_input(model)
    regimen = imo.Regimen().dose(name, 1.0, start=-5).dose(name, 1.0, start="3 weeks")
    explorer = ModelExplorer(model, {"early": regimen}, "12 weeks", sliders=["growth_rate"], patients=8)
    panels = explorer.panels(explorer.state)
    assert panels.span[0] == -5 and panels.problems == ()
    check_code(explorer, explorer.state)


def resolve_input(model: Any) -> str:
    return next(iter(model.inputs))


def test_patients_of_a_table_and_of_values(explorer: ModelExplorer) -> None:
    table = pd.DataFrame({"growth_rate": [0.004, 0.006, 0.02], "weight": [60.0, 75.0, 90.0]}, index=["a", "b", "c"])
    made = ModelExplorer(
        explorer.setting.model.model,
        {"treated": "pembrolizumab_3_weekly"},
        "24 weeks",
        sliders=["growth_rate", "priming_rate"],
        patients=table,
        parameters={"pd1_inhibition": 4.0, "growth_rate": 0.005},
    )
    state = made.state.with_value("growth_rate", 0.01).with_value("priming_rate", 2e4)
    assert made.state.parameters["growth_rate"] == 0.005
    found = check_code(made, state, patients=table.copy())
    assert found["patients"]["growth_rate"].tolist() == [0.008, 0.012, 0.04]
    assert set(found["patients"]["priming_rate"]) == {2e4}
    assert found["outcomes"]["treated"].index.tolist() == ["a", "b", "c"]
    assert made.setting.patients is not None and made.setting.patients.code == ""


def test_patients_of_a_distribution_and_none() -> None:
    given = {"growth_rate": LogNormal(0.02, 0.2)}
    drawn = ModelExplorer("claret2009", None, "24 weeks", sliders=["growth_rate"], patients=given, number=12, seed=3)
    assert drawn.setting.patients is not None and len(drawn.setting.patients) == 12
    shipped = ModelExplorer("chatterjee2016", None, "24 weeks", sliders=[], patients="chatterjee2016", number=9)
    assert "imo.sample_patients(model, 'chatterjee2016', 9, seed=0)" in shipped.code(shipped.state)
    check_code(shipped, shipped.state)
    nobody = ModelExplorer("claret2009", None, "24 weeks", sliders=[], patients=None)
    assert [p.name for p in nobody.panels(nobody.state).panels] == ["sum_of_diameters"]
    check_code(nobody, nobody.state)


def test_patients_of_a_cohort_are_drawn_by_their_weights() -> None:
    patients = pd.DataFrame({"growth_rate": [0.01, 0.02, 0.03]})
    cohort = imo.virtual_population.Cohort(imo.virtual_population.VirtualPatients(patients), np.array([0.0, 1.0, 1.0]))
    made = ModelExplorer("claret2009", None, "24 weeks", patients=cohort, number=50)
    assert made.setting.patients is not None
    assert set(made.setting.patients.parameters["growth_rate"]) == {0.02, 0.03}
    assert "drawn by their weights from the 3 of the cohort" in made.setting.patients.description


def test_patients_of_a_shipped_cohort_make_the_same_numbers_by_code() -> None:
    model = imo.load_population("melanoma_first_line").model_with("pd1_inhibitor:nivolumab")
    explorer = ModelExplorer(model, "nivolumab_4_weekly", "24 weeks", patients="melanoma_first_line", number=16)
    assert explorer.setting.patients is not None and "without first_line" in explorer.setting.patients.description
    check_code(explorer, explorer.state.with_value("growth_rate", 0.01))


def test_generated_code_is_not_wide(explorer: ModelExplorer) -> None:
    lines = explorer.code(explorer.state).splitlines()
    assert max(len(line) for line in lines if not line.startswith("#")) <= 130


def test_a_volume_has_no_recist_lines_and_no_survival() -> None:
    explorer = ModelExplorer("kosinsky2018", None, "30 days", sliders=["growth_rate"])
    panels = explorer.panels(explorer.state)
    assert panels["tumour"].unit == "mm³" and not any(s.reference for s in panels["tumour"].series)
    assert panels["tumour"].notes == ("No lines of RECIST 1.1, which is for diameters.",)
    assert "needs diameters, and tumour size is in mm^3" in panels["survival"].notes[0]
    assert "median_pfs" not in panels.summary()
    check_code(explorer, explorer.state)


def test_limits_of_recist(explorer: ModelExplorer) -> None:
    size = explorer.panels(explorer.state)["sum_of_diameters"]
    result, limit, response = (next(s for s in size.series if s.reference == r) for r in ("", "progression", "response"))
    lowest = np.minimum.accumulate(result.values)
    assert np.array_equal(limit.values, np.maximum(1.2 * lowest, lowest + 5))
    assert np.allclose(response.values, 0.7 * result.values[0])


def test_panels_are_a_function_of_the_state(explorer: ModelExplorer) -> None:
    first = explorer.panels(explorer.state)
    explorer.panels(explorer.state.with_value("growth_rate", 0.02))
    again = explorer.panels(explorer.state)
    assert first.to_frame().equals(again.to_frame()) and first.summaries == again.summaries
    assert first.summary().index.tolist() == ["pembrolizumab 3 weekly", "untreated"]
    assert first.summary()["patients"].tolist() == [24, 24]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"amount": "100", "unit": "Mg"}, "did you mean 'mg'"),
        ({"amount": ""}, "does not begin with a number"),
        ({"amount": "-200"}, "is negative"),
        ({"unit": "mL"}, "cannot be converted to 'mg'"),
        ({"every": ""}, "without an interval"),
        ({"every": "3 parsecs"}, "every='3 parsecs'"),
        ({"count": "several"}, "count='several'"),
        ({"start": "soon"}, "start='soon'"),
        ({"over": "30"}, "over"),
        ({"therapy": "pembrolizumb"}, "did you mean 'pembrolizumab'"),
    ],
)
def test_a_wrong_row_is_said_beside_it(explorer: ModelExplorer, texts: dict[str, str], message: str) -> None:
    state = changed_row(explorer.state, **texts)
    panels = explorer.panels(state)
    told = panels_message(panels)["problems"]
    assert [(p["regimen"], p["row"]) for p in told["rows"]] == [(0, 1)] * len(told["rows"]) and told["rows"]
    assert any(message in p["text"] for p in told["rows"])
    assert {s.regimen for p in panels.panels for s in p.series} == {1}  # the other regimen is still shown
    with pytest.raises(RegimenError):
        explorer.code(state)


def test_a_wrong_state_is_an_answer(explorer: ModelExplorer) -> None:
    none = explorer.panels(replace(explorer.state, until="never"))
    assert none.panels == () and "never" in str(none.problems[0])
    missing = explorer.panels(explorer.state.with_value("growth_rate", None))  # type: ignore[arg-type]
    assert missing.panels == () and "a finite number in 1/day" in str(missing.problems[0])
    unknown = explorer.panels(replace(explorer.state, outputs=("sum_of_diametres",)))
    assert "did you mean 'sum_of_diameters'" in str(unknown.problems[0])
    far = explorer.panels(explorer.state.with_value("growth_rate", 0.2))
    assert far.panels and "growth_rate = 0.2 1/day is outside [0.0001, 0.1]" in str(far.problems[0])
    twice = replace(explorer.state, regimens=(EditedRegimen("a"), EditedRegimen("a")))
    assert "is there twice" in str(explorer.panels(twice).problems[0])
    assert answer(explorer, {"kind": "panels", "id": 4, "state": {"until": 3}})["kind"] == "problem"
    assert answer(explorer, {})["kind"] == "problem"


def test_wrong_arguments() -> None:
    with pytest.raises(ModelError, match="did you mean 'growth_rate'"):
        ModelExplorer("claret2009", sliders=["growth_rat"])
    with pytest.raises(SolveError, match="did you mean 'sum_of_diameters'"):
        ModelExplorer("claret2009", outputs="sum_of_diameter")
    with pytest.raises(SolveError, match="is not a time span"):
        ModelExplorer("claret2009", until=0.0)
    with pytest.raises(RegimenError, match="are empty"):
        ModelExplorer("claret2009", {})
    with pytest.raises(PopulationError, match="a number from 2"):
        ModelExplorer("claret2009", patients=1)
    with pytest.raises(PopulationError, match="no shipped distribution or cohort"):
        ModelExplorer("claret2009", patients="melanoma")
    with pytest.raises(PopulationError, match="columns that the model lacks: kill_rate"):
        ModelExplorer("claret2009", patients=pd.DataFrame({"kill_rate": [1.0, 2.0]}))
    with pytest.raises((PopulationError, DataError)):
        ModelExplorer("claret2009", patients=True)


def test_messages_have_what_the_browser_draws(explorer: ModelExplorer) -> None:
    opening = opening_message(explorer, explorer.state)
    slider = next(s for s in opening["parameters"] if s["name"] == "growth_rate")
    assert slider["source"].startswith("ribba2022") and (slider["low"], slider["high"]) == (0.0001, 0.1)
    assert opening["inputs"] == [{"name": "pembrolizumab", "unit": "mg", "units": ["mg", "mg/kg", "mg/m2"]}]
    panels = explorer.panels(explorer.state)
    message = panels_message(panels)
    one = message["panels"][0]["series"][0]
    values = np.frombuffer(b64decode(one["values"]), "<f4")
    assert np.allclose(values, panels.panels[0].series[0].values, rtol=1e-6)
    assert ExplorerState.from_json(opening["state"]) == explorer.state
    row = DoseRow("drug", "1", "mg", options={"days": (1, 8)})
    state = ExplorerState({}, (EditedRegimen("a", (row,)),), "1 year", ())
    assert ExplorerState.from_json(state.to_json()) == state


@pytest.mark.slow
def test_files(explorer: ModelExplorer) -> None:
    state = explorer.state.to_json()
    page = b64decode(answer(explorer, {"kind": "page", "id": 1, "state": state})["data"]).decode()
    assert "http://www.w3.org/2000/svg" in page and "https://" not in page and "src=" not in page
    svg = b64decode(answer(explorer, {"kind": "svg", "id": 2, "state": state})["data"]).decode()
    assert svg.startswith("<?xml")


def test_a_model_that_has_no_code_is_said() -> None:
    model = imo.load_model("claret2009").with_values(growth_rate=0.01)
    explorer = ModelExplorer(model, patients=None, sliders=["growth_rate"], until="24 weeks")
    assert "# model: the model that was given to imo.explore" in explorer.code(explorer.state)
    check_code(explorer, explorer.state.with_value("growth_rate", 0.02), model=model)


def test_the_widget(explorer: ModelExplorer, tmp_path: Any) -> None:
    pytest.importorskip("anywidget")
    from immunoode.explorer.widget import ExplorerWidget

    widget, sent = ExplorerWidget(explorer), list[dict[str, Any]]()
    widget.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]
    state = explorer.state.with_value("growth_rate", 0.01)
    widget._received(widget, {"kind": "panels", "id": 7, "state": state.to_json()}, [])
    assert sent[0]["id"] == 7 and widget.parameters["growth_rate"] == 0.01
    assert list(widget.regimens) == ["pembrolizumab 3 weekly", "untreated"]
    assert widget.to_frame().equals(explorer.panels(state).to_frame()) and widget.code() == explorer.code(state)
    widget.save(tmp_path / "explorer.html")
    assert (tmp_path / "explorer.html").read_text().startswith("<!doctype html>")
    with pytest.raises(FileError, match="exists|there"):
        widget.save(tmp_path / "explorer.html")
    with pytest.raises(FileError, match="ending"):
        widget.save(tmp_path / "explorer.docx")
    assert "3 sliders; regimens pembrolizumab 3 weekly, untreated" in repr(widget)


def test_without_anywidget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'immunoode\[explorer\]'"):
        imo.explore("claret2009")
