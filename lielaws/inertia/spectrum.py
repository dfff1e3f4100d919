"""From a quadratic loss theta^T A theta / 2 and a starting point to its modes, exactly.

Energy needs no eigenvectors. With m the minimal polynomial of A, the projector onto the eigenspace of lambda is
(m(z)/(z - lambda))(A) / m'(lambda), so <x0, v0> within it is a polynomial in lambda whose coefficients are rational in
the moments <theta0, A^k v0>; eigenvalues of any degree, and repeated ones, need no case distinction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.errors import InvalidArgumentError, SizeError, UnsupportedError
from lielaws.inertia.exact_numbers import exact
from lielaws.inertia.modes import Mode

if TYPE_CHECKING:
    import sympy

_MOST_COORDINATES = 40


def read_matrix(A: Any) -> tuple[list[list[sympy.Expr]] | None, list[sympy.Expr]]:
    """(rows, eigenvalues): rows is None for a list of eigenvalues and for a diagonal matrix, whose entries they are."""
    import sympy

    table = np.array(A.tolist() if isinstance(A, sympy.MatrixBase) else A, dtype=object)
    if table.ndim == 1 and table.size:
        return None, [exact("A", entry) for entry in table]
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not table.size:
        raise InvalidArgumentError(
            "A", f"an array of shape {table.shape}", "a symmetric matrix or a list of its eigenvalues is needed"
        )
    rows = [[exact("A", entry) for entry in row] for row in table]
    size = range(len(rows))
    unequal = next(((i, j) for i in size for j in size if i < j and rows[i][j] - rows[j][i] != 0), None)
    if unequal:
        i, j = unequal
        text = f"A[{i},{j}] = {rows[i][j]}, A[{j},{i}] = {rows[j][i]}"
        raise InvalidArgumentError("A", text, "a symmetric matrix is needed; (A + A^T)/2 gives the same loss")
    if all(rows[i][j] == 0 for i in size for j in size if i != j):
        return None, [rows[i][i] for i in size]
    return rows, []


def read_vector(name: str, values: Any, size: int) -> list[sympy.Expr]:
    """A vector of `size` exact numbers or expressions; zeros if it is None."""
    import sympy

    if values is None:
        return [sympy.Integer(0)] * size
    entries = np.array(values.tolist() if isinstance(values, sympy.MatrixBase) else values, dtype=object).reshape(-1)
    if len(entries) != size:
        raise InvalidArgumentError(name, f"{len(entries)} numbers", f"{size} are needed, one for each coordinate")
    return [exact(name, entry) for entry in entries]


def diagonal_modes(
    eigenvalues: Sequence[sympy.Expr], theta: Sequence[sympy.Expr], velocity: Sequence[sympy.Expr]
) -> list[Mode]:
    """Modes of a diagonal matrix; equal eigenvalues share one."""
    import sympy

    groups: dict[sympy.Expr, list[int]] = {}
    for index, eigenvalue in enumerate(eigenvalues):
        groups.setdefault(eigenvalue, []).append(index)

    def product(a: Sequence[sympy.Expr], b: Sequence[sympy.Expr], group: list[int]) -> sympy.Expr:
        return sympy.Add(*(a[i] * b[i] for i in group))

    return [
        Mode(value, len(g), product(theta, theta, g), product(theta, velocity, g), product(velocity, velocity, g))
        for value, g in groups.items()
    ]


def matrix_modes(
    rows: list[list[sympy.Expr]], theta: Sequence[sympy.Expr], velocity: Sequence[sympy.Expr]
) -> list[Mode]:
    """Modes of a symmetric rational matrix, by increasing eigenvalue."""
    import sympy

    if len(rows) > _MOST_COORDINATES:
        remedy = (
            f"exact spectra are limited to {_MOST_COORDINATES}; give the eigenvalues, and theta0, v0 in the eigenbasis"
        )
        raise SizeError("A", f"{len(rows)} coordinates", remedy)
    irrational = next((entry for row in rows for entry in row if not entry.is_Rational), None)
    if irrational is not None:
        remedy = "a matrix needs rational entries; give the eigenvalues, and theta0, v0 in the eigenbasis"
        raise UnsupportedError("A", irrational, remedy)
    variable = sympy.Symbol("z")
    matrix = sympy.Matrix(rows)
    factors = matrix.charpoly(variable).factor_list()[1]
    minimal = sympy.Poly(1, variable, domain="QQ")
    for factor, _ in factors:
        minimal *= factor.set_domain("QQ")
    start = (sympy.Matrix(theta), sympy.Matrix(velocity))
    overlaps = [_overlap_polynomial(matrix, minimal, *pair) for pair in (start[:1] * 2, start, start[1:] * 2)]
    modes = []
    for factor, multiplicity in factors:
        slope = sympy.invert(minimal.diff(variable), factor.set_domain("QQ"))
        shares = [_reduce(overlap, slope, factor.set_domain("QQ"), variable) for overlap in overlaps]
        for root in _roots(factor):
            at_root = [
                sympy.Add(*(coefficient * root**power for power, coefficient in enumerate(share))) for share in shares
            ]
            modes.append(Mode(root, int(multiplicity), *(_tidy(value) for value in at_root)))
    return sorted(modes, key=lambda mode: sympy.N(mode.eigenvalue, 30))


def _overlap_polynomial(
    matrix: sympy.Matrix, minimal: sympy.Poly, left: sympy.Matrix, right: sympy.Matrix
) -> list[sympy.Expr]:
    """Coefficients in lambda of <left, (m(z)/(z - lambda))(A) right>, constant first."""
    import sympy

    coefficients = minimal.all_coeffs()[::-1]
    degree = len(coefficients) - 1
    moments, vector = [], right
    for _ in range(degree):
        moments.append(sympy.expand((left.T * vector)[0]))
        vector = matrix * vector
    # m(z)/(z - lambda) has the coefficient sum_{k > j} m_k lambda^(k-1-j) at z^j.
    return [
        sympy.expand(sympy.Add(*(coefficients[power + 1 + j] * moments[j] for j in range(degree - power))))
        for power in range(degree)
    ]


def _reduce(
    overlap: list[sympy.Expr], slope: sympy.Poly, factor: sympy.Poly, variable: sympy.Symbol
) -> list[sympy.Expr]:
    """The overlap divided by m'(lambda), modulo the minimal polynomial of lambda; coefficients, constant first."""
    import sympy

    degree = factor.degree()
    result: list[sympy.Expr] = [sympy.Integer(0)] * degree
    for power, weight in enumerate(overlap):
        if weight != 0:
            reduced = (sympy.Poly(variable**power, variable, domain="QQ") * slope).rem(factor).all_coeffs()[::-1]
            result = [entry + weight * (reduced[k] if k < len(reduced) else 0) for k, entry in enumerate(result)]
    return [sympy.expand(entry) for entry in result]


def _roots(factor: sympy.Poly) -> list[sympy.Expr]:
    """Real roots of an irreducible polynomial: in radicals up to degree two, else as exact algebraic numbers."""
    import sympy

    if factor.degree() <= 2:
        return sorted(sympy.roots(factor), key=lambda root: sympy.N(root, 30))
    return list(factor.real_roots(radicals=False))


def _tidy(value: sympy.Expr) -> sympy.Expr:
    import sympy

    return sympy.radsimp(sympy.expand(value)) if not value.has(sympy.CRootOf) else value
