"""Exponential, logarithm and powers of eight numbers at a time, as LLVM instructions. C libraries only have scalar versions.

Each is within two units in the last place of the exact value (powers: times the size of the exponent's logarithm), and gives
what C's functions give at zeros, infinities, negative numbers and NaN. Methods: reduction to an interval around 0 (1) and
the exponential's series; the logarithm of Tang 1990, ACM Trans Math Softw 16:378-400, with the coefficients that the FreeBSD
mathematical library has published.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir

from immunoode.solve.problem.packed_input import LANES

DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(64), LANES)
_FUSED = ("contract",)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SERIES = [1.0 / math.factorial(k) for k in range(14)]
_LOGARITHM = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
_SHIFT = float(3 << 51)
"""Added to a whole number of moderate size, it leaves that number in the last bits."""
_SHIFT_BITS = 0x4338000000000000
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD


def number(value: float) -> Any:
    """Return a vector of one number."""
    return ir.Constant(DOUBLES, [float(value)] * LANES)


def call(builder: Any, name: str, *values: Any) -> Any:
    """Call one of LLVM's own functions of vectors: fabs, sqrt, rint, minnum, maxnum."""
    full = f"llvm.{name}.v{LANES}f64"
    found = builder.module.globals.get(full)
    if found is None:
        found = ir.Function(builder.module, ir.FunctionType(DOUBLES, [DOUBLES] * len(values)), full)
    return builder.call(found, values)


def add(builder: Any, a: Any, b: Any) -> Any:
    """Return a + b, which may be fused with a product."""
    return builder.fadd(a, b, flags=_FUSED)


def subtract(builder: Any, a: Any, b: Any) -> Any:
    """Return a - b, which may be fused with a product."""
    return builder.fsub(a, b, flags=_FUSED)


def multiply(builder: Any, a: Any, b: Any) -> Any:
    """Return a * b, which may be fused into a sum."""
    return builder.fmul(a, b, flags=_FUSED)


def _whole(value: int) -> Any:
    return ir.Constant(_INTEGERS, [value] * LANES)


def _horner(builder: Any, x: Any, coefficients: Any) -> Any:
    total = number(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = add(builder, multiply(builder, total, x), number(c))
    return total


def _reduced(builder: Any, x: Any, k: Any) -> Any:
    """Return x - k log(2)."""
    high = subtract(builder, x, multiply(builder, k, number(_LN2_HIGH)))
    return subtract(builder, high, multiply(builder, k, number(_LN2_LOW)))


def _two_to_the(builder: Any, k: Any) -> Any:
    """Return 2 ** k for whole numbers between -1022 and 1023."""
    bits = builder.bitcast(builder.fadd(k, number(_SHIFT + 1023.0)), _INTEGERS)
    return builder.bitcast(builder.shl(bits, _whole(52)), DOUBLES)


def exponential(builder: Any, x: Any) -> Any:
    """Return exp(x)."""
    inside = call(builder, "maxnum", call(builder, "minnum", x, number(1000.0)), number(-1000.0))
    k = call(builder, "rint", builder.fmul(inside, number(1.0 / math.log(2.0))))
    series = _horner(builder, _reduced(builder, inside, k), _SERIES)
    half = call(builder, "rint", builder.fmul(k, number(0.5)))  # in two factors, of which neither over- nor underflows
    scaled = builder.fmul(builder.fmul(series, _two_to_the(builder, half)), _two_to_the(builder, builder.fsub(k, half)))
    return builder.select(builder.fcmp_unordered("uno", x, x), x, scaled)


def logarithm(builder: Any, x: Any) -> Any:
    """Return log(x)."""
    small = builder.fcmp_ordered("<", x, number(2.0**-1022))
    bits = builder.bitcast(builder.select(small, builder.fmul(x, number(2.0**54)), x), _INTEGERS)
    exponent = builder.ashr(builder.sub(bits, _whole(_SQRT_HALF_BITS)), _whole(52))
    mantissa = builder.bitcast(builder.sub(bits, builder.shl(exponent, _whole(52))), DOUBLES)
    shifted = builder.bitcast(builder.add(exponent, _whole(_SHIFT_BITS)), DOUBLES)
    k = builder.fsub(shifted, number(_SHIFT))
    k = builder.select(small, builder.fsub(k, number(54.0)), k)
    f = builder.fsub(mantissa, number(1.0))
    s = builder.fdiv(f, builder.fadd(f, number(2.0)))
    square = builder.fmul(s, s)
    half = builder.fmul(number(0.5), builder.fmul(f, f))
    series = multiply(builder, square, _horner(builder, square, _LOGARITHM))
    low = add(builder, multiply(builder, s, builder.fadd(half, series)), multiply(builder, k, number(_LN2_LOW)))
    found = add(builder, multiply(builder, k, number(_LN2_HIGH)), builder.fsub(f, builder.fsub(half, low)))
    found = builder.select(builder.fcmp_ordered("<", x, number(0.0)), number(math.nan), found)
    found = builder.select(builder.fcmp_ordered("==", x, number(0.0)), number(-math.inf), found)
    unchanged = builder.fcmp_unordered("==", x, number(math.inf))  # and NaN
    return builder.select(unchanged, x, found)


def power(builder: Any, x: Any, y: Any) -> Any:
    """Return x ** y; for a negative x, it is real if y is an integer."""
    size = exponential(builder, builder.fmul(y, logarithm(builder, call(builder, "fabs", x))))
    whole = builder.fcmp_ordered("==", call(builder, "rint", y), y)
    halved = builder.fmul(y, number(0.5))
    odd = builder.fcmp_unordered("!=", call(builder, "rint", halved), halved)
    signed = builder.select(odd, builder.fsub(number(-0.0), size), size)
    of_negative = builder.select(whole, signed, number(math.nan))
    found = builder.select(builder.fcmp_ordered("<", x, number(0.0)), of_negative, size)
    one = builder.or_(builder.fcmp_ordered("==", y, number(0.0)), builder.fcmp_ordered("==", x, number(1.0)))
    return builder.select(one, number(1.0), found)


def whole_power(builder: Any, x: Any, exponent: int) -> Any:
    """Return x ** exponent, exponent from 1, by squaring."""
    result, square = None, x
    while exponent:
        if exponent & 1:
            result = square if result is None else builder.fmul(result, square)
        exponent >>= 1
        if exponent:
            square = builder.fmul(square, square)
    return result
