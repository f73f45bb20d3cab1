"""Make the figures of README and docs from the package itself. Run: python docs/figures/make_figures.py (or make figures)."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import immunoode as imo

HERE = Path(__file__).parent


def combination() -> None:
    """Pembrolizumab, radiotherapy, and both, of one patient: the figure of the README."""
    antibody = imo.load_model("pd1_inhibitor", variant="pembrolizumab")
    model = imo.combine("tumour_immune", antibody, "radiotherapy", "radiation_pdl1")
    pembrolizumab = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=17, over="30 min")
    radiotherapy = imo.Regimen().dose("radiotherapy", "3 Gy", every="1 day", count=10, start="6 weeks", weekdays=True)
    scenarios = {
        "untreated": None,
        "pembrolizumab": pembrolizumab,
        "radiotherapy": radiotherapy,
        "both": pembrolizumab + radiotherapy,
    }
    axes = imo.compare(model, scenarios, until="1 year").plot()
    axes["size"].figure.savefig(HERE / "combination.png", dpi=110)


def grid() -> None:
    """When radiotherapy starts and how many antibody doses are given."""
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"), "radiotherapy")

    def regimen(start: int, doses: int) -> imo.Regimen:
        antibody = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=doses, over="30 min")
        return antibody + imo.Regimen().dose("radiotherapy", "3 Gy", every="1 day", count=5, start=start, weekdays=True)

    axes = {"start of radiotherapy (day)": [0, 14, 42, 84, 168], "pembrolizumab doses": [1, 4, 8, 17]}
    box = imo.grid(model, regimen, axes, until="1 year", measure="final_change").plot()
    box.figure.savefig(HERE / "grid.png", dpi=110)


def timeline() -> None:
    """A regimen of the library as a timeline."""
    imo.load_regimen("chemoradiation_durvalumab").plot().figure.savefig(HERE / "timeline.png", dpi=110)


if __name__ == "__main__":
    combination()
    grid()
    timeline()
