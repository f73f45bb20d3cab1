"""Beside setup.cfg: a wheel may take the intermediate code of the solver's kernels along, which spares its users Numba's part.

To make it takes what the package itself needs (`make wheel`). A wheel without it works the same.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDER = "immunoode/solve/integrator/intermediate_code"


class BuildWithKernels(build_py):
    """Copies the modules, then runs them to compile the kernels (see `immunoode.solve.integrator.kernel_cache`)."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode and os.environ.get("IMMUNOODE_KERNELS") == "1":
            self._compile()

    def _compile(self) -> None:
        built = Path(self.build_lib).resolve()
        with tempfile.TemporaryDirectory() as cache:
            own = {"PYTHONPATH": str(built), "NUMBA_CACHE_DIR": cache, "IMMUNOODE_INTERMEDIATE_CODE": str(built / FOLDER)}
            subprocess.run([sys.executable, "-m", "immunoode", "warm"], env={**os.environ, **own}, cwd=cache, check=True)


setup(cmdclass={"build_py": BuildWithKernels})
