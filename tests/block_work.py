"""Work on blocks for tests, in a module that other processes import quickly."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from immunoode.blocks.block import Block
from immunoode.errors import DataError, Problem


@dataclass(frozen=True)
class Squares:
    """A result that depends on the patients alone; the first process to come to one of them ends."""

    kill_at: int | None = None
    flag: str = ""

    def __call__(self, block: Block, own: Any) -> xr.Dataset:
        numbers = np.arange(block.first, block.last)
        if self.kill_at in numbers and not Path(self.flag).exists():
            Path(self.flag).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        assert own == (block.first, block.last)
        words = np.array([f"patient {n % 3}" for n in numbers], dtype=object)
        return xr.Dataset(
            {
                "square": (("subject", "time"), numbers[:, None] ** np.array([1.0, 2.0]), {"units": "mm"}),
                "word": ("subject", words),
            },
            coords={"subject": numbers, "time": [0.0, 42.0]},
        )


@dataclass(frozen=True)
class Failing:
    """Work with an error at one patient, or that ends each process there."""

    kills: bool = False

    def __call__(self, block: Block, own: Any) -> int:
        if block.first <= 7 < block.last:
            if self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            raise DataError(Problem("patient 7", "is wrong"))
        return block.first
