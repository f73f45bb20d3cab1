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
