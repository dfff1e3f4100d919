"""Functions of the state that a user writes as sympy expressions, evaluated exactly with their gradients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.engine.arithmetic.enclosures import Enclosures, exact
from lielaws.engine.arithmetic.jets import JetArithmetic, Values
from lielaws.engine.arithmetic.modular import BadPrimeError, Modular
from lielaws.engine.flows.dynamics import gradient
from lielaws.engine.flows.fields import joined
from lielaws.engine.flows.heights import FieldBounds, bound_fields
from lielaws.engine.flows.state import TIME, StateSpace
from lielaws.engine.graph.node import Graph, Node
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.program import Program
from lielaws.engine.graph.symbolic import build_expression, free_entries
from lielaws.engine.graph.trace import Array
from lielaws.engine.laws.clocks import Timed, without_exponentials
from lielaws.engine.laws.law import entry_symbol
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.linalg import modular
from lielaws.engine.potential.patterns import DENOMINATOR
from lielaws.errors import InvalidArgumentError, nearest

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class StateFunction:
    """A rational function on the state space, and of time and its exponentials, as a graph.

    leaves, slopes : one for each tensor of the state
    extra : the leaf of what is no coordinate of the state, see :class:`Timed`
    """

    expression: sympy.Expr
    space: StateSpace
    leaves: dict[str, Node]
    slopes: tuple[Node, ...]
    timed: Timed
    extra: Node | None

    @classmethod
    def of(cls, expression: Any, space: StateSpace) -> StateFunction:
        """Raises InvalidArgumentError for unknown entries and UnsupportedError for functions that are not rational."""
        import sympy

        if not isinstance(expression, sympy.Expr):
            raise InvalidArgumentError("law", expression, "a sympy expression in entries such as W1[0, 2] is needed")
        graph = Graph()
        leaves = {name: graph.leaf("parameter", name, shape) for name, shape in space.shapes.items()}
        ops = Operations(graph)
        timed = without_exponentials(expression, space)
        extra = None if timed.extra is None else graph.leaf("parameter", "exponential of time", ())
        special = {timed.clock: leaves.get(TIME), timed.extra: extra}
        value = build_expression(timed.expression, lambda symbol: _lookup(symbol, special, leaves), ops)
        slopes = gradient(value.node, ops.array(1).node, list(leaves.values()))
        if extra is not None and space.clock is not None:
            (along,) = gradient(value.node, ops.array(1).node, [extra])
            inner = timed.extra_slope(space.clock, Array(leaves[TIME]), Array(extra)) * Array(along)
            slopes[0] = (Array(slopes[0]) + inner).node
        return cls(expression, space, leaves, tuple(slopes), timed, extra)

    @cached_property
    def program(self) -> Program:
        return Program.of(self.slopes)

    @cached_property
    def bounds(self) -> FieldBounds:
        """Degrees and heights of the gradient."""
        return bound_fields(self.slopes)

    def gradients(self, points: IntArray, prime: int) -> IntArray:
        """At points of shape (samples, dimension), in the same shape. BadPrimeError where a denominator vanishes."""
        # Any value of what is no coordinate will do, as it is independent of them; the same at the same point.
        rng = np.random.default_rng(int(points[0, 0]))
        extra = modular.residues(rng, prime, (1, len(points)))
        arithmetic = Modular(prime)
        result: IntArray = self._slopes(points[None], extra, arithmetic)[0]
        if arithmetic.undefined is not None:
            raise BadPrimeError("a denominator of the function vanishes")
        return result

    def enclosed_gradients(self, vector: IntArray) -> FloatArray:
        """At the point with these numerators, in enclosures of shape (2, 1, dimension)."""
        point = exact(vector.reshape(1, 1, -1) / DENOMINATOR)
        return self._slopes(point, exact(np.ones((1, 1))), Enclosures())[:, 0]

    def _slopes(self, points: Values, extra: Values, arithmetic: JetArithmetic) -> Values:
        values = self.space.values(points)
        if self.extra is not None:
            values[self.extra.static] = extra
        return joined(self.program.run(arithmetic, values), points.shape, arithmetic)


def _lookup(symbol: Any, special: dict[Any, Node | None], leaves: dict[str, Node]) -> Array:
    known = special.get(symbol)
    return _entry(symbol, leaves) if known is None else Array(known)


def _entry(symbol: Any, leaves: dict[str, Node]) -> Array:
    import sympy

    if isinstance(symbol, sympy.Indexed):
        name, index = str(symbol.base.label), tuple(symbol.indices)
    else:
        name, index = str(symbol), ()
    if name not in leaves:
        raise InvalidArgumentError("law", str(symbol), nearest(name, leaves))
    shape = leaves[name].shape
    numbers = tuple(int(k) for k in index if getattr(k, "is_Integer", False))
    if (
        len(numbers) != len(index)
        or len(index) != len(shape)
        or any(not 0 <= k < n for k, n in zip(numbers, shape, strict=True))
    ):
        raise InvalidArgumentError("law", str(symbol), f"the index must fit the shape {shape} of '{name}'")
    return Array(leaves[name])[numbers] if shape else Array(leaves[name])


def as_polynomial(function: StateFunction) -> Polynomial | None:
    """The function as a polynomial with integer coefficients, up to a factor; None if it is none."""
    import sympy

    if function.extra is not None:
        return None
    expression, space = function.timed.expression, function.space
    entries = [entry_symbol(*space.entry(coordinate)) for coordinate in range(space.dimension)]
    if space.clock is not None:
        entries[0] = function.timed.clock
    present = free_entries(expression)
    used = [(k, entry) for k, entry in enumerate(entries) if entry in present]
    try:
        poly = sympy.Poly(expression, *(entry for _, entry in used))
    except (sympy.PolynomialError, sympy.GeneratorsError):
        return None
    _, poly = poly.clear_denoms()
    terms = {}
    for exponents, coefficient in poly.terms():
        monomial = tuple(k for (k, _), power in zip(used, exponents, strict=True) for _ in range(power))
        terms[monomial] = int(coefficient)
    return Polynomial.of(terms)
