"""Initial values that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import immunoode as imo


@pytest.mark.parametrize("engine", ["compiled", "scipy"])
def test_a_negative_number_of_cells_at_the_start_stops_its_subject_alone(engine: str) -> None:
    clones = (imo.load_model("clone", "immune_escape", "one"), imo.load_model("clone", "chemoresistant", "other"))
    model = imo.combine("tumour_immune", *clones)
    fractions = pd.DataFrame({"one_initial_fraction": [0.6, 0.3], "other_initial_fraction": [0.7, 0.3]})
    with pytest.warns(RuntimeWarning, match="an initial number of cells is negative \\(tumour = -"):
        run = imo.simulate(model, until=2, parameters=fractions, engine=engine)
    assert [status.ok for status in run.status] == [False, True]
    assert np.isnan(run["tumour"][0]).all() and (run["tumour"][1] > 0).all()


def test_any_number_of_cells_counts_and_rounding_does_not() -> None:
    """A lesion larger than the sum of diameters leaves less than nothing for the others; an equal one leaves nothing."""
    model = imo.combine("tumour_immune", imo.load_model("lesion"))
    sizes = pd.DataFrame({"baseline_sum_of_diameters": [20.0, 29.99, 30.0, 40.0], "metastasis_baseline_diameter": 30.0})
    with pytest.warns(RuntimeWarning, match="2 of 4"):
        run = imo.simulate(model, until=50, parameters=sizes, outputs=list(model.compartments))
    assert [status.ok for status in run.status] == [False, False, True, True]
    assert (run.values[2:] >= 0).all() and (run["tumour"][2] == 0).all()
