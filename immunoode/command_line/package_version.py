"""The version that the package states, also where it runs from a folder and is not installed."""

from __future__ import annotations

import sys


def package_version() -> str:
    """Return the version; the package has already been imported together with this module.

    Examples
    --------
    >>> package_version().count(".")
    2
    """
    return str(sys.modules["immunoode"].__version__)
