"""`immunoode warm`: compile the solver now."""

from __future__ import annotations

from argparse import Namespace

from immunoode.command_line.command import Command, no_options
from immunoode.command_line.exit_status import FINE

_DESCRIPTION = """Compile all kernels of the solver that are not in the cache, and say where that is; later simulations,
of any model, load them. Run it as the user who installs the package. NUMBA_CACHE_DIR names another folder."""


def _run(given: Namespace) -> int:
    from immunoode.solve.warm import warm

    print(warm())
    return FINE


COMMAND = Command("warm", "compile the solver now, for images and classrooms", _DESCRIPTION, ("warm",), no_options, _run)
