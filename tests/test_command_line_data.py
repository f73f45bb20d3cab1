"""Commands of the command line that take data: fits, endpoints, cohorts; on small tables and on measured data."""

import io

import pandas as pd
import pytest

import immunoode as imo
from immunoode.command_line.main import main
from tests.published_data import FOLDER, data_file
from tests.test_command_line import refused

SIZES = {"1": ("A", 52, 61, 76, 88), "2": ("A", 80, 93, 118, 135), "3": ("B", 64, 47, 42, 45), "4": ("B", 71, 58, 44, 49)}
FIT = ["fit", "claret2009", "--vary", "growth_rate", "--per-arm", "shrinkage_rate", "--set", "exposure=1", "--quiet", "--data"]


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """Return the name of a table of sums of diameters in the working directory, a folder with a space and an accent."""
    folder = tmp_path / "mes données"
    folder.mkdir()
    monkeypatch.chdir(folder)
    rows = [(s, arm, 42 * k, size) for s, (arm, *sizes) in SIZES.items() for k, size in enumerate(sizes)]
    pd.DataFrame(rows, columns=["subject", "arm", "day", "sum_of_diameters (mm)"]).to_csv("trial é.csv", index=False)
    return "trial é.csv"


@pytest.mark.slow
def test_a_fit_gives_what_the_function_gives_and_can_be_repeated(trial, tmp_path, capsys):
    outputs = ["--out", "o.csv", "--individual", "i.csv", "--predictions", "p.csv", "--save", "t.fit", "--report", "r.html"]
    assert main([*FIT, trial, *outputs, "--save-config", "c.toml"]) == 0
    assert "growth_rate" in capsys.readouterr().out
    model = imo.load_model("claret2009").with_values(exposure=1)
    expected = imo.fit(model, imo.read_trial(trial), ["growth_rate"], per_arm=["shrinkage_rate"])
    table = pd.read_csv("o.csv", index_col="parameter", float_precision="round_trip")
    assert table["value"].to_dict() == expected.to_frame()["value"].to_dict()
    assert imo.load_fit("t.fit").values == expected.values
    assert pd.read_csv("i.csv")["subject"].tolist() == [1, 2, 3, 4]
    assert len(pd.read_csv("p.csv")) == 12
    page = (tmp_path / "mes données" / "r.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") == 2 and "What was run" in page
    before = (tmp_path / "mes données" / "o.csv").read_bytes()
    assert main(["run", "c.toml", "--out", "again.csv", "--report", "again.html"]) == 0
    assert (tmp_path / "mes données" / "again.csv").read_bytes() == before


def test_a_fit_that_does_not_converge_says_no(trial, monkeypatch, capsys):
    monkeypatch.setattr("immunoode.fitting.result.FitResult.success", False)
    assert main([*FIT, trial]) == 1


def test_treatments_of_arms(trial, capsys):
    command = ["fit", "tumour_immune", "pd1_inhibitor:pembrolizumab", "--vary", "growth_rate", "--quiet", "--data", trial]
    text = refused(capsys, *command, "--arm", "B=pembrolizumab 200 mg every 3 weeks x 17")
    assert "arm 'A': has no treatment; --arm 'A=untreated'" in text
    text = refused(capsys, *command, "--arm", "C=untreated", "--arm", "B=pembrolizumab 200 mgg", "--arm", "A=unknown_regimen")
    assert all(phrase in text for phrase in ("names no arm of the data", "mgg", "is not in the library"))
    assert "one of the two" in refused(capsys, *command, "--arm", "A=untreated", "--regimen", "pembrolizumab_3_weekly")


@pytest.mark.parametrize(
    ("table", "options", "phrase"),
    [
        (None, [], "does not exist"),
        ("", [], "t.csv"),
        ("subject,day,sum_of_diameters (mm)\n", [], "t.csv"),
        ("a,b\n1,2\n", [], "--column 'subject="),
        ("subject,day,size (mm)\n1,0,5\n1,42,6\n", ["--covariates", "age"], "is not used for tables of the layout"),
        ("subject,day,sum_of_diameters\n1,0,5\n1,42,6\n", ["--unit", "kg"], "kg"),
        ("subject,day,volume_mm3\n1,0,5\n1,42,6\n", [], "--observe 'volume=output'"),
        ("subject,day,sum_of_diameters (mm)\n1,0,5\n1,x,6\n", [], "--bad-rows"),
        ("subject,day,sum_of_diameters (mm)\n1,0,5\n1,42,6\n", ["--column", "time"], "NAME=VALUE"),
        ("subject,day,sum_of_diameters (mm)\n1,0,5\n1,42,6\n", ["--layout", "wide"], "needs --quantity and --unit"),
        ("subject,day,sum_of_diameters (mm)\n1,0,5\n1,42,6\n", ["--bounds", "growth_rate=0"], "LOWER:UPPER"),
        ("subject,day,sum_of_diameters (mm)\n1,0,5\n1,42,6\n", ["--initial", "growth_rate=x"], "is not a number"),
        ("subject,day,sum_of_diameters (mm)\n1,0,5\n1,42,6\n", ["--vary", "growth"], "did you mean 'growth_rate'"),
        ("ID,TIME,DV,WT\n1,0,5,70\n1,42,6,70\n", ["--covariates", "=weight", "--time-unit", "day"], "is not NAME=VALUE"),
        ("ID,TIME,DV\n1,0,5\n1,42,6\n", [], "--time-unit day or --time-unit hour"),
    ],
)
def test_tables_that_cannot_be_fitted(table, options, phrase, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if table is not None:
        (tmp_path / "t.csv").write_text(table)
    text = refused(capsys, "fit", "claret2009", "--vary", "growth_rate", "--quiet", "--data", "t.csv", *options)
    assert phrase in text


def test_a_fit_with_random_effects(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rates = {"a": 0.02, "b": 0.03, "c": 0.035, "d": 0.025, "e": 0.045, "f": 0.03}
    visits = ((0, 0), (6, 2), (12, -3), (18, 2))
    rows = [(s, 7 * w, 50 * 2.718 ** (rate * w) + error) for s, rate in rates.items() for w, error in visits]
    pd.DataFrame(rows, columns=["subject", "day", "sum_of_diameters (mm)"]).to_csv("t.csv", index=False)
    command = [
        "population",
        "fit",
        "claret2009",
        "--data",
        "t.csv",
        "--random",
        "growth_rate",
        "--estimation",
        "focei",
        "--quiet",
    ]
    assert main([*command, "--save", "t.fit", "--out", "o.csv"]) == 0
    expected = imo.fit_population("claret2009", imo.read_trial("t.csv"), random=["growth_rate"], method="focei")
    assert imo.load_fit("t.fit").values == expected.values
    assert "growth_rate" in set(pd.read_csv("o.csv")["parameter"])


@pytest.mark.slow
def test_responses(trial, capsys):
    outputs = ["--out", "s.csv", "--visits", "v.csv", "--waterfall", "w.png", "--spider", "s.svg", "--swimmer", "b.pdf"]
    assert main(["endpoints", "response", trial, *outputs, "--kaplan-meier", "k.png", "--report", "r.html"]) == 0
    assert "Confirmed:" in capsys.readouterr().out
    expected = imo.recist(imo.read_trial(trial)).subjects
    assert pd.read_csv("s.csv")["best_response"].tolist() == expected["best_response"].tolist()
    assert main(["endpoints", "response", trial, "--criteria", "irecist"]) == 0
    assert capsys.readouterr().out.startswith("iRECIST")


def test_a_table_on_standard_input(trial, monkeypatch, capsys):
    with open(trial, "rb") as file:
        text = file.read().decode()
    assert main(["endpoints", "response", trial]) == 0
    expected = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["endpoints", "response", "-"]) == 0
    assert capsys.readouterr().out == expected
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "standard input: is empty" in refused(capsys, "endpoints", "response", "-")


def test_survival(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("id,arm,os,dead\n1,A,4.1,1\n2,A,7.9,1\n3,A,9,0\n4,B,8.2,1\n5,B,14.5,0\n6,B,16,1\n")
    command = ["endpoints", "survival", "t.csv", "--time-unit", "month"]
    assert (
        main([*command, "--time", "OS=os", "--event", "OS=dead", "--reference", "B", "--out", "c.csv", "--figure", "f.png"])
        == 0
    )
    text = capsys.readouterr().out
    assert "arm: A (to B)" in text and "log-rank" in text
    assert set(pd.read_csv("c.csv")["arm"]) == {"A", "B"}
    assert "--time OS=os_months" in refused(capsys, *command)
    assert "names" not in refused(capsys, *command, "--time", "OS=os")
    assert "'mort'" in refused(capsys, *command, "--time", "OS=os", "--event", "OS=mort")


def test_cohorts_are_listed_and_shown(tmp_path, capsys):
    assert main(["population", "list", "--format", "csv"]) == 0
    assert "melanoma_til" in capsys.readouterr().out
    assert main(["population", "show", "melanoma_til", "--out", str(tmp_path / "p.csv")]) == 0
    assert "Held out" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "p.csv")["weight"].sum() == pytest.approx(1)
    assert "is not shipped" in refused(capsys, "population", "show", "melanoma")
    assert "is not an arm" in refused(capsys, "population", "simulate", "melanoma_til", "--arm", "x")


@pytest.mark.slow
def test_arms_of_a_cohort_are_simulated(tmp_path, capsys):
    out = tmp_path / "o.csv"
    arms = ["--arm", "lifileucel", "--arm", "nothing=untreated"]
    assert main(["population", "simulate", "melanoma_til", *arms, "--quiet", "--out", str(out)]) == 0
    lines = capsys.readouterr().out
    assert "lifileucel" in lines and "nothing" in lines
    table = pd.read_csv(out)
    assert {"lifileucel: best_response", "nothing: best_response", "weight"} <= set(table.columns)


MEASURED = [
    (
        "poplar_clinical.csv",
        ["endpoints", "survival", "{}", "--time", "OS=OS", "--censored", "OS=OS.CNSR", "--time-unit", "month"],
        ["--column", "subject=PtID", "--reference", "Docetaxel"],
        "0.675",
    ),
    ("nsclc_atezolizumab_target_lesions.csv", ["endpoints", "response", "{}"], ["--baseline-until", "1"], "628 subjects"),
    (
        "mouse_breast_growth.csv",
        ["fit", "vaghi2020", "--data", "{}", "--vary", "retardation", "--observe", "value_mm3=volume"],
        ["--quiet"],
        "retardation",
    ),
    (
        "mouse_4t1_gaba_antipd1.csv",
        ["fit", "mouse_tumour_immune", "--data", "{}", "--vary", "growth_rate", "--observe", "volume=tumour_volume"],
        ["--quiet"],
        "growth_rate",
    ),
]


@pytest.mark.parametrize(("name", "command", "options", "phrase"), MEASURED, ids=[one[0] for one in MEASURED])
def test_measured_data(name, command, options, phrase, capsys):
    path = str(data_file(name))
    assert main([*(path if word == "{}" else word for word in command), *options]) in (0, 1)
    assert phrase in capsys.readouterr().out


def test_a_folder_of_adam_data_sets(capsys):
    folder = FOLDER / "adam"
    if not folder.is_dir():
        pytest.skip("no adam: set IMMUNOODE_DATA to the folder that has it (it may not ship with the package)")
    assert main(["endpoints", "survival", str(folder), "--endpoint", "PFS"]) == 0
    assert "PFS: 254 subjects" in capsys.readouterr().out
