"""Functions of the state that a user writes as sympy expressions, evaluated exactly with their gradients.

exp(q t) and t are rational functions of the time coordinate, and of one variable more where needed: t and exp(rate t)
are algebraically independent, so whichever of them is not the coordinate of the state is a further variable, whose
derivative along the flow follows from that of the coordinate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.engine.arithmetic.enclosures import Enclosures, exact
from lielaws.engine.arithmetic.jets import JetArithmetic, Values
from lielaws.engine.arithmetic.modular import BadPrimeError, Modular, retried
from lielaws.engine.flows.dynamics import gradient
from lielaws.engine.flows.fields import joined
from lielaws.engine.flows.heights import FieldBounds, bound_fields
from lielaws.engine.flows.state import TIME, StateSpace
from lielaws.engine.graph.node import Graph, Node
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.program import Program
from lielaws.engine.graph.symbolic import build_expression, free_entries
from lielaws.engine.graph.trace import Array
from lielaws.engine.laws.law import entry_symbol
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.linalg import as_fraction, common_divisor, modular, random_prime
from lielaws.engine.potential.patterns import DENOMINATOR
from lielaws.errors import InvalidArgumentError, UnsupportedError, nearest

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class _Timed:
    """An expression without exponentials.

    clock : the symbol that stands for the time coordinate of the state, if the state has one
    extra : a further symbol, for t where the coordinate is exp(rate t), else for exp(step t); None if it does not occur
    """

    expression: sympy.Expr
    clock: Any = None
    extra: Any = None
    step: Fraction = Fraction(0)


@dataclass(frozen=True)
class StateFunction:
    """A rational function on the state space, and of time and its exponentials, as a graph.

    slopes : the derivatives by each tensor of the state
    extra : the leaf of the variable that is no coordinate of the state
    """

    expression: sympy.Expr
    space: StateSpace
    slopes: tuple[Node, ...]
    timed: _Timed
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
        timed = _without_exponentials(expression, space)
        extra = None if timed.extra is None else graph.leaf("parameter", "exponential of time", ())
        special = {timed.clock: leaves.get(TIME), timed.extra: extra}

        def lookup(symbol: Any) -> Array:
            known = special.get(symbol)
            return _entry(symbol, leaves) if known is None else Array(known)

        value = build_expression(timed.expression, lookup, ops)
        slopes = gradient(value.node, ops.array(1).node, list(leaves.values()))
        if extra is not None and space.clock is not None:
            (along,) = gradient(value.node, ops.array(1).node, [extra])
            # The derivative of the variable with respect to the coordinate.
            rate = space.clock.rate
            inner = (Array(leaves[TIME]) * rate) ** -1 if rate else Array(extra) * timed.step
            slopes[0] = (Array(slopes[0]) + inner * Array(along)).node
        return cls(expression, space, tuple(slopes), timed, extra)

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


def at_random_state(
    evaluate: Callable[[IntArray, int], Any], space: StateSpace, rng: np.random.Generator, what: str
) -> Any:
    """`evaluate(state, prime)` at a random state modulo a random prime, anew after a BadPrimeError."""

    def attempt() -> Any:
        prime = random_prime(rng, with_roots=True)
        return evaluate(modular.residues(rng, prime, (1, space.dimension)), prime)

    return retried(attempt, f"a denominator of {what} vanishes at every state that was tried")


def _entry(symbol: Any, leaves: dict[str, Node]) -> Array:
    import sympy

    indexed = isinstance(symbol, sympy.Indexed)
    name, index = (str(symbol.base.label), tuple(symbol.indices)) if indexed else (str(symbol), ())
    if name not in leaves:
        raise InvalidArgumentError("law", str(symbol), nearest(name, leaves))
    shape = leaves[name].shape
    numbers = tuple(int(k) for k in index if getattr(k, "is_Integer", False))
    if not len(numbers) == len(index) == len(shape) or any(not 0 <= k < n for k, n in zip(numbers, shape, strict=True)):
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
    used = [k for k, entry in enumerate(entries) if entry in present]
    try:
        poly = sympy.Poly(expression, *(entries[k] for k in used))
    except (sympy.PolynomialError, sympy.GeneratorsError):
        return None
    _, poly = poly.clear_denoms()
    return Polynomial.of({tuple(np.repeat(used, powers).tolist()): int(number) for powers, number in poly.terms()})


def _without_exponentials(expression: sympy.Expr, space: StateSpace) -> _Timed:
    """Raises UnsupportedError for exponentials of anything but rational multiples of t and of the rate."""
    import sympy

    clock, time = space.clock, sympy.Symbol(TIME)
    if clock is None:
        return _Timed(expression)
    rates = {part: _multiple(part, time) for part in expression.atoms(sympy.exp)}
    step = clock.rate or common_divisor(rates.values())
    if bad := [part for part, rate in rates.items() if (rate / step).denominator != 1]:
        remedy = f"exponents must be integer multiples of {step} {TIME}, the rate of this flow"
        raise UnsupportedError("law", str(bad[0]), remedy)
    exponential, moment = sympy.Dummy("exponential"), sympy.Dummy("time")
    powers = {part: exponential ** int(rate / step) for part, rate in rates.items()}
    rewritten = expression.xreplace(powers).subs(time, moment)
    coordinate, extra = (exponential, moment) if clock.rate else (moment, exponential)
    return _Timed(rewritten, coordinate, extra if rewritten.has(extra) else None, step)


def _multiple(part: Any, time: Any) -> Fraction:
    factor = part.args[0].expand() / time
    if not factor.is_Rational:
        raise UnsupportedError("law", str(part), f"exponentials of rational multiples of {TIME} are supported")
    return as_fraction(factor)
