"""Measured data sets that ship with the package, with their licences and sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.lesion_table import read_lesions
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).with_name("data")


@dataclass(frozen=True)
class ShippedDataset:
    """A data set of the package: file, title, source, licence, and how it is read."""

    file: str
    title: str
    source: str
    licence: str
    read: Callable[[Path, str], TrialData]


DATASETS = {
    "atezolizumab_lung": ShippedDataset(
        file="atezolizumab_lung.csv",
        title="Target lesions of lung-cancer patients in three trials of atezolizumab",
        source="Ghaffari Laleh et al. 2022, doi 10.1371/journal.pcbi.1009822, supplement S1",
        licence="CC BY 4.0",
        read=lambda path, title: read_lesions(path, title=title),
    )
}


def list_datasets() -> pd.DataFrame:
    """Return the measured data sets that ship with the package: title, source and licence by name.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.list_datasets().loc["atezolizumab_lung", "licence"]
    'CC BY 4.0'
    """
    import pandas as pd

    rows = {name: {"title": d.title, "source": d.source, "licence": d.licence} for name, d in DATASETS.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def load_dataset(name: str) -> TrialData:
    """Return a measured data set that ships with the package; nothing is downloaded.

    Parameters
    ----------
    name : str
        "atezolizumab_lung": longest diameter of one target lesion per patient, of 628 lung-cancer patients under atezolizumab
        or docetaxel; see `list_datasets` for source and licence. `fetch` downloads the whole published file.

    Raises
    ------
    DataError
        If the name is unknown.

    Examples
    --------
    >>> import immunoode as imo
    >>> lesions = imo.load_dataset("atezolizumab_lung")
    >>> lesions.units
    {'sum_of_diameters': 'mm'}
    """
    if name not in DATASETS:
        raise DataError(Problem(f"load_dataset({name!r})", "is not a data set of the package", nearest(name, DATASETS)))
    data = DATASETS[name]
    return data.read(FOLDER / data.file, f"{data.title} ({data.source}, {data.licence})")
