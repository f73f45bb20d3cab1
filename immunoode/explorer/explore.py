"""`explore`: a model with sliders in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from immunoode.explorer.model_explorer import ModelExplorer
from immunoode.model.model import Model
from immunoode.optional import require

if TYPE_CHECKING:
    from immunoode.explorer.widget import ExplorerWidget


def explore(
    model: Model | str,
    regimens: Any = None,
    until: str | float = "1 year",
    *,
    sliders: Sequence[str] | str | None = None,
    patients: Any = 200,
    number: int = 200,
    seed: int = 0,
    measure: str | None = None,
    outputs: Sequence[str] | str | None = None,
    parameters: Mapping[str, float] | None = None,
    visits: str | float = "6 weeks",
) -> ExplorerWidget:
    """Explore a model in a notebook: sliders for parameters, rows of regimens to edit, and panels that follow at once.

    The widget works in Jupyter, JupyterLab, VS Code and marimo. It shows tumour size with the limits of RECIST 1.1, immune
    cells, drugs, and the progression-free survival of virtual patients.

    Parameters
    ----------
    model : Model or str
        A model, or the name of a shipped one.
    regimens : Regimen, str, None, or a sequence or mapping of them
        Regimens, names of the library, or None for no treatment; a mapping has their names as keys. Rows can show doses only.
    until : str or float
        End of the simulation.
    sliders : sequence of str, optional
        Parameters that have a slider at first. Default: the eight that change tumour size the most if they change by a tenth.
        Others can be added in the widget.
    patients : optional
        The virtual patients:

        - a number of them: the parameters of the sliders vary about their values, for illustration (see Notes);
        - a table with one row per patient, or VirtualPatients;
        - a Cohort, a CalibratedPopulation (`imo.load_population`) or the name of a shipped one: `number` of its patients are
          drawn by their weights;
        - a distribution, or what `imo.sample_patients` takes as one: `number` patients are drawn;
        - None: no patients, and no panel of survival.
    number : int
        Patients who are drawn from a cohort or distribution.
    seed : int
        Of these draws.
    measure : str, optional
        The output that is tumour size. Default: `sum_of_diameters` if the model has it, else its first tumour compartment.
    outputs : sequence of str, optional
        The outputs that have a panel at first. Default: tumour size, immune cells and concentrations of drugs.
    parameters : mapping, optional
        Values that differ from the model's.
    visits : str or float
        The interval between the assessments of the virtual patients.

    Returns
    -------
    ExplorerWidget
        Shown by a notebook. `.state`, `.parameters` and `.regimens` are the present settings, `.code()` is a script that makes
        the same numbers, `.to_frame()` the lines as a table, `.plot()` and `.save("explorer.html")` export them.

    Raises
    ------
    MissingPackageError
        If anywidget is not installed; `imo.explorer.ModelExplorer` works without it.
    ModelError
        If a parameter is unknown.
    RegimenError
        If a regimen has something else than doses.
    PopulationError, SolveError

    Notes
    -----
    A slider is the value of the single patient whose course is shown. All virtual patients follow it: their own values of that
    parameter are multiplied by the same factor, within the range of the slider; a parameter in which they do not differ is
    set. Patients who are drawn for illustration have log-normal parameters with a standard deviation of the logarithm of 0.3,
    truncated to the bounds of the model. They are not calibrated to any trial.

    Examples
    --------
    >>> import immunoode as imo
    >>> widget = imo.explore("claret2009", until="24 weeks", sliders=["growth_rate"], patients=None)
    >>> widget.parameters
    {'growth_rate': 0.021}
    """
    require("anywidget", "imo.explore")
    from immunoode.explorer.widget import ExplorerWidget

    made = ModelExplorer(
        model,
        regimens,
        until,
        sliders=sliders,
        patients=patients,
        number=number,
        seed=seed,
        measure=measure,
        outputs=outputs,
        parameters=parameters,
        visits=visits,
    )
    return ExplorerWidget(made)
