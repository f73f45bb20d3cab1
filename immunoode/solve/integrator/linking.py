"""From the Python source of a kernel to intermediate code (LLVM), by Numba: one module per kernel, with each function once.

By default, Numba makes machine code of every function separately, and again within each function that calls it, so that the
cost grows with the depth of calls. Here functions are kept as intermediate code, which
`immunoode.solve.integrator.machine_code` optimises once per kernel. All contents of a kernel are private to it: the copy of a
function that runs does not depend on what the process compiled or loaded before, so that the run that compiles a kernel gives
the same bits as all later ones.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import binding
from numba import types
from numba.core import typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.registry import CPUDispatcher

from immunoode.solve.integrator.machine_code import SYMBOL
from immunoode.solve.integrator.record_type import give_back, loader_of

_FASTMATH = {"contract", "arcp", "nsz", "reassoc"}
"""Permitted floating-point transformations; NaN keeps its meaning, because it marks failures."""


class _Library(JITCodeLibrary):
    """Intermediate code of one function; no machine code is made of it."""

    @property
    def codegen(self) -> Any:
        return _NO_ENVIRONMENT

    def add_llvm_module(self, ll_module: Any) -> None:
        self._final_module.link_in(ll_module)

    def finalize(self) -> None:
        self._raise_if_finalized()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0


class _RareLibrary(_Library):
    """The same for a function that is called rarely: not inlined, and optimised for size."""

    def add_llvm_module(self, ll_module: Any) -> None:
        for function in ll_module.functions:
            if not function.is_declaration and function.linkage == binding.Linkage.external:
                for attribute in ("noinline", "optsize"):
                    function.add_function_attribute(attribute)
        super().add_llvm_module(ll_module)


class _NoEnvironment:
    """Replaces Numba's code generator, which would set the Python environment of a function that has no address."""

    def set_env(self, name: str, env: Any) -> None:
        """Do nothing: it would be needed only for exceptions with values, which kernels do not raise."""


_NO_ENVIRONMENT = _NoEnvironment()


_PASSES = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.GenericRewrites,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.IRLegalization,
    typed_passes.NativeLowering,
    typed_passes.NoPythonBackend,
)
"""Numba's passes over a function, without those for constructs that kernels do not use: closures, lists, array expressions."""


class _Compiler(CompilerBase):
    """Numba's compiler, up to intermediate code."""

    library_class = _Library

    def define_pipelines(self) -> list[PassManager]:
        passes = PassManager("kernel")
        for each in _PASSES:
            passes.add_pass(each, each.__name__)
        passes.finalize()
        return [passes]

    def _compile_core(self) -> Any:
        if self.state.library is None:
            codegen = self.state.targetctx.codegen()
            self.state.library = self.library_class(codegen, self.state.func_id.func_qualname)
        return super()._compile_core()


class _RareCompiler(_Compiler):
    """The same for functions that are kept out of line."""

    library_class = _RareLibrary


class _Function(CPUDispatcher):
    """A function in Numba's representation, compiled once for each kind of arguments, whether these are constants or not."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        return super().get_call_template(tuple(map(types.unliteral, args)), kws)


def dispatcher(function: Callable[..., Any], is_rare: bool = False) -> Any:
    """Return a function in Numba's representation, which is compiled together with a kernel that calls it."""
    options = {
        "nopython": True,
        "no_cpython_wrapper": True,
        "no_cfunc_wrapper": True,
        "error_model": "numpy",
        "fastmath": _FASTMATH,
        "_nrt": False,
    }
    return _Function(function, targetoptions=options, pipeline_class=_RareCompiler if is_rare else _Compiler)


def intermediate_code(function: Callable[..., Any], kinds: tuple[Any, ...]) -> bytes:
    """Return the intermediate code of a kernel, not optimised, for these kinds of arguments (bitcode of LLVM)."""
    body, arguments = dispatcher(function), loader_of(kinds)

    def kernel(block: int, result: int) -> None:
        give_back(result, body(*arguments(block)))

    compiled = dispatcher(kernel)
    with _seldom_collecting():
        compiled.compile((types.intp, types.intp))
    (found,) = compiled.overloads.values()
    return _linked(found.library, found.fndesc.llvm_func_name)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Collect garbage a hundred times less often: the compiler creates many objects, nearly all of which live until it ends."""
    before = gc.get_threshold()
    gc.set_threshold(100 * before[0], *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _linked(library: Any, name: str) -> bytes:
    """Return one module of a library and all of its dependencies, in which only one function is visible from outside."""
    module = binding.parse_assembly("")
    module.triple = binding.get_process_triple()
    for each in _needed(library):
        module.link_in(each._final_module, preserve=True)
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "internal"
    kernel = module.get_function(name)
    kernel.name, kernel.linkage = SYMBOL, "external"
    return bytes(module.as_bitcode())


def _needed(library: Any) -> list[Any]:
    """Return a library and those that its functions need, and so on."""
    found, waiting = dict[Any, None](), [library]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = None
            waiting += one._linking_libraries
    return list(found)
