"""Calibrated cohorts: from their files to weights and back, and beside trials."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import immunoode as imo
from immunoode.cohorts import CalibratedPopulation, calibrate_population, read_cohort
from immunoode.errors import DataError, FileError, PopulationError

TOY = Path(__file__).parent / "data" / "cohorts" / "toy.toml"


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> CalibratedPopulation:
    path = tmp_path_factory.mktemp("cohort") / "toy.toml"
    shutil.copy(TOY, path)
    made = calibrate_population(path, progress=False)
    made.save()
    return made


def copied(made: CalibratedPopulation, folder: Path) -> Path:
    """Return the path of a copy of the file and its weights."""
    for suffix in (".toml", ".npy"):
        shutil.copy(made.file.path.with_suffix(suffix), folder / f"toy{suffix}")
    return folder / "toy.toml"


def test_weights_meet_the_targets(calibrated: CalibratedPopulation) -> None:
    assert calibrated.calibrated is not None
    assert calibrated.calibrated.target_table()["misfit"].abs().max() < 0.3
    assert calibrated.record.plausible == len(calibrated) == 300
    assert 100 < calibrated.effective_sample_size < 300


def test_loading_gives_the_same_patients_and_weights(calibrated: CalibratedPopulation) -> None:
    loaded = imo.load_population(calibrated.file.path)
    pd.testing.assert_frame_equal(loaded.parameters, calibrated.parameters)
    np.testing.assert_allclose(loaded.weights, calibrated.weights, rtol=1e-12)
    assert loaded.record == calibrated.record


def test_saving_again_changes_nothing(calibrated: CalibratedPopulation, tmp_path: Path) -> None:
    path = copied(calibrated, tmp_path)
    before = [path.with_suffix(s).read_bytes() for s in (".toml", ".npy")]
    imo.load_population(path).save()
    after = [path.with_suffix(s).read_bytes() for s in (".toml", ".npy")]
    assert before[0] == after[0]
    assert before[0].startswith(TOY.read_bytes().rstrip())
    np.testing.assert_allclose(np.load(path.with_suffix(".npy")), np.frombuffer(before[1][-2400:]), rtol=1e-12)
    with pytest.raises(FileError, match="already exists"):
        calibrated.save(path, overwrite=False)


def test_a_changed_definition_is_refused_and_a_changed_text_is_not(calibrated: CalibratedPopulation, tmp_path: Path) -> None:
    path = copied(calibrated, tmp_path)
    text = path.read_text()
    path.write_text(text.replace('title = "A toy cohort"', 'title = "Another title"').replace("ratio = 0.6", "ratio = 0.7"))
    assert imo.load_population(path).title == "Another title"
    path.write_text(text.replace("rate = 0.25", "rate = 0.26"))
    with pytest.raises(PopulationError, match="belongs to another definition"):
        imo.load_population(path)
    path.write_text(text.replace(calibrated.record.patients, "0" * 32))
    with pytest.raises(PopulationError, match="belongs to other patients"):
        imo.load_population(path)
    path.write_text(text.replace(calibrated.record.models, "0" * 32))
    with pytest.warns(UserWarning, match="was made with other models"):
        imo.load_population(path)


def test_arms_without_targets_need_no_new_calibration(calibrated: CalibratedPopulation, tmp_path: Path) -> None:
    path = copied(calibrated, tmp_path)
    text = path.read_text()
    further = '[arms.irradiated]\nmodels = ["radiotherapy"]\nregimen = "radiotherapy_breast_25_fractions"\n\n'
    path.write_text(text.replace("[[targets]]", f"{further}[[targets]]", 1).replace("-9 weeks", "-8 weeks"))
    loaded = imo.load_population(path)
    assert "irradiated" in loaded.arms and loaded.arms["after"].start == -56
    path.write_text(text.replace("count = 6", "count = 5", 1))
    with pytest.raises(PopulationError, match="belongs to another definition"):
        imo.load_population(path)


def test_titles_and_symbols_of_a_model_do_not_count_as_another_model() -> None:
    from immunoode.cohorts.weights_file import models_key

    model = imo.load_model("claret2009")
    named = {name: replace(part, title="another title", symbol="Z") for name, part in model.compartments.items()}
    grown = {name: replace(part, initial=7.0) for name, part in model.compartments.items()}
    assert models_key(replace(model, compartments=named)) == models_key(model)
    assert models_key(replace(model, compartments=grown)) != models_key(model)


@pytest.mark.parametrize("name", imo.list_populations().index)
def test_shipped_cohorts_are_those_of_the_shipped_models(name: str) -> None:
    import tomllib

    from immunoode.cohorts.cohort_file import read_cohort
    from immunoode.cohorts.library import cohort_path
    from immunoode.cohorts.weights_file import models_key

    path = cohort_path(name)
    recorded = tomllib.loads(path.read_text(encoding="utf-8"))["calibration"]["models"]
    assert models_key(read_cohort(path).definition.calibration_model) == recorded


@pytest.mark.parametrize("name", imo.list_populations().index)
def test_shipped_cohorts_draw_no_value_outside_of_the_bounds_of_a_parameter(name: str) -> None:
    from immunoode.cohorts.library import cohort_path
    from immunoode.model.closed_model import resolve

    made = read_cohort(cohort_path(name)).definition
    parameters = resolve(made.whole_model).constants
    for parameter, entry in made.prior.entries.items():
        (least, most), bounds = entry.distribution.support, parameters[parameter].bounds
        assert bounds is None or bounds[0] <= least <= most <= bounds[1], parameter
    for arm in made.arms.values():
        for parameter, differing in arm.patients.items():
            entry, bounds = differing.distribution or made.prior.entries.get(parameter), parameters[parameter].bounds
            value = parameters[parameter].value
            least, most = entry.distribution.support if entry else (value, value)
            assert bounds is None or bounds[0] <= differing.factor * least <= differing.factor * most <= bounds[1], arm.name


def test_patients_are_compared_without_their_last_digits(calibrated: CalibratedPopulation) -> None:
    from immunoode.cohorts.weights_file import patients_key

    table = calibrated.parameters
    assert patients_key(table) == patients_key(table * (1 + 1e-13))
    assert patients_key(table) != patients_key(table * (1 + 1e-4))


def damaged(weights: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "shorter": weights[:-1],
        "negative": -weights,
        "not finite": np.full(len(weights), np.nan),
        "zero": np.zeros(len(weights)),
        "whole numbers": np.arange(len(weights)),
        "of two dimensions": weights[:, None],
        "objects": weights.astype(object),
    }


def test_damaged_weights_are_refused(calibrated: CalibratedPopulation, tmp_path: Path) -> None:
    path = copied(calibrated, tmp_path)
    for name, wrong in damaged(np.load(path.with_suffix(".npy"))).items():
        np.save(path.with_suffix(".npy"), wrong, allow_pickle=True)
        with pytest.raises(PopulationError, match="calibrate_population"):
            imo.load_population(path)
        assert name
    path.with_suffix(".npy").write_bytes(
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (10**15,), }"
    )
    with pytest.raises(PopulationError, match="is not an array of 300 weights"):
        imo.load_population(path)
    path.with_suffix(".npy").unlink()
    with pytest.raises(PopulationError, match="cannot be read"):
        imo.load_population(path)


def test_a_file_without_weights_says_so() -> None:
    with pytest.raises(PopulationError, match="has no weights yet"):
        imo.load_population(TOY)


def test_arms_are_simulated_by_name_and_by_regimen(calibrated: CalibratedPopulation) -> None:
    named = calibrated.simulate("docetaxel", progress=False)
    regimen = calibrated.arms["docetaxel"].regimen
    new = calibrated.simulate({"mine": regimen, "none": None}, progress=False)
    pd.testing.assert_frame_equal(new.patients.outcomes["mine"], named.patients.outcomes["docetaxel"])
    assert calibrated.calibrated is not None
    pd.testing.assert_frame_equal(named.patients.outcomes["docetaxel"], calibrated.calibrated.patients.outcomes["docetaxel"])
    assert new.median("none") < new.median("mine")


def test_a_therapy_that_no_arm_has_is_added_by_its_doses(calibrated: CalibratedPopulation) -> None:
    regimen = imo.Regimen().dose("radiotherapy", "2 Gy", every="1 day", count=30, weekdays=True)
    found = calibrated.simulate({"irradiated": regimen, "none": None}, progress=False)
    assert found.rates("irradiated").get("PR", 0) > found.rates("none").get("PR", 0)
    with pytest.raises(PopulationError, match="is not an input of any model"):
        calibrated.simulate({"unknown": imo.Regimen().dose("aspirin", "1 mg")})


def test_wrong_arms_are_refused(calibrated: CalibratedPopulation) -> None:
    with pytest.raises(DataError, match="'docetaxol' is not an arm of toy.*docetaxel"):
        calibrated.simulate(["docetaxol"])
    with pytest.raises(DataError, match="can be stated for new arms only"):
        calibrated.simulate("docetaxel", models=["radiotherapy"])
    with pytest.raises(DataError, match="arms: are empty"):
        calibrated.simulate({})
    with pytest.raises(DataError, match="arm 3: has a name that is not text"):
        calibrated.simulate({3: None})


def test_patients_who_cannot_be_solved_are_left_out(calibrated: CalibratedPopulation) -> None:
    few = calibrated.parameters.iloc[:4].assign(immune_escape_initial_fraction=[1e-3, 1.5, 1e-3, 1e-3])
    toy = replace(calibrated, parameters=few, weights=np.full(4, 0.25), calibrated=None)
    with pytest.warns(RuntimeWarning, match="1 of 4 patients could not be solved.*initial number of cells is negative"):
        found = toy.simulate({"mine": None}, models="clone:immune_escape", progress=False)
    assert len(found) == 3 and np.isfinite(found.median("mine"))


def test_one_further_model_is_named_by_text(calibrated: CalibratedPopulation) -> None:
    listed, named = (calibrated.simulate({"mine": None}, models=m, progress=False) for m in (["radiotherapy"], "radiotherapy"))
    pd.testing.assert_frame_equal(listed.patients.outcomes["mine"], named.patients.outcomes["mine"])
    with pytest.raises(DataError, match="was not calibrated.*simulate\\(arms, bands=True\\)"):
        named.median_band("mine")


def test_day_0_of_an_arm_that_starts_earlier_is_its_baseline(calibrated: CalibratedPopulation) -> None:
    seen = calibrated.simulate("after", progress=False).patients.outcomes["after"]["baseline"]
    arm, model = calibrated.arms["after"], calibrated.model_with("after")
    run = imo.simulate(model, arm.regimen, start=-63, times=[0.0], parameters=calibrated.parameters, outputs="sum_of_diameters")
    ratio = seen.to_numpy() / run["sum_of_diameters"][:, 0]
    assert abs(np.median(ratio) - 1) < 0.02 and np.std(ratio) < 0.15
    assert np.std(run["sum_of_diameters"][:, 0] / calibrated.parameters["baseline_sum_of_diameters"]) > 0.05


def test_the_comparison_with_trials(calibrated: CalibratedPopulation) -> None:
    loaded = imo.load_population(calibrated.file.path)
    found = loaded.compare_with_trials(progress=False)
    pd.testing.assert_frame_equal(found.table, calibrated.compare_with_trials(progress=False).table)
    table = found.table
    assert (table["use"] == "target").sum() == 5
    assert len(found.held_out()) == 8
    assert table.loc[table["use"] == "target", "within_published"].all()
    known = table["predicted"].notna()
    assert known.all()
    assert (table["lower"] <= table["predicted"]).all() and (table["predicted"] <= table["upper"]).all()
    wider = table[table["trial"] == ""]
    assert (wider["trial_lower"] <= wider["lower"] + 1e-9).all()
    assert table["independent_action"].notna().sum() == 5
    assert "independent action" in found.report()
    counts = found.counts()
    assert counts["numbers"].sum() == len(table)


def test_sets_of_held_out_numbers_are_shown_apart(calibrated: CalibratedPopulation, tmp_path: Path) -> None:
    import runpy

    path = copied(calibrated, tmp_path)
    path.write_text(path.read_text().replace("[[held_out]]\n", '[[held_out]]\nset = "second"\n', 1))
    script = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "virtual_populations" / "make_cohorts.py"))
    loaded = imo.load_population(path)
    assert [one.set for one in loaded.held_out].count("second") == 1
    comparison = loaded.compare_with_trials(progress=False)
    assert comparison.held_out()["set"].tolist()[0] == "second" and set(comparison.table["set"]) == {"", "second"}
    page = script["page"](loaded, comparison)
    assert page.count("## Second set of held-out numbers") == page.count("## Held-out numbers") == 1


def test_independent_action_is_that_of_the_closed_form(calibrated: CalibratedPopulation) -> None:
    from immunoode.cohorts.independent_arms import with_better_of

    cohort = calibrated.simulate(["docetaxel", "pembrolizumab"], progress=False)
    both = with_better_of(cohort.patients, ["docetaxel", "pembrolizumab"])
    found = imo.virtual_population.Cohort(both, cohort.weights).survival("docetaxel or pembrolizumab")
    closed = imo.independent_action("docetaxel", "pembrolizumab", data=cohort, draws=10).curve
    days = np.array([60.0, 120.0, 180.0])
    step = np.searchsorted(found["time"], days, side="right") - 1
    expected = np.interp(days, closed["time"], closed["independent"])
    np.testing.assert_allclose(found["survival"].to_numpy()[step], expected, atol=0.06)


def test_a_sample_has_equal_weights(calibrated: CalibratedPopulation) -> None:
    drawn = calibrated.sample(4000, seed=1)
    expected = calibrated.weights @ calibrated.parameters["growth_rate"]
    assert abs(drawn["growth_rate"].mean() / expected - 1) < 0.03
    own = calibrated.sample(5, seed=1, model=calibrated.model)
    assert "docetaxel_largest_kill" not in own and len(imo.simulate(calibrated.model, until=10, parameters=own).status) == 5


def test_the_definition_is_read(calibrated: CalibratedPopulation) -> None:
    made = read_cohort(TOY).definition
    assert list(made.arms) == ["untreated", "docetaxel", "pembrolizumab", "both", "after"]
    assert made.arms["both"].how.observation.visits.every == "8 weeks"
    assert made.arms["both"].how.observation.death == made.how.observation.death
    assert made.arms["after"].start == -63
    assert made.arms_of(made.targets) == ("docetaxel", "pembrolizumab")
    assert made.arms_of(made.held_out) == ("pembrolizumab", "both", "docetaxel")
    assert calibrated.report().startswith("A toy cohort: 300 virtual patients")


def test_the_page_of_a_cohort_shows_hits_and_misses(calibrated: CalibratedPopulation) -> None:
    import runpy

    script = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "virtual_populations" / "make_cohorts.py"))
    comparison = calibrated.compare_with_trials(progress=False)
    page = script["page"](calibrated, comparison)
    table = comparison.table
    assert page.count("**missed**") == (~table["within_published"]).sum()
    assert page.count("| within |") == table["within_published"].sum()
    assert len(comparison.plot()) == 3


def test_all_cohorts_whose_names_contain_a_word_are_suggested() -> None:
    with pytest.raises(PopulationError, match="did you mean 'melanoma_til' or 'melanoma_first_line'"):
        imo.load_population("melanoma")


def test_shipped_cohorts_load() -> None:
    listed = imo.list_populations()
    for name in listed.index[listed["effective_sample_size"].notna()]:
        loaded = imo.load_population(name)
        assert abs(loaded.effective_sample_size / listed.loc[name, "effective_sample_size"] - 1) < 1e-2
    with pytest.raises(PopulationError, match="is not shipped"):
        imo.load_population("nothing")
