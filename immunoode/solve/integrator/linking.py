"""How Numba makes machine code of kernels here: once per kernel that Python calls, with all that it calls inside.

By default Numba makes machine code of every function by itself, and again within each function that calls it: the cost grows
with the depth of calls. Here a function that only kernels call is kept as intermediate code (`LinkedCompiler`) and is optimised
once, within the kernel (`KernelCompiler`). All that a kernel holds is private to it: which copy of a function runs depends on
nothing that the process compiled or loaded before, so the run that compiles a kernel gives the same bits as all later ones.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _LinkedLibrary(JITCodeLibrary):
    """Intermediate code of one function, to be linked into kernels; no machine code is made of it."""

    @property
    def codegen(self) -> Any:
        return _NO_ENVIRONMENT

    def finalize(self) -> None:
        self._raise_if_finalized()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0


class _KernelLibrary(JITCodeLibrary):
    """A kernel with all that it calls."""

    def finalize(self) -> None:
        for library in _called(self):
            self.add_linking_library(library)
        super().finalize()

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage != binding.Linkage.external:
                function.linkage = "internal"
        super()._optimize_final_module()


def _called(library: JITCodeLibrary) -> list[JITCodeLibrary]:
    """Return what the functions in a library's functions need, and so on."""
    found, waiting = dict[JITCodeLibrary, None](), list(library._linking_libraries)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = None
            waiting += one._linking_libraries if isinstance(one, _LinkedLibrary) else []
    return list(found)


class _NoEnvironment:
    """Instead of Numba's code generator, which would set the Python environment of a function that has no address."""

    def set_env(self, name: str, env: Any) -> None:
        """Do nothing: kernels raise no exceptions with values, which alone would need it."""


_NO_ENVIRONMENT = _NoEnvironment()


class _Compiler(Compiler):
    library_class: type[JITCodeLibrary]

    def _compile_core(self) -> Any:
        if self.state.library is None:
            codegen = self.state.targetctx.codegen()
            self.state.library = self.library_class(codegen, self.state.func_id.func_qualname)
            self.state.library.enable_object_caching()
        return super()._compile_core()


class LinkedCompiler(_Compiler):
    """Numba's compiler, for functions that only kernels call."""

    library_class = _LinkedLibrary


class KernelCompiler(_Compiler):
    """Numba's compiler, for kernels that Python calls."""

    library_class = _KernelLibrary
