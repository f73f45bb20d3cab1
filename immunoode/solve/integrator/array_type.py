"""The type of arrays in kernels: an address and lengths, in C order; an index counts from the front.

Numba's own arrays also have strides, owners and sizes, and their indices may count from the end, which gives several times as
much intermediate code that is then optimised away. Kernels use items, rows and slices.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils, typing
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global
from numba.extending import infer_getattr, intrinsic, lower_builtin, lower_getattr_generic, models, register_model

_WORD = ir.IntType(64)


class KernelArray(types.Type):
    """An array of numbers or of records (a structured dtype)."""

    def __init__(self, dtype: Any, ndim: int) -> None:
        self.dtype, self.ndim = dtype, ndim
        super().__init__(name=f"array({dtype}, {ndim})")

    def at(self, index: Any) -> Any:
        """Return the type at an index: an item, an array of fewer dimensions, or a part of a vector."""
        if isinstance(index, types.SliceType):
            return self
        left = self.ndim - (len(index) if isinstance(index, types.BaseTuple) else 1)
        return KernelArray(self.dtype, left) if left else self.dtype


@register_model(KernelArray)
class _Model(models.StructModel):
    def __init__(self, dmm: Any, kind: KernelArray) -> None:
        lengths = [(f"length{i}", types.intp) for i in range(kind.ndim)]
        super().__init__(dmm, kind, [("data", types.CPointer(kind.dtype)), *lengths])


class View(NamedTuple):
    """The representation of an array in intermediate code: a pointer to its first item, and its lengths."""

    data: Any
    lengths: list[Any]


def view(builder: Any, kind: KernelArray, value: Any) -> View:
    """Take an array apart."""
    data, *lengths = (builder.extract_value(value, i) for i in range(1 + kind.ndim))
    return View(data, lengths)


def views(builder: Any, sig: Any, args: Any) -> list[View]:
    """Take all arrays among the arguments of a function apart."""
    return [view(builder, t, a) for t, a in zip(sig.args, args, strict=True) if isinstance(t, KernelArray)]


def array_of(cgctx: Any, builder: Any, kind: KernelArray, data: Any, lengths: Sequence[Any]) -> Any:
    """Make an array of a pointer and lengths."""
    value = ir.Constant(cgctx.get_value_type(kind), ir.Undefined)
    for i, part in enumerate((data, *lengths)):
        value = builder.insert_value(value, part, i)
    return value


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        array, index = args
        return typing.signature(array.at(index), array, index) if isinstance(array, KernelArray) else None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        array, index, _ = args
        return typing.signature(types.none, array, index, array.dtype) if isinstance(array, KernelArray) else None


@lower_builtin(operator.getitem, KernelArray, types.Any)
def _get(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
    kind, index = sig.args
    array = view(builder, kind, args[0])
    if isinstance(index, types.SliceType):
        part = cgctx.make_helper(builder, index, args[1])
        end = builder.select(builder.icmp_signed("<", part.stop, array.lengths[0]), part.stop, array.lengths[0])
        return array_of(cgctx, builder, kind, builder.gep(array.data, [part.start]), [builder.sub(end, part.start)])
    place, count = _place(cgctx, builder, index, args[1], array)
    if isinstance(sig.return_type, KernelArray):
        return array_of(cgctx, builder, sig.return_type, place, array.lengths[count:])
    return cgctx.unpack_value(builder, kind.dtype, place)


@lower_builtin(operator.setitem, KernelArray, types.Any, types.Any)
def _set(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
    kind, index, _ = sig.args
    place, _ = _place(cgctx, builder, index, args[1], view(builder, kind, args[0]))
    cgctx.pack_value(builder, kind.dtype, args[2], place)
    return cgctx.get_dummy_value()


def _place(cgctx: Any, builder: Any, kind: Any, index: Any, array: View) -> tuple[Any, int]:
    """Return the address in an array to which an index points, and the number of dimensions that it uses."""
    whole = isinstance(kind, types.BaseTuple)
    kinds, indices = (tuple(kind), cgutils.unpack_tuple(builder, index)) if whole else ((kind,), [index])
    at = None
    for i, length in enumerate(array.lengths):
        at = at if at is None else builder.mul(at, length)
        if i < len(indices):
            own = cgctx.cast(builder, indices[i], kinds[i], types.intp)
            at = own if at is None else builder.add(at, own)
    return builder.gep(array.data, [at]), len(indices)


@infer_getattr
class _Attributes(AttributeTemplate):
    key = KernelArray

    def generic_resolve(self, array: KernelArray, name: str) -> Any:
        return {"size": types.intp, "shape": types.UniTuple(types.intp, array.ndim)}.get(name)


@lower_getattr_generic(KernelArray)
def _attribute(cgctx: Any, builder: Any, kind: KernelArray, value: Any, name: str) -> Any:
    lengths = view(builder, kind, value).lengths
    if name == "shape":
        return cgutils.pack_array(builder, lengths)
    size = lengths[0]
    for length in lengths[1:]:
        size = builder.mul(size, length)
    return size


@intrinsic
def address_of(typingctx: Any, array: Any) -> Any:
    """Return the address of an array's first item."""

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ptrtoint(view(builder, array, args[0]).data, _WORD)

    return types.intp(array), generate
