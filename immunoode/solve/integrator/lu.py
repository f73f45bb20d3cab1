"""Small dense linear systems, in place: factors and solutions for the stages of implicit steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.jit import inner


@inner
def factorise(matrix: Any, rows: Any, sizes: Any) -> bool:
    """Replace a square matrix by its LU factors, transposed; `rows` gets the order of rows.

    False if it is singular. Pivots are chosen relative to the size of their row (`sizes` is working memory for these), because
    rows have different units.
    """
    n = matrix.shape[0]
    for i in range(n):
        rows[i] = i
        largest = 0.0
        for j in range(n):
            largest = max(largest, abs(matrix[i, j]))
        if not (largest > 0.0 and largest < 1e300):
            return False
        sizes[i] = 1.0 / largest
    for c in range(n):
        best, found = c, abs(matrix[c, c]) * sizes[c]
        for i in range(c + 1, n):
            size = abs(matrix[i, c]) * sizes[i]
            if size > 10.0 * found:  # an exchange only where it matters: these matrices are mostly dominated by their diagonal
                best, found = i, size
        if not found > 0.0:
            return False
        if best != c:
            for j in range(n):
                matrix[c, j], matrix[best, j] = matrix[best, j], matrix[c, j]
            sizes[c], sizes[best] = sizes[best], sizes[c]
            rows[c], rows[best] = rows[best], rows[c]
        inverse = 1.0 / matrix[c, c]
        for i in range(c + 1, n):
            if matrix[i, c] != 0.0:
                factor = matrix[i, c] * inverse
                matrix[i, c] = factor
                for j in range(c + 1, n):
                    matrix[i, j] -= factor * matrix[c, j]
        matrix[c, c] = inverse
    for i in range(n):  # columns side by side, as substitution goes through them
        for j in range(i):
            matrix[i, j], matrix[j, i] = matrix[j, i], matrix[i, j]
    return True


@inner
def substitute(matrix: Any, rows: Any, right: Any, out: Any) -> None:
    """Solve with the factors; the diagonal contains its inverse."""
    n = right.size
    for i in range(n):
        out[i] = right[rows[i]]
    for j in range(n - 1):
        known = out[j]
        for i in range(j + 1, n):
            out[i] -= matrix[j, i] * known
    for j in range(n - 1, -1, -1):
        out[j] *= matrix[j, j]
        known = out[j]
        for i in range(j):
            out[i] -= matrix[j, i] * known


@inner
def power_iteration(matrix: Any, vector: Any, weights: Any, room: Any) -> float:
    """One step of power iteration: |matrix v| / |v| in scaled norms; `vector` becomes the next v, scaled to one."""
    n = vector.size
    before = after = 0.0
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += matrix[i, j] * vector[j]
        room[i] = total
        before += (vector[i] / weights[i]) ** 2
        after += (total / weights[i]) ** 2
    if not (after > 0.0 and after < 1e300 and before > 0.0):
        for i in range(n):
            vector[i] = weights[i]
        return 0.0
    size = np.sqrt(after)
    for i in range(n):
        vector[i] = room[i] / size
    return size / np.sqrt(before)
