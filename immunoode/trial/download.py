"""Published data sets by name: from a local folder, else downloaded once, verified by hash and cached."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from immunoode.errors import DataError, Problem, nearest
from immunoode.optional import require
from immunoode.trial.lesion_table import read_lesions
from immunoode.trial.trial_data import TrialData

FOLDER = "IMMUNOODE_DATA"
"""Environment variable with a folder that is searched before anything is downloaded."""


@dataclass(frozen=True)
class PublishedDataset:
    """A published data set: address, hash, names of local files, and how it is read."""

    title: str
    url: str
    sha256: str
    file: str
    also: tuple[str, ...]
    read: Callable[[Path], TrialData]


ATEZOLIZUMAB = "Target lesions of the atezolizumab trials (Ghaffari Laleh 2022, doi 10.1371/journal.pcbi.1009822, CC BY 4.0)"
PUBLISHED = {
    "atezolizumab_lung": PublishedDataset(
        title=ATEZOLIZUMAB,
        url="https://journals.plos.org/ploscompbiol/article/file?type=supplementary&id=10.1371/journal.pcbi.1009822.s006",
        sha256="ffca72e8b9a54129d2245c315ba89d8169e63dbd2c971119a63f454e5fe63e3d",
        file="journal.pcbi.1009822.s006.xlsx",
        also=("nsclc_atezolizumab_supplement_layout.xlsx", "nsclc_atezolizumab_target_lesions.csv"),
        read=lambda path: read_lesions(path, title=ATEZOLIZUMAB),
    )
}


def fetch(name: str = "atezolizumab_lung", *, folder: str | Path | None = None) -> TrialData:
    """Return a published data set.

    It is taken from `folder` (or the folder that the environment variable IMMUNOODE_DATA names) if the file is there, otherwise
    from the cache; otherwise it is downloaded, verified by its hash and cached.

    Parameters
    ----------
    name : str
        "atezolizumab_lung": longest diameter of a target lesion of lung-cancer patients under atezolizumab or docetaxel
        (the published file also contains a trial in bladder cancer, Study5).

    Raises
    ------
    DataError
        If the name is unknown, or the file is not available locally and cannot be downloaded.

    Examples
    --------
    >>> import immunoode as imo
    >>> try:
    ...     imo.trial.fetch("unknown")
    ... except imo.errors.DataError as error:
    ...     print(error)
    fetch('unknown'): is not a known data set; known: atezolizumab_lung
    """
    if name not in PUBLISHED:
        raise DataError(Problem(f"fetch({name!r})", "is not a known data set", nearest(name, PUBLISHED)))
    data = PUBLISHED[name]
    local = _local(data, folder)
    return data.read(local or _download(data))


def _local(data: PublishedDataset, folder: str | Path | None) -> Path | None:
    place = folder if folder is not None else os.environ.get(FOLDER)
    if not place:
        return None
    root = Path(place).expanduser()
    if not root.is_dir():
        raise DataError(Problem(FOLDER if folder is None else "folder", f"{str(root)!r} is not a folder", "name a folder"))
    return next((root / f for f in (data.file, *data.also) if (root / f).is_file()), None)


def _download(data: PublishedDataset) -> Path:
    pooch = require("pooch", "downloading data")
    try:
        found = pooch.retrieve(
            data.url, known_hash=f"sha256:{data.sha256}", fname=data.file, path=pooch.os_cache("immunoode"), progressbar=True
        )
    except Exception as error:  # pooch passes on the errors of its downloaders, of many kinds
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            Problem(
                data.file,
                f"is not available locally and could not be downloaded ({reason})",
                f"download it from {data.url} and set {FOLDER} to its folder",
            )
        ) from error
    return Path(found)
