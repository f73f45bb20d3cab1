"""Where the outputs of notebooks are kept: a folder for each state of the package, its models and its populations."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("immunoode", "models", "populations")
SUFFIXES = (".py", ".toml", ".csv", ".npy")


def package_digest() -> str:
    """Return a short digest of the package's files."""
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES):
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def notebook_cache() -> str:
    """Return the folder of the outputs that belong to the package as it is."""
    return str(ROOT / "build" / "notebooks" / package_digest())
