"""From the intermediate code of a kernel to machine code for this processor, and from machine code to an address (LLVM)."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from llvmlite import binding

SYMBOL = "kernel"
"""The name of a kernel's function, `int kernel(void *, void *, const int64_t *block, int64_t *result)`."""
_SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)


class Unusable(Exception):
    """The stored code cannot be used by this version."""


class MachineCode:
    """A kernel in memory: `call` runs it, and other kernels call it at `address`, as long as this object lives.

    Raises
    ------
    Unusable
    """

    def __init__(self, stored: bytes) -> None:
        names, code = stored.split(b"\n", 1)
        _provide(names.decode().split())
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _target_machine())
        self._engine.add_object_file(binding.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.address = self._engine.get_function_address(SYMBOL)
        self.call = _SIGNATURE(self.address)


def machine_code(intermediate: bytes) -> bytes:
    """Return machine code made from intermediate code: a line with the functions that it needs, then an object file."""
    machine = _target_machine()
    module = binding.parse_bitcode(intermediate)
    module.data_layout = str(machine.target_data)
    options = binding.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization, options.slp_vectorization = True, False
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    needed = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    return " ".join(needed).encode() + b"\n" + bytes(machine.emit_object(module))


@cache
def processor() -> tuple[str, str, str]:
    """Return the system, the processor and its features, as LLVM names them."""
    try:
        features = binding.get_host_cpu_features().flatten()
    except RuntimeError:
        features = ""
    return binding.get_process_triple(), binding.get_host_cpu_name(), features


def _target_machine() -> Any:
    """Return the code generator for the processor of this machine; an engine owns the generator that it is given."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    triple, name, features = processor()
    static = {"reloc": "static"} if triple.startswith("x86") else {}
    return binding.Target.from_triple(triple).create_target_machine(
        cpu=name, features=features, opt=3, codemodel="jitdefault", jit=True, **static
    )


def _provide(names: list[str]) -> None:
    """Check that functions can be found, because LLVM ends the process if one cannot."""
    if any(binding.address_of_symbol(name) is None for name in names):
        from numba.core.registry import cpu_target
        from numba.core.runtime import rtsys

        rtsys.initialize(cpu_target.target_context)
        missing = [name for name in names if binding.address_of_symbol(name) is None]
        if missing:
            raise Unusable(f"functions that are not there: {', '.join(missing)}")
