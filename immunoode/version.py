"""Which version of the package runs: what it writes says so."""

from __future__ import annotations


def version() -> str:
    """Return the version that is installed; "" where the package runs from a folder."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("immunoode")
    except PackageNotFoundError:
        return ""
