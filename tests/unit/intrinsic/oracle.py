"""The ranks by sympy alone, from the definition: slow, and independent of the library's linear algebra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from lielaws import Architecture, Law


def oracle_ranks(arch: Architecture, laws: Sequence[Law], params: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """rank d phi, rank d h, rank [d phi; d h], rank [d phi; d h; d M] at a rational point."""
    known = arch.reparameterization()
    symbols = list(known.symbols)
    jacobian = sp.Matrix([[sp.diff(f, s) for s in symbols] for f in known.phi])
    metric = jacobian * jacobian.T
    point = dict(zip(symbols, _entries(arch, params), strict=True))

    def rows(expressions: Sequence[Any]) -> list[list[Any]]:
        return [[sp.diff(f, s).xreplace(point) for s in symbols] for f in expressions]

    phi, h = rows(known.phi), rows([law.expr for law in laws])
    upper = [metric[i, j] for i in range(metric.rows) for j in range(i, metric.cols)]
    return _rank(phi), _rank(h), _rank(phi + h), _rank(phi + h + rows(upper))


def _entries(arch: Architecture, params: Mapping[str, Any]) -> list[Any]:
    flat = [entry for name in arch.parameters for entry in np.asarray(params[name], dtype=object).ravel()]
    return [sp.Rational(Fraction(entry).numerator, Fraction(entry).denominator) for entry in flat]


def _rank(rows: list[list[Any]]) -> int:
    return DomainMatrix.from_Matrix(sp.Matrix(rows)).to_field().rank() if rows else 0
