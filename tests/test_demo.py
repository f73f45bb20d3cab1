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
    assert (
        main(["demo", "--data", str(tmp_path / "own.csv"), "--out", str(out), "--arm", "B=docetaxel", "--quiet"]) == 0
    )
    page = (out / "report.html").read_text()
    assert "B: docetaxel" in page
    assert "simulated from" not in page


def test_lesions_that_vanish(tmp_path):
    """A table of lesions as published, where some are not seen any more: zero is a measurement, not a mistake."""
    rows = [(f"p{n}", day, d) for n, sizes in enumerate([(40, 30, 0), (30, 33, 35), (25, 20, 18)])
            for day, d in zip((-2, 40, 80), sizes, strict=True)]  # fmt: skip
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
        (
            "subject,arm,day,sum_of_diameters\n1,A,0,70\n1,A,42,60\n",
            ["--arm", "A=docetaxl"],
            "did you mean 'docetaxel'",
        ),
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
    assert list(found.values()) == [("docetaxel",), ("pembrolizumab", "docetaxel"), ()]
    assert "untreated" in scenarios(found)
    assert regimen_of(("docetaxel",)).therapies == ("docetaxel",)
