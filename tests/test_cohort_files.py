"""Cohort files: every mistake is found, all at once, with its place; files that are made to harm are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from immunoode.cohorts import read_cohort
from immunoode.errors import PopulationError

TOY = (Path(__file__).parent / "data" / "cohorts" / "toy.toml").read_text()
SOURCE = 'source = "estimate: for a test"'


def problems_of(text: str, folder: Path) -> str:
    path = folder / "toy.toml"
    path.write_text(text)
    with pytest.raises(PopulationError) as caught:
        read_cohort(path)
    return "\n".join(map(str, caught.value.problems))


MISTAKES = [
    ("seed = 1", "sed = 1", "toy.toml: sed: is not a table or key of cohort files; did you mean 'seed'"),
    ("patients = 300", "patients = 0", "patients: is 0; a whole number from 1 to 1,000,000"),
    ("patients = 300", "patients = 3.5", "patients: is 3.5"),
    ('models = ["tumour_immune"]', "", "models: is missing"),
    ('models = ["tumour_immune"]', 'models = ["tumour_imune"]', "models: model 'tumour_imune': is not a shipped model"),
    ('models = ["tumour_immune"]', 'models = ["a:b:c:d"]', "is not understood"),
    ('models = ["tumour_immune"]', "models = 3", "models: is 3; a text in quotes, or a list"),
    ("[parameters]", "[parameters]\ngrwth = { distribution = 'fixed', value = 1 }", "parameters.grwth: has no source"),
    ("growth_rate = {", "growth_rat = {", "'growth_rat'.*is not a parameter of model"),
    ("sd = 0.5", "sd = -0.5", "parameters.growth_rate"),
    ("lower = 0.9", 'lower = "0.9 mm"', "criterion|mm"),
    ("relative_to_start = true", "relative_to_begin = true", "did you mean 'relative_to_start'"),
    ('at = "90 days"', 'at = "90 dogs"', r"plausibility\[0\]"),
    ('output = "sum_of_diameters"', 'output = "sum_of_diameter"', "did you mean 'sum_of_diameters'"),
    ('every = "6 weeks", until = "36', 'evry = "6 weeks", until = "36', "evry: is not a valid key; did you mean 'every'"),
    ('every = "6 weeks", until = "36', 'every = "6 seconds", until = "36', "visits: make about .* visits; at most 5,000"),
    ("per_year = 0.3, exponent", 'per_year = "x", exponent', r"death\[0\]: has a value of the wrong kind"),
    ("per_year = 0.3, exponent", "per_year = -1, exponent", r"death\[0\]: per_year: is -1"),
    ("[observation]", "[observation]\nconfirmed = 1", "observation.confirmed: is 1; true or false"),
    ("[observation]", '[observation]\noutput = "size"', "'size' is not an output of the model"),
    ('"chemotherapy:docetaxel"]\ndoses', '"chemotherapy:docetaxol"]\ndoses', "arms.docetaxel.models"),
    ('input = "docetaxel", amount = "75 mg/m2", every = "3 weeks", count = 6', 'input = "docetaxel"', "amount: is missing"),
    ('input = "docetaxel", amount', 'input = "docetaxol", amount', "gives 'docetaxol', which no model of the arm takes"),
    ('amount = "75 mg/m2"', 'amount = "75 miles"', "is in 'miles'"),
    ('regimen = "pembrolizumab_3_weekly"', 'regimen = "pembrolizumab_3_daily"', "pembrolizumab_3_weekly"),
    ('start = "-9 weeks"', 'start = "9 weeks"', "start: is day 63; day 0 or a day before"),
    ('start = "-9 weeks"', "", "before: is stated without a start"),
    ('start = "-9 weeks"', 'start = "-9 weeks"\nstat = 1', "arms.after.stat: is not a valid key; did you mean 'start'"),
    ('kind = "median"\narm', 'kind = "meadian"\narm', r"targets\[1\].kind: is 'meadian'; did you mean 'median'"),
    ("rate = 0.25\n", "", r"targets\[0\]: rate, rates: are both stated, or neither"),
    ("rate = 0.25\n", "rate = 25\n", r"targets\[0\]: rate of 'CR\+PR': is 25; a fraction"),
    ("n = 120\n", "", r"targets\[0\]: has no n"),
    ("n = 120\n", "n = 0\n", r"targets\[0\]: n: is 0"),
    (
        "ratio = 0.6",
        "ratio = 0.6\nfollow_up = ['9 months', '6 months']",
        r"follow_up: is \('9 months', '6 months'\); the shortest",
    ),
    ('value = "5 months"', 'value = "9 months"', r"targets\[1\]: interval"),
    ('arm = "docetaxel"\nrate', 'arm = "docetaxl"\nrate', "'docetaxl' is not an arm of the file; did you mean 'docetaxel'"),
    ('trial = "toy"\n' + SOURCE, 'trial = "toy"', r"targets\[0\]: has no source"),
    (
        SOURCE + '\n\n[[targets]]\nkind = "median"',
        'source = "nobody2020"\n\n[[targets]]\nkind = "median"',
        "'nobody2020' is not in references.bib",
    ),
    ('[-inf, "median"]', "[2, 1]", r"held_out\[0\]: among 'baseline_sum_of_diameters': is \(2, 1\)"),
    (
        "among = { baseline_sum_of_diameters",
        "among = { baseline_size",
        "'baseline_size' is neither a drawn parameter nor an outcome",
    ),
    ("interval = [0.45, 0.8]", "interval = [0.65, 0.8]", r"held_out\[2\]: interval"),
    ('arms = ["both", "docetaxel"]', 'arms = ["both"]', r"held_out\[2\]: arms"),
    ('combination = ["docetaxel", "pembrolizumab"]', 'combination = ["docetaxel"]', "the arms of two or more single drugs"),
    ("[[held_out]]\nkind", "[[held_out]]\nset = 2\nkind", r"held_out\[0\].set: is 2"),
    ("[[targets]]\nkind", '[[targets]]\nset = "second"\nkind', r"targets\[0\].set: is not a valid key"),
    ("intervals = [[0.72, 0.87], [0.46, 0.64]]", "", "at_risk, intervals, n: are missing"),
    ("survival = [0.8, 0.55]", "survival = [0.5, 0.55]", r"held_out\[3\]"),
    ('[[held_out]]\nkind = "response rate"\narm = "both"', '[[held_out]]\narm = "both"', r"held_out\[1\].kind: is None"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[m[2][:40] for m in MISTAKES])
def test_a_mistake_is_found(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    assert right in TOY
    found = problems_of(TOY.replace(right, wrong, 1), tmp_path)
    assert re.search(said, found), found
    assert "toy.toml" in found


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    text = TOY.replace("patients = 300", "patients = 0").replace("sd = 0.5", "sd = -0.5").replace("rate = 0.25", "rate = 25")
    found = problems_of(text.replace('value = "5 months"', 'value = "9 months"'), tmp_path)
    assert all(word in found for word in ("patients", "growth_rate", "targets[0]", "targets[1]"))


def test_nothing_may_stand_after_the_weights_record(tmp_path: Path) -> None:
    text = TOY.replace("[arms.untreated]", "[calibration]\n\n[arms.untreated]")
    assert "is followed by other tables" in problems_of(text, tmp_path)


HOSTILE = {
    "deep": "x = " + "[" * 5000 + "]" * 5000,
    "wide": "\n".join(f"k{k} = 1" for k in range(40_000)),
    "no text": "\x00\x01",
    "not TOML": "patients = = 3",
    "empty": "",
    "large": "#" * 2_100_000,
    "a list of numbers for a table": TOY.replace("[observation]", "[observation]\ndropout = [1, 2]"),
    "infinite patients": TOY.replace("patients = 300", "patients = inf"),
    "no kind of text": TOY.replace('trial = "toy"', "trial = 3", 1).replace("n = 120", 'n = "many"'),
    "arms as a list": "arms = [1]\n" + TOY.split("[arms.untreated]")[0],
    "targets as text": 'targets = "x"\n' + TOY.split("[[targets]]")[0],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    assert problems_of(HOSTILE[name], tmp_path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.toml"):
        with pytest.raises((PopulationError, OSError)):
            read_cohort(path)
