"""The demonstration as a user runs it: on the example, on a table of one's own, on files that cannot be used."""

import pytest

import immunoode as imo
from immunoode.__main__ import main
from immunoode.demo import regimen_of, scenarios, treatments


@pytest.mark.slow
def test_the_example_leaves_figures_and_a_report(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path), "--quiet"]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"fit.png", "residuals.png", "scenarios.png", "report.html"}
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png;base64") == 3
    assert "simulated" in page.lower()
    assert "report.html" in capsys.readouterr().out


@pytest.mark.slow
def test_a_table_of_ones_own(tmp_path):
    frame = imo.load_example().to_frame()
    own = frame[frame["arm"] == "docetaxel"].rename(columns={"time": "day", "value": "sum_of_diameters"})
    own = own[["subject", "arm", "day", "sum_of_diameters"]].assign(arm="B")
    own.to_csv(tmp_path / "own.csv", index=False)
    out = tmp_path / "out"
    assert main(["demo", "--data", str(tmp_path / "own.csv"), "--out", str(out), "--arm", "B=docetaxel", "--quiet"]) == 0
    page = (out / "report.html").read_text()
    assert "B: docetaxel" in page
    assert "simulated from" not in page


@pytest.mark.slow
def test_lesions_that_vanish(tmp_path):
    """A table of lesions as published, where some are not seen any more: zero is a measurement, not a mistake."""
    rows = [
        (f"p{n}", day, d)
        for n, sizes in enumerate([(40, 30, 0), (30, 33, 35), (25, 20, 18)])
        for day, d in zip((-2, 40, 80), sizes, strict=True)
    ]
    lines = [f"1,Study_1_Arm_1,{s},{day},{d},{'TOO SMALL TO MEASURE' if s == 'p2' and day == 80 else ''}" for s, day, d in rows]
    table = tmp_path / "lesions.csv"
    table.write_text("\n".join(["study,arm,subject,day,diam_mm,flag", *lines]))
    out = tmp_path / "out"
    assert main(["demo", "--data", str(table), "--arm", "Study_1_Arm_1=atezolizumab", "--out", str(out), "--quiet"]) == 0
    assert "combined" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("text", "arguments", "phrase"),
    [
        (None, [], "absent.csv"),
        ("", [], "own.csv"),
        ("a,b\n1,2\n", [], "subject"),
        ("patient,when,what\n1,0,3\n", [], "head the columns in the file"),
        ("subject,arm,day,sum_of_diameters\n1,A,0,70\n1,A,42,60\n", ["--arm", "C=docetaxel"], "is not in the data"),
        ("subject,arm,day,sum_of_diameters\n1,A,0,70\n1,A,42,60\n", ["--arm", "A=docetaxl"], "did you mean 'docetaxel'"),
    ],
)
def test_what_cannot_be_used_ends_with_a_message(tmp_path, capsys, text, arguments, phrase):
    path = tmp_path / ("own.csv" if text is not None else "absent.csv")
    if text is not None:
        path.write_text(text)
    assert main(["demo", "--data", str(path), "--out", str(tmp_path / "out"), "--quiet", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("immunoode: ") and phrase in said
    assert "Traceback" not in said


def test_arms_are_read_from_their_names():
    found = treatments(("Docetaxel", "docetaxel + pembrolizumab", "control"), {})
    drugs = {arm: treatment.drugs for arm, treatment in found.items()}
    assert list(drugs.values()) == [("docetaxel",), ("pembrolizumab", "docetaxel"), ()]
    assert "untreated" in scenarios(drugs)
    assert regimen_of(("docetaxel",)).therapies == ("docetaxel",)


@pytest.mark.parametrize(
    ("name", "drugs"),
    [
        ("anti-PD-1", "pembrolizumab"),
        ("\u03b1PD-1", "pembrolizumab"),
        ("aPD1", "pembrolizumab"),
        ("Anti\u2013PD\u20111", "pembrolizumab"),
        ("anti-PD-1 (nivolumab)", "nivolumab"),
        ("PD-L1 inhibitor", "atezolizumab"),
        ("anti-CTLA-4", "ipilimumab"),
        ("RT", "radiotherapy"),
        ("Radiation 2 Gy x 30", "radiotherapy"),
        ("Pembro 200 mg q3w", "pembrolizumab"),
        ("nivo 3 mg/kg + ipi 1 mg/kg", "nivolumab ipilimumab"),
        ("MPDL3280A", "atezolizumab"),
        ("gem/cis", "cisplatin gemcitabine"),
        ("combo (RT + anti-PD-1)", "pembrolizumab radiotherapy"),
        ("placebo + docetaxel", "docetaxel"),
        ("Arm A: docetaxel", "docetaxel"),
        ("vehicle", ""),
        ("Ctrl", ""),
        ("no treatment", ""),
        ("IgG control", ""),
        ("Placebo", ""),
        ("Observation", ""),
    ],
)
def test_names_of_arms_as_trials_have_them(name, drugs):
    assert treatments((name,), {})[name].drugs == tuple(drugs.split())


@pytest.mark.parametrize(
    "name",
    [
        "combo",
        "A",
        "Arm B",
        "all",
        "chemo",
        "treated",
        "immunotherapy",
        "no RT",
        "anti-PD-1 without RT",
        "CAR-T",
        "docetaxel or pemetrexed",
        "docetaxl",
        "anti-PD-1 + drug X1",
        "Study_1_Arm_1",
        "chemoRT",
    ],
)
def test_a_name_that_is_not_clear_is_asked_for_and_never_untreated(name):
    with pytest.raises(imo.errors.DataError) as error:
        treatments((name,), {})
    assert f"--arm '{name}=" in str(error.value) or f"--arm {name}=" in str(error.value)
    assert treatments((name,), {name: "pembrolizumab+radiotherapy"})[name].drugs == ("pembrolizumab", "radiotherapy")
    assert treatments((name,), {name: "untreated"})[name].drugs == ()


def poor(arms):
    """Return a table of a few subjects whose sizes jump about: no growth rate can be told from it."""
    rows = ["subject,arm,day,sum_of_diameters"]
    for k, arm in enumerate(arms):
        for s in (0, 1):
            sizes = {0: 60 + s, 42: 40 + 30 * s, 84: 75 - 20 * s}
            rows += [f"{2 * k + s},{arm},{day},{size}" for day, size in sizes.items()]
    return "\n".join(rows)


def test_arms_that_are_not_clear_stop_the_command_with_what_to_write(tmp_path, capsys):
    (tmp_path / "own.csv").write_text(poor(["anti-PD-1", "RT", "combo"]))
    command = ["demo", "--data", str(tmp_path / "own.csv"), "--out", str(tmp_path / "out"), "--quiet"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "--arm 'combo=pembrolizumab + radiotherapy'" in said and "arms=" not in said
    assert "'RT'" not in said and "'anti-PD-1'" not in said
    assert not list(tmp_path.glob("out/*.png"))


@pytest.mark.slow
def test_values_that_the_data_do_not_determine_are_said_before_the_scenarios(tmp_path, capsys):
    (tmp_path / "own.csv").write_text(poor(["anti-PD-1", "RT", "combo"]))
    command = ["demo", "--data", str(tmp_path / "own.csv"), "--out", str(tmp_path / "out"), "--quiet"]
    assert main([*command, "--arm", "combo=pembrolizumab+radiotherapy"]) == 0
    said = capsys.readouterr().out
    assert "combo: pembrolizumab + radiotherapy" in said and "anti-PD-1: pembrolizumab (anti-pd-1 as pembrolizumab)" in said
    assert said.index("NOT DETERMINED by the data") < said.index("scenarios of")
    assert "The data do not determine" in (tmp_path / "out" / "report.html").read_text()


def test_advice_of_a_command_line_is_not_pythons(tmp_path, capsys):
    for text in ("subject,arm,day\n1,A,0\n", "when,what\n0,3\n"):
        (tmp_path / "own.csv").write_text(text)
        assert main(["demo", "--data", str(tmp_path / "own.csv"), "--out", str(tmp_path / "out"), "--quiet"]) == 2
        said = capsys.readouterr().err
        assert "columns=" not in said and "read_trial(" not in said
