"""The functions phi with exact first and second derivatives at rational points."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lielaws.architectures.base import Architecture
from lielaws.architectures.expansion import expand, primitive
from lielaws.arraytypes import ObjectArray
from lielaws.engine.graph.node import Shape
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.engine.laws.polynomial import Monomial, Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import as_fraction
from lielaws.errors import InvalidArgumentError, SizeError
from lielaws.intrinsic.calculus import Calculus, Plain

Terms = dict[Monomial, Fraction]

MOST_ENTRIES = 2_000_000
_MOST_SYMBOLIC_DERIVATIVES = 20_000
_LARGEST_CONSTANT = 10**6


class Functions(Protocol):
    """phi, for an exact decision at a rational point."""

    @property
    def count(self) -> int: ...

    def jacobian(self, point: Sequence[Fraction]) -> ObjectArray:
        """d phi up to nonzero factors of the rows, shape (count, D), integers or fractions."""
        ...

    def along(self, point: Sequence[Fraction], directions: ObjectArray) -> list[ObjectArray]:
        """The derivative of :meth:`jacobian` along each of the directions (k, D), with the same factors."""
        ...


def functions_of(architecture: Architecture) -> Functions:
    """phi of an architecture.

    Raises SizeError if it would not fit, and UnsupportedError for potentials that are not polynomial in the data with
    coefficients that are rational in the parameters.
    """
    frozen = bool(architecture.potential.constants)
    if frozen:
        architecture = _with_random_constants(architecture)
    expansion = expand(architecture.name, architecture.potential)
    if expansion.inverted:
        return RationalFunctions(architecture)
    as_given = (architecture.spec or {}).get("family") == "phi"
    found: dict[frozenset[tuple[Monomial, int]], Terms] = {}
    for _, terms in expansion.coefficients:
        # What is added by frozen tensors has no derivative, and their random values would only be in the way.
        kept = {monomial: value for monomial, value in terms.items() if monomial or not frozen}
        shifted = {tuple(k - expansion.first for k in monomial): value for monomial, value in kept.items()}
        _, reduced = primitive(shifted)
        if any(reduced):
            chosen = shifted if as_given else reduced
            found.setdefault(frozenset(reduced.items()), {m: Fraction(value) for m, value in chosen.items()})
    return PolynomialFunctions(architecture.dimension, tuple(found.values()))


class _RandomConstants(Operations):
    """Generic constants, such as frozen tensors, as fixed random integers."""

    __slots__ = ()

    def frozen(self, name: str, shape: Shape, *, positive: bool = False) -> Array:
        rng = np.random.default_rng(zlib.crc32((self.scope + name).encode()))
        return self.array(rng.integers(1, _LARGEST_CONSTANT, shape))

    def named_constant(self, name: str) -> Array:
        return self.frozen(name, ())


def _with_random_constants(architecture: Architecture) -> Architecture:
    def network(p: Any, *data_and_ops: Any) -> Any:
        *data, ops = data_and_ops
        return architecture.function(p, *data, _RandomConstants(ops.graph))

    return replace(architecture, function=network)


def check_size(name: str, functions: Functions, dimension: int) -> None:
    """Refuse what would take too long in exact arithmetic."""
    if functions.count * dimension > MOST_ENTRIES:
        entries = f"{functions.count:,} functions of {dimension:,} parameters"
        raise SizeError("arch", f"{name}: {entries}", f"at most {MOST_ENTRIES:,} derivatives are supported")


@dataclass(frozen=True)
class PolynomialFunctions:
    """Polynomials in the parameters, the same as :attr:`Reparameterization.phi` and in its order."""

    dimension: int
    terms: tuple[Terms, ...]

    @property
    def count(self) -> int:
        return len(self.terms)

    @cached_property
    def table(self) -> TermTable:
        """Integer multiples of the polynomials, without their constants."""
        return TermTable.of([_integral(terms) for terms in self.terms], self.dimension)

    def jacobian(self, point: Sequence[Fraction]) -> ObjectArray:
        return jacobian(self.table, *common_denominator(point))

    def evaluate(self, theta: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """phi (count,) and d phi (count, D) in floats."""
        values, slopes = np.zeros(self.count), np.zeros((self.count, self.dimension))
        for row, terms in enumerate(self.terms):
            for monomial, coefficient in terms.items():
                values[row] += float(coefficient) * np.prod(theta[list(monomial)])
                for place, coordinate in enumerate(monomial):
                    others = [*monomial[:place], *monomial[place + 1 :]]
                    slopes[row, coordinate] += float(coefficient) * np.prod(theta[others])
        return values, slopes

    def along(self, point: Sequence[Fraction], directions: ObjectArray) -> list[ObjectArray]:
        # With one factor `unit` less than the Jacobian: it does not matter where a derivative vanishes.
        calculus = _calculus(self.table, *common_denominator(point))
        return [calculus.jacobian_along(direction) for direction in directions]


def _integral(terms: Mapping[Monomial, Fraction]) -> Polynomial:
    scale = math.lcm(*(value.denominator for value in terms.values()))
    return Polynomial.of({monomial: int(value * scale) for monomial, value in terms.items() if monomial})


def common_denominator(point: Sequence[Fraction]) -> tuple[list[int], int]:
    unit = math.lcm(*(value.denominator for value in point))
    return [int(value * unit) for value in point], unit


def jacobian(table: TermTable, numerators: Sequence[int], unit: int) -> ObjectArray:
    """The gradients at numerators / unit, all times the same power of `unit`: each padding factor counts as one."""
    return _calculus(table, numerators, unit).jacobian()


def _calculus(table: TermTable, numerators: Sequence[int], unit: int) -> Calculus:
    return Calculus(table, np.array([*numerators, unit], dtype=object), Plain(object))


@dataclass(frozen=True)
class RationalFunctions:
    """Quotients of polynomials, differentiated by sympy: few and small, as they are written by hand."""

    architecture: Architecture

    @cached_property
    def _first(self) -> list[list[Any]]:
        matrix = self.architecture.reparameterization().jacobian
        return [list(matrix.row(row)) for row in range(matrix.rows)]

    @cached_property
    def _symbols(self) -> tuple[Any, ...]:
        return self.architecture.reparameterization().symbols

    @property
    def count(self) -> int:
        return len(self._first)

    @cached_property
    def _second(self) -> list[list[list[Any]]]:
        size = self.count * len(self._symbols) ** 2
        if size > _MOST_SYMBOLIC_DERIVATIVES:
            remedy = f"{size:,} second derivatives of rational functions are too many"
            raise SizeError("arch", self.architecture.name, remedy)
        return [[[entry.diff(symbol) for symbol in self._symbols] for entry in row] for row in self._first]

    def jacobian(self, point: Sequence[Fraction]) -> ObjectArray:
        substitution = self._substitution(point)
        return np.array([[_value(entry, substitution) for entry in row] for row in self._first], dtype=object)

    def along(self, point: Sequence[Fraction], directions: ObjectArray) -> list[ObjectArray]:
        substitution = self._substitution(point)
        slopes = [[[_value(part, substitution) for part in entry] for entry in row] for row in self._second]
        tensor = np.array(slopes, dtype=object)
        return [np.asarray(tensor @ direction) for direction in directions]

    def _substitution(self, point: Sequence[Fraction]) -> dict[Any, Any]:
        import sympy

        numbers = (sympy.Rational(value.numerator, value.denominator) for value in point)
        return dict(zip(self._symbols, numbers, strict=True))


def _value(expression: Any, substitution: Mapping[Any, Any]) -> Fraction:
    value = expression.xreplace(substitution)
    if not value.is_Rational:
        raise InvalidArgumentError("at", "the given point", "a denominator of phi vanishes there; choose another")
    return as_fraction(value)
