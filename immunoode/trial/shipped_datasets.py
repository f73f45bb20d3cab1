"""Measured data sets that ship with the package, with their licences and sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from immunoode.catalogue.entries import Entry, Filter, advice
from immunoode.catalogue.search import found
from immunoode.errors import DataError, Problem
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
    species: str
    tumours: str
    therapies: str
    data: str
    source: str
    licence: str
    read: Callable[[Path, str], TrialData]


DATASETS = {
    "atezolizumab_lung": ShippedDataset(
        file="atezolizumab_lung.csv",
        title="Target lesions of lung-cancer patients in three trials of atezolizumab",
        species="human",
        tumours="non-small cell lung cancer",
        therapies="atezolizumab, docetaxel",
        data="sum_of_diameters (mm)",
        source="Ghaffari Laleh et al. 2022, doi 10.1371/journal.pcbi.1009822, supplement S1",
        licence="CC BY 4.0",
        read=lambda path, title: read_lesions(path, title=title),
    )
}


def list_datasets(search: str = "", *, therapy: str = "", species: str = "", tumour: str = "", data: str = "") -> pd.DataFrame:
    """Return a table of the measured data sets that ship with the package, of all or of those that match a search.

    Parameters
    ----------
    search : str
        Words that are searched in names, titles and sources, with their synonyms, as in `list_models`.
    therapy, species, tumour : str
        The therapy, species or tumour of the data: "anti-PD-L1", "human", "NSCLC".
    data : str
        What must have been measured: "sum of diameters".

    Returns
    -------
    pandas.DataFrame
        One row per data set, indexed by name: title, species, tumours, therapies, data (quantities and their units), source,
        licence.

    Raises
    ------
    DataError
        If an argument is not text.

    Warns
    -----
    UserWarning
        If no data set matches: which words could be left out.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.list_datasets().loc["atezolizumab_lung", "licence"]
    'CC BY 4.0'
    """
    filters = {
        "therapy": Filter(therapy, ("therapies",)),
        "species": Filter(species, ("species",)),
        "tumour": Filter(tumour, ("tumours",)),
        "data": Filter(data, ("data",)),
    }
    return found(_entries(), search, filters)


def _entries() -> list[Entry]:
    shown = ("title", "species", "tumours", "therapies", "data", "source", "licence")
    return [Entry(name, {key: getattr(one, key) for key in shown}) for name, one in DATASETS.items()]


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
        raise DataError(
            Problem(
                f"load_dataset({name!r})",
                "is not a data set of the package",
                advice(_entries(), str(name), "immunoode.list_datasets(words)"),
            )
        )
    data = DATASETS[name]
    return data.read(FOLDER / data.file, f"{data.title} ({data.source}, {data.licence})")
