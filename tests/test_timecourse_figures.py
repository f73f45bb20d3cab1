"""Time courses: axes that show what there is to see."""

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd

import immunoode as imo

matplotlib.use("Agg")


def test_a_logarithmic_axis_ends_near_the_peaks_however_low_the_troughs() -> None:
    model = imo.combine("tumour_immune", imo.load_model("chemotherapy", variant="carboplatin"))
    regimen = imo.Regimen().dose("carboplatin", "400 mg", every="3 weeks", count=2, over="30 min")
    run = imo.simulate(model, regimen, until="200 days")
    axes = run.plot("carboplatin_central")
    low, high = axes.get_ylim()
    peak = float(run["carboplatin_central"].max())
    assert axes.get_yscale() == "log" and peak < high < 10 * peak and low >= peak * 1e-12
    plt.close("all")


def test_units_of_fits_are_written_as_in_other_figures() -> None:
    days, volumes = [0, 3, 6, 9, 12], [50.0, 80, 130, 200, 310]
    data = imo.read_trial(pd.DataFrame({"id": "a", "day": days, "volume": volumes}), units="mm^3", quantity="volume")
    result = imo.fit("vaghi2020", data, ["slope"], progress=False)
    result.plot()
    assert {box.get_ylabel() for box in plt.gcf().axes} == {"Volume (mm³)"}
    plt.close("all")
