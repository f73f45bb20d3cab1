"""Expressions -> machine code that evaluates them for eight subjects at a time, where SymEngine's does for one.

Inputs and outputs are interleaved: number i of subject p is at 8 i + p. Common subexpressions are computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import count
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from immunoode.model.symbolic import Expr
from immunoode.solve.problem import simd_math as vm
from immunoode.solve.problem.packed_input import LANES
from immunoode.solve.problem.simd_math import DOUBLES

POINTER = ir.PointerType(ir.DoubleType())
_NAMES = count()


class NotVectorised(Exception):
    """An expression contains a function that has no vector version."""


class VectorFunction:
    """A vector of expressions as machine code, `void f(double *out, const double *in, const double *added)`.

    Output i is expression i plus number i of `added`, where sums of products may be added to expressions: of an output the
    indices of other expressions and of inputs. All three hold eight subjects, interleaved, and are aligned to 64 bytes. The
    address is valid as long as this object exists.

    Parameters
    ----------
    products : sequence, optional
        For each output the pairs (expression, input) whose products are added to it: indices of `factors` and of `inputs`.
    factors : sequence of expressions, optional

    Raises
    ------
    NotVectorised
    """

    def __init__(
        self,
        inputs: list[Expr],
        expressions: list[Expr],
        products: Sequence[Sequence[tuple[int, int]]] = (),
        factors: Sequence[Expr] = (),
    ) -> None:
        module, builder, (out, given, added) = new_function()
        values = translated(builder, given, inputs, [*expressions, *factors])
        for i, total in enumerate(values[: len(expressions)]):
            for factor, place in products[i] if products else ():
                product = vm.multiply(builder, values[len(expressions) + factor], load(builder, given, place))
                total = vm.add(builder, total, product)
            store(builder, builder.fadd(total, load(builder, added, i)), out, i)
        builder.ret_void()
        self._keep = compiled(module)
        self.address = np.array([self._keep.get_function_address("f"), 0], dtype=np.int64)


def new_function(kinds: Sequence[Any] = (POINTER,) * 3) -> tuple[Any, Any, Any]:
    """Return a module, a builder inside its only function `f`, and the arguments of this: three pointers, or other kinds."""
    module = ir.Module(name=f"lanes {next(_NAMES)}")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "f")
    function.attributes.add("nounwind")
    return module, ir.IRBuilder(function.append_basic_block()), function.args


def translated(builder: Any, given: Any, inputs: list[Expr], expressions: Sequence[Expr]) -> list[Any]:
    """Return the values of expressions of the inputs at `given`; common subexpressions are computed once."""
    import symengine as se

    places = {symbol: i for i, symbol in enumerate(inputs)}
    steps, reduced = se.cse(list(expressions))
    translator = _Translator(builder, lambda symbol: load(builder, given, places[symbol]))
    for name, expression in steps:
        translator.made[name] = translator.visit(expression)
    return [translator.visit(expression) for expression in reduced]


def _place(builder: Any, data: Any, i: int) -> Any:
    return builder.bitcast(builder.gep(data, [ir.Constant(ir.IntType(64), LANES * i)]), DOUBLES.as_pointer())


def load(builder: Any, data: Any, i: int) -> Any:
    """Load row i, a number of each subject."""
    return builder.load(_place(builder, data, i), align=8 * LANES)


def store(builder: Any, value: Any, data: Any, i: int) -> None:
    """Store row i."""
    builder.store(value, _place(builder, data, i), align=8 * LANES)


@cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def compiled(module: Any) -> Any:
    """Return the engine that contains a module's machine code."""
    _initialise()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()  # a machine for each: its engine owns it
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(str(module)), machine)
    engine.finalize_object()
    return engine


class _Translator:
    """Writes instructions for expressions; each expression once."""

    def __init__(self, builder: Any, of_symbol: Callable[[Expr], Any]) -> None:
        import symengine as se
        from symengine.lib.symengine_wrapper import Boolean

        self.builder, self.of_symbol, self.se, self.boolean = builder, of_symbol, se, Boolean
        self.made: dict[Expr, Any] = {}

    def visit(self, expression: Expr) -> Any:
        if expression not in self.made:
            self.made[expression] = self._value(expression)
        return self.made[expression]

    def _value(self, expression: Expr) -> Any:
        se, builder = self.se, self.builder
        if expression.is_Symbol:
            return self.of_symbol(expression)
        if not expression.args and not isinstance(expression, self.boolean):
            return vm.number(self._constant(expression))
        if expression.is_Add:
            return self._sum(expression.args)
        if expression.is_Mul:
            return self._product(expression.args)
        if expression.is_Pow:
            return self._power(*expression.args)
        if isinstance(expression, se.Piecewise):
            return self._piecewise(expression.args)
        if isinstance(expression, se.log):
            return vm.logarithm(builder, self.visit(expression.args[0]))
        if isinstance(expression, self.boolean):
            return self._condition(expression)
        raise NotVectorised(str(type(expression)))

    def _constant(self, expression: Expr) -> float:
        try:
            return float(expression)
        except (TypeError, ValueError, RuntimeError):
            raise NotVectorised(str(expression)) from None

    def _sum(self, parts: Sequence[Expr]) -> Any:
        """Positive terms first, so that the others are subtracted rather than negated."""
        split = [(part.args[0] == -1, part) if part.is_Mul else (False, part) for part in parts]
        total = None
        for negative, part in sorted(split, key=lambda pair: pair[0]):
            if total is None:
                total = self.visit(part)
            elif negative:
                total = vm.subtract(self.builder, total, self._product(part.args[1:]))
            else:
                total = vm.add(self.builder, total, self.visit(part))
        return total

    def _product(self, parts: Sequence[Expr]) -> Any:
        negative = parts[0] == -1
        above = [p for p in parts[negative:] if not self._is_reciprocal(p)]
        below = [p for p in parts[negative:] if self._is_reciprocal(p)]
        total = None
        for part in above:
            value = self.visit(part)
            total = value if total is None else vm.multiply(self.builder, total, value)
        for part in below:
            if total is None or part in self.made:
                value = self.visit(part)
                total = value if total is None else vm.multiply(self.builder, total, value)
            else:
                total = self.builder.fdiv(total, self._power(part.args[0], -part.args[1]))
        return self.builder.fsub(vm.number(-0.0), total) if negative else total

    def _is_reciprocal(self, part: Expr) -> bool:
        return bool(part.is_Pow and part.args[1].is_Number and part.args[1] < 0)

    def _power(self, base: Expr, exponent: Expr) -> Any:
        builder, se = self.builder, self.se
        if base == se.E:
            return vm.exponential(builder, self.visit(exponent))
        if exponent.is_Number:
            value = float(exponent)
            twice = round(2 * value)
            if twice == 2 * value and 0 < abs(twice) <= 64:
                found = self._half_power(self.visit(base), abs(twice))
                return found if value > 0 else builder.fdiv(vm.number(1.0), found)
        return vm.power(builder, self.visit(base), self.visit(exponent))

    def _half_power(self, base: Any, twice: int) -> Any:
        whole = vm.whole_power(self.builder, base, twice // 2) if twice > 1 else None
        if twice % 2 == 0:
            return whole
        root = vm.call(self.builder, "sqrt", base)
        return root if whole is None else self.builder.fmul(whole, root)

    def _piecewise(self, arguments: Sequence[Expr]) -> Any:
        pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
        if pairs[-1][1] != self.se.true:
            raise NotVectorised("a piecewise without an otherwise")
        total = self.visit(pairs[-1][0])
        for value, condition in reversed(pairs[:-1]):
            total = self.builder.select(self.visit(condition), self.visit(value), total)
        return total

    def _condition(self, condition: Expr) -> Any:
        se, builder = self.se, self.builder
        if isinstance(condition, se.Eq) and se.true in condition.args:  # what became of a condition that is used twice
            return self.visit(next(a for a in condition.args if a != se.true))
        operators = {se.Lt: "<", se.Le: "<=", se.Eq: "==", se.Ne: "!="}
        for kind, operator in operators.items():
            if isinstance(condition, kind):
                left, right = (self.visit(a) for a in condition.args)
                compare = builder.fcmp_unordered if operator == "!=" else builder.fcmp_ordered
                return compare(operator, left, right)
        if condition in (se.true, se.false):
            return ir.Constant(ir.VectorType(ir.IntType(1), LANES), [int(condition == se.true)] * LANES)
        joined = {se.And: builder.and_, se.Or: builder.or_}
        for kind, join in joined.items():
            if isinstance(condition, kind):
                values = [self.visit(a) for a in condition.args]
                total = values[0]
                for value in values[1:]:
                    total = join(total, value)
                return total
        if isinstance(condition, se.Not):
            return builder.not_(self.visit(condition.args[0]))
        raise NotVectorised(str(condition))
