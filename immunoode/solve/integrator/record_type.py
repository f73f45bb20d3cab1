"""The types of arguments of kernels: numbers, arrays, tuples of these, and records, which kernels hold by reference.

A record is a NamedTuple in Python. In a kernel it is one pointer to a block of 64-bit words, and an attribute loads one field
of the record: passing a record on costs one pointer, regardless of the number of fields. (Numba's own named tuples are values:
each use copies all fields, which took half of the time of compilation.) References to the arrays in a record are not counted:
the caller of the kernel must keep them alive.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model
from numba.np.numpy_support import from_dtype

from immunoode.solve.integrator.arguments import ArrayKind, RecordKind
from immunoode.solve.integrator.array_type import KernelArray, array_of

_WORD, _DOUBLE = ir.IntType(64), ir.DoubleType()


class Record(types.Type):
    """A named tuple that kernels hold by reference, with the type of each field."""

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        self.fields = fields
        super().__init__(name=f"{name}_{sha256(repr(fields).encode()).hexdigest()[:8]}")


register_model(Record)(models.OpaqueModel)


@infer_getattr
class _Fields(AttributeTemplate):
    key = Record

    def generic_resolve(self, record: Record, name: str) -> Any:
        return record.fields.get(name)


@lower_getattr_generic(Record)
def _field(cgctx: Any, builder: Any, record: Record, block: Any, name: str) -> Any:
    at = 0
    for field, kind in record.fields.items():
        if field == name:
            return _load(cgctx, builder, kind, builder.bitcast(block, _WORD.as_pointer()), at)
        at += _words(kind)
    raise AttributeError(name)


def type_of(kind: Any) -> Any:
    """Return the Numba type of a kind of argument (see `immunoode.solve.integrator.arguments.packed`)."""
    if isinstance(kind, str):
        return {"int": types.int64, "float": types.float64, "bool": types.boolean}[kind]
    if isinstance(kind, ArrayKind):
        return KernelArray(from_dtype(kind.dtype), kind.ndim)
    if isinstance(kind, RecordKind):
        return Record(kind.name, dict(zip(kind.fields, map(type_of, kind.kinds), strict=True)))
    return types.BaseTuple.from_types(tuple(map(type_of, kind)))


def _words(kind: Any) -> int:
    """Return how many words of a block an argument takes."""
    if isinstance(kind, KernelArray):
        return 1 + kind.ndim
    if isinstance(kind, Record):
        return sum(map(_words, kind.fields.values()))
    return sum(map(_words, kind)) if isinstance(kind, types.BaseTuple) else 1


def _load(cgctx: Any, builder: Any, kind: Any, block: Any, at: int) -> Any:
    """Load an argument from a position in a block."""
    if isinstance(kind, Record):
        return builder.bitcast(builder.gep(block, [_WORD(at)]), cgutils.voidptr_t)
    if isinstance(kind, KernelArray):
        return _load_array(cgctx, builder, kind, block, at)
    if isinstance(kind, types.BaseTuple):
        values = []
        for part in kind:
            values.append(_load(cgctx, builder, part, block, at))
            at += _words(part)
        return cgctx.make_tuple(builder, kind, values)
    word = _load_word(builder, block, at)
    if isinstance(kind, types.Boolean):
        return builder.trunc(word, ir.IntType(1))
    return builder.bitcast(word, _DOUBLE) if isinstance(kind, types.Float) else word


def _load_array(cgctx: Any, builder: Any, kind: Any, block: Any, at: int) -> Any:
    """Load an array: its address, then its lengths."""
    address, *lengths = (_load_word(builder, block, at + i) for i in range(1 + kind.ndim))
    return array_of(cgctx, builder, kind, builder.inttoptr(address, cgctx.get_data_type(kind.dtype).as_pointer()), lengths)


def _load_word(builder: Any, block: Any, at: int) -> Any:
    """Load a word that does not change while the kernel runs, so that it need not be loaded again."""
    word = builder.load(builder.gep(block, [_WORD(at)]))
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return word


def loader_of(kinds: tuple[Any, ...]) -> Any:
    """Return an intrinsic that loads the arguments of a kernel from the block at an address."""
    found = types.Tuple(tuple(map(type_of, kinds)))

    @intrinsic
    def load(typingctx: Any, address: Any) -> Any:
        def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _load(cgctx, builder, found, builder.inttoptr(args[0], _WORD.as_pointer()), 0)

        return found(types.intp), generate

    return load


@intrinsic
def give_back(typingctx: Any, address: Any, result: Any) -> Any:
    """Store the number that a kernel returns at an address; followed by 0 for none, 1 for a float, 2 for an integer, 3 for a
    Boolean.
    """
    kinds = {types.NoneType: 0, types.Float: 1, types.Integer: 2, types.Boolean: 3}
    kind = next(number for kind, number in kinds.items() if isinstance(result, kind))

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], _WORD.as_pointer())
        builder.store(_WORD(kind), builder.gep(place, [_WORD(1)]))
        if kind == 1:
            builder.store(cgctx.cast(builder, args[1], result, types.float64), builder.bitcast(place, _DOUBLE.as_pointer()))
        elif kind:
            builder.store(cgctx.cast(builder, args[1], result, types.int64), place)
        return cgctx.get_dummy_value()

    return types.void(types.intp, result), generate
