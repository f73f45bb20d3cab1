"""The version of the package, which is stated in the files that it writes."""

from __future__ import annotations


def version() -> str:
    """Return the installed version; "" if the package runs from a folder."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("immunoode")
    except PackageNotFoundError:
        return ""
