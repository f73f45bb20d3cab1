"""Arms whose patients differ from those of the cohort."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.cohorts import CalibratedPopulation, calibrate_population, read_cohort
from immunoode.cohorts.arm_simulation import parameters_of_arm
from immunoode.errors import DataError, PopulationError, SolveError

TOY = (Path(__file__).parent / "data" / "cohorts" / "toy.toml").read_text(encoding="utf-8")
ARMS = """
[arms.resistant]
models = ["pd1_inhibitor:pembrolizumab"]
regimen = "pembrolizumab_3_weekly"

[arms.resistant.patients]
kill_rate = { factor = 0.25, source = "estimate: for a test" }
recruitment_rate = { factor = 0.5, source = "estimate: for a test" }
previously_treated = { distribution = "categorical", values = [0, 1], probabilities = [0.4, 0.6], source = "estimate: a test" }
baseline_sum_of_diameters = { distribution = "uniform", lower = 2, upper = 4, unit = "cm", source = "estimate: for a test" }

[arms.resistant_untreated]

[arms.resistant_untreated.patients]
previously_treated = { distribution = "categorical", values = [0, 1], probabilities = [0.4, 0.6], source = "estimate: a test" }

[[targets]]
"""


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = TOY.replace("[[targets]]\n", ARMS.lstrip("\n"), 1)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "toy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def of_arm(population: CalibratedPopulation, name: str) -> pd.DataFrame:
    arm = population.arms[name]
    return parameters_of_arm(population.parameters, arm, population.model_with(name), population.definition.seed)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> CalibratedPopulation:
    return calibrate_population(written(tmp_path_factory.mktemp("arms")), progress=False)


def test_values_are_replaced_or_multiplied_in_the_units_of_the_model(calibrated: CalibratedPopulation) -> None:
    patients = calibrated.parameters
    found = of_arm(calibrated, "resistant")
    np.testing.assert_allclose(found["kill_rate"], patients["kill_rate"] / 4)
    model = imo.load_model("tumour_immune")
    np.testing.assert_allclose(found["recruitment_rate"], model.parameters["recruitment_rate"].value / 2)
    assert 20 <= found["baseline_sum_of_diameters"].min() and found["baseline_sum_of_diameters"].max() <= 40
    assert set(found["previously_treated"]) == {0.0, 1.0}
    assert abs(found["previously_treated"].mean() - 0.6) < 0.1
    assert found["growth_rate"].equals(patients["growth_rate"])


def test_a_replaced_value_is_the_same_in_all_arms_and_independent_of_the_drawn_one(calibrated: CalibratedPopulation) -> None:
    patients = calibrated.parameters
    one, other = (of_arm(calibrated, name) for name in ("resistant", "resistant_untreated"))
    assert one["previously_treated"].equals(other["previously_treated"])
    few = replace(calibrated, parameters=patients.iloc[5:9])
    assert of_arm(few, "resistant").equals(one.iloc[5:9])
    ranks = np.corrcoef(one["baseline_sum_of_diameters"].rank(), patients["baseline_sum_of_diameters"].rank())[0, 1]
    assert abs(ranks) < 0.2


def test_outcomes_are_those_of_the_arm_s_patients(calibrated: CalibratedPopulation) -> None:
    named = calibrated.simulate(["pembrolizumab", "resistant"], progress=False)
    assert named.rates("resistant")["PR"] < named.rates("pembrolizumab")["PR"] / 1.5
    regimen = calibrated.arms["resistant"].regimen
    stated = {
        "kill_rate": {"factor": 0.25},
        "recruitment_rate": {"factor": 0.5},
        "previously_treated": {"distribution": "categorical", "values": [0, 1], "probabilities": [0.4, 0.6]},
        "baseline_sum_of_diameters": {"distribution": "uniform", "lower": 2, "upper": 4, "unit": "cm"},
    }
    new = calibrated.simulate({"mine": regimen}, patients=stated, progress=False)
    assert new.patients.outcomes["mine"].equals(named.patients.outcomes["resistant"])


def test_a_number_is_the_value_of_every_patient(calibrated: CalibratedPopulation) -> None:
    new = calibrated.simulate({"mine": None}, patients={"baseline_sum_of_diameters": 30}, progress=False)
    assert abs(new.patients.outcomes["mine"]["baseline"].median() / 30 - 1) < 0.05


def test_wrong_patients_of_a_call_are_refused(calibrated: CalibratedPopulation) -> None:
    with pytest.raises(DataError, match="patients: can be stated for new arms only"):
        calibrated.simulate("docetaxel", patients={"kill_rate": 1})
    with pytest.raises(DataError, match="start: can be stated for new arms only"):
        calibrated.simulate("docetaxel", start="-2 weeks")
    with pytest.raises(DataError, match=r"simulate\(patients=...\): is \[1\]; a mapping"):
        calibrated.simulate({"mine": None}, patients=[1])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="patients: distribution of 'kil_rate'.*kill_rate"):
        calibrated.simulate({"mine": None}, patients={"kil_rate": 1})
    with pytest.raises(DataError, match="kill_rate.factor: is -1"):
        calibrated.simulate({"mine": None}, patients={"kill_rate": {"factor": -1}})
    with pytest.raises(DataError, match="patients.kill_rate: is '3'"):
        calibrated.simulate({"mine": None}, patients={"kill_rate": "3"})


def test_patients_of_whom_none_can_be_solved_are_an_error(calibrated: CalibratedPopulation) -> None:
    with pytest.warns(UserWarning, match="outside"), pytest.raises(SolveError, match=r"none of \d+ could be solved.*negative"):
        calibrated.simulate({"mine": None}, patients={"growth_rate": -1}, progress=False)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("factor = 0.25", "factor = nan", r"arms\.resistant\.patients\.kill_rate\.factor: is nan"),
        ("factor = 0.25", "factor = inf", "kill_rate.factor: is inf; a finite number"),
        ("factor = 0.25", 'factor = "half"', "is 'half'"),
        ("factor = 0.25, ", "factor = 0.25, unit = '1', ", r"kill_rate\.unit: is not a valid key"),
        ('factor = 0.25, source = "estimate: for a test"', "factor = 0.25", "kill_rate: has no source"),
        ('unit = "cm"', 'unit = "day"', "baseline_sum_of_diameters"),
        ("recruitment_rate = {", "recruitment = {", "recruitment.*is not a parameter.*recruitment_rate"),
        ('distribution = "uniform", lower = 2, upper = 4', 'distribution = "even"', "is 'even'"),
        ('arm = "pembrolizumab"\nrate = 0.35', 'arm = "resistant"\nrate = 0.35', "differs between the patients of the arm"),
    ],
)
def test_wrong_patients_of_a_file_are_problems(tmp_path: Path, old: str, new: str, match: str) -> None:
    with pytest.raises(PopulationError, match=match):
        read_cohort(written(tmp_path, (old, new)))


def test_patients_that_are_no_table_are_a_problem(tmp_path: Path) -> None:
    path = written(tmp_path, ("[arms.untreated]\n", "[arms.untreated]\npatients = 3\n"))
    with pytest.raises(PopulationError, match=r"arms\.untreated\.patients: is 3.*a table"):
        read_cohort(path)


SUBPOPULATION = """
[subpopulations.resistant]
kill_rate = { factor = 0.25, source = "estimate: for a test" }

[arms.untreated]
patients = "resistant"
"""


def test_a_subpopulation_is_stated_once_for_several_arms(tmp_path: Path, calibrated: CalibratedPopulation) -> None:
    path = written(tmp_path, ("\n[arms.untreated]\n", SUBPOPULATION))
    made = read_cohort(path).definition
    assert made.arms["untreated"].patients == made.subpopulations["resistant"]
    assert made.subpopulations["resistant"]["kill_rate"].factor == 0.25
    again = calibrate_population(path, progress=False)
    named = again.simulate({"mine": None}, patients="resistant", progress=False).patients.outcomes["mine"]
    table = again.simulate({"mine": None}, patients={"kill_rate": {"factor": 0.25}}, progress=False).patients.outcomes["mine"]
    assert named.equals(table)
    with pytest.raises(DataError, match="patients: 'resistent' is not a subpopulation of toy; did you mean 'resistant'"):
        again.simulate({"mine": None}, patients="resistent")
    with pytest.raises(DataError, match="'any' is not a subpopulation of toy; there are none here"):
        calibrated.simulate({"mine": None}, patients="any")


def test_the_hash_of_a_definition_has_what_the_subpopulations_of_its_arms_state(tmp_path: Path) -> None:
    in_target = (
        'models = ["chemotherapy:docetaxel"]\ndoses',
        'patients = "resistant"\nmodels = ["chemotherapy:docetaxel"]\ndoses',
    )
    without = SUBPOPULATION.replace('\npatients = "resistant"', "")
    keys = []
    for number, changes in enumerate(
        (
            [("\n[arms.untreated]\n", without)],
            [("\n[arms.untreated]\n", SUBPOPULATION)],
            [("\n[arms.untreated]\n", without), in_target],
            [("\n[arms.untreated]\n", without.replace("0.25", "0.5")), in_target],
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        keys.append(read_cohort(written(folder, *changes)).key)
    assert keys[0] == keys[1] and len(set(keys)) == 3


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (
            'patients = "resistant"',
            'patients = "resistent"',
            r"arms\.untreated\.patients: 'resistent' is not a subpopulation.*resistant",
        ),
        ("factor = 0.25", "factor = -1", r"subpopulations\.resistant\.kill_rate\.factor: is -1"),
        ("[subpopulations.resistant]\nkill_rate = { factor", "[subpopulations]\nresistant = { factor", "subpopulations"),
    ],
)
def test_wrong_subpopulations_are_problems(tmp_path: Path, old: str, new: str, match: str) -> None:
    with pytest.raises(PopulationError, match=match):
        read_cohort(written(tmp_path, ("\n[arms.untreated]\n", SUBPOPULATION), (old, new)))


def test_an_arm_has_a_source(tmp_path: Path) -> None:
    made = read_cohort(
        written(tmp_path, ("[arms.docetaxel]\n", '[arms.docetaxel]\nsource = "estimate: for a test"\n'))
    ).definition
    assert made.arms["docetaxel"].source == "estimate: for a test" and made.arms["both"].source == ""
    with pytest.raises(PopulationError, match=r"arms\.docetaxel"):
        read_cohort(written(tmp_path, ("[arms.docetaxel]\n", '[arms.docetaxel]\nsource = "nobody1900"\n')))
