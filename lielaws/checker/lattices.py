"""Integer relations: lattices of integer vectors, from their values modulo random primes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import flint

from lielaws.errors import CertificateError

Row = list[int]
_LARGEST_EXPONENT = 1000


def unresolved(what: str) -> CertificateError:
    """The error for functions whose relations this checker does not see through."""
    return CertificateError("architecture", "its functions", f"they cannot be checked: {what}")


def fraction_of(residue: int, prime: int) -> Fraction | None:
    """The fraction a / b with this residue and 2 max(|a|, b)^2 < prime, if there is one."""
    (a, s), (b, t) = (prime, 0), (residue % prime, 1)
    while 2 * b * b >= prime:
        (a, s), (b, t) = (b, t), (a % b, s - a // b * t)
    return Fraction(b, t) if 2 * t * t < prime else None


def relations(matrix: Sequence[Sequence[int]], columns: int, prime: int) -> list[list[Fraction]]:
    """The reduced echelon basis of the rational relations between columns, from values modulo a prime.

    Echelons lead with the last columns, so that the first entry of a relation from the right is 1.
    """
    entries = [entry for row in matrix for entry in reversed(row)]
    kernel, rank = flint.nmod_mat(len(matrix), columns, entries, prime).nullspace()
    if not rank:
        return []
    basis = flint.nmod_mat(rank, columns, [int(kernel[j, i]) for i in range(rank) for j in range(columns)], prime)
    reduced = basis.rref()[0]
    rows = []
    for i in range(rank):
        lifted = [fraction_of(int(reduced[i, columns - 1 - j]), prime) for j in range(columns)]
        if any(entry is None for entry in lifted):
            raise unresolved("they are related by unusual numbers")
        rows.append([entry for entry in lifted if entry is not None])
    return rows


def saturated(rows: Sequence[Sequence[Fraction]]) -> list[Row]:
    """A basis of the integer vectors in the span of a reduced basis, each with another last entry that is not zero.

    A combination c of the rows is an integer vector only if c is one, as the rows contain an identity matrix; then
    what is left is c X = 0 modulo the common denominator, for the other columns X.
    """
    count = len(rows)
    if not count:
        return []
    width = len(rows[0])
    common = math.lcm(*(entry.denominator for row in rows for entry in row))
    joined = [
        [int(entry * common) for entry in row] + [int(i == k) for k in range(count)] for i, row in enumerate(rows)
    ]
    joined += [[common * int(i == k) for k in range(width)] + [0] * count for i in range(width)]
    hermite = flint.fmpz_mat(joined).hnf()
    combinations = []
    for i in range(hermite.nrows()):
        line = [int(hermite[i, j]) for j in range(width + count)]
        if any(line[width:]) and not any(line[:width]):
            combinations.append(line[width:])
    vectors = [
        [sum(c * row[j] for c, row in zip(line, rows, strict=True)) for j in range(width)] for line in combinations
    ]
    return echelon([[int(entry) for entry in vector] for vector in vectors])


def echelon(rows: Sequence[Row]) -> list[Row]:
    """A basis of the same lattice with last entries in different columns, each positive and as small as can be."""
    if not rows:
        return []
    hermite = flint.fmpz_mat([row[::-1] for row in rows]).hnf()
    lines = [[int(hermite[i, j]) for j in range(hermite.ncols())][::-1] for i in range(hermite.nrows())]
    found = [line for line in lines if any(line)]
    if max((abs(entry) for line in found for entry in line), default=0) > _LARGEST_EXPONENT:
        raise unresolved("they are related by large numbers")
    return found


def last(row: Sequence[int]) -> int:
    """The place of the last entry that is not zero."""
    return max(k for k, entry in enumerate(row) if entry)


def kernel_of(rows: Sequence[Row], values: Sequence[Fraction]) -> list[Row]:
    """The combinations of rows with value zero, for a linear functional given on the rows."""
    common = math.lcm(1, *(value.denominator for value in values))
    joined = [[int(value * common), *row] for value, row in zip(values, rows, strict=True)]
    if not joined:
        return []
    hermite = flint.fmpz_mat(joined).hnf()
    lines = [[int(hermite[i, j]) for j in range(hermite.ncols())] for i in range(hermite.nrows())]
    return echelon([line[1:] for line in lines if not line[0] and any(line)])


def characters(rows: Sequence[Row], width: int) -> list[Row]:
    """Independent integer vectors, as many as there are, that are orthogonal to all rows."""
    if not rows:
        return [[int(i == j) for j in range(width)] for i in range(width)]
    matrix, rank = flint.fmpz_mat([list(row) for row in rows]).nullspace()
    found = []
    for j in range(rank):
        column = [int(matrix[i, j]) for i in range(width)]
        divisor = math.gcd(*column)
        found.append([entry // divisor for entry in column])
    return found
