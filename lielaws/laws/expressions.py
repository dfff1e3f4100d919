"""Functions of the state that a user writes as sympy expressions, evaluated exactly with their gradients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import InvalidArgumentError, nearest
from lielaws.flows.exact import FieldBounds, bound_fields
from lielaws.flows.state import StateSpace
from lielaws.graph.differentiate import pullback
from lielaws.graph.node import Graph, Node
from lielaws.graph.operations import Operations
from lielaws.graph.plan import Plan
from lielaws.graph.program import Program
from lielaws.graph.symbolic import build_expression, free_entries
from lielaws.graph.trace import Array
from lielaws.laws.law import entry_symbol
from lielaws.laws.polynomial import Polynomial
from lielaws.numbers.modular import Modular

if TYPE_CHECKING:
    import sympy

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StateFunction:
    """A rational function on the state space, as a graph."""

    expression: sympy.Expr
    space: StateSpace
    leaves: dict[str, Node]
    slopes: tuple[Node | None, ...]

    @classmethod
    def of(cls, expression: Any, space: StateSpace) -> StateFunction:
        """Raises InvalidArgumentError for unknown entries and UnsupportedError for functions that are not rational."""
        import sympy

        if not isinstance(expression, sympy.Expr):
            raise InvalidArgumentError("law", expression, "a sympy expression in entries such as W1[0, 2] is needed")
        graph = Graph()
        leaves = {name: graph.leaf("parameter", name, shape) for name, shape in space.shapes.items()}
        ops = Operations(graph)
        value = build_expression(expression, lambda symbol: _entry(symbol, leaves), ops)
        slopes = pullback(value.node, ops.array(1).node, list(leaves.values()))
        return cls(expression, space, leaves, tuple(slopes))

    @cached_property
    def bounds(self) -> FieldBounds:
        """Degrees and heights of the gradient."""
        present = [slope for slope in self.slopes if slope is not None]
        return bound_fields(present or [next(iter(self.leaves.values()))], Plan())

    def gradients(self, states: IntArray, prime: int) -> IntArray:
        """At states of shape (samples, dimension), in the same shape. BadPrimeError where a denominator vanishes."""
        program = Program.of([slope for slope in self.slopes if slope is not None])
        values = {
            leaf.static: states[None, :, start : start + leaf.size].reshape(1, len(states), *leaf.shape)
            for leaf, start in zip(self.leaves.values(), self.space.offsets.values(), strict=True)
        }
        computed = iter(program.run(Modular(prime), values))
        result = np.zeros(states.shape, dtype=states.dtype)
        for start, slope in zip(self.space.offsets.values(), self.slopes, strict=True):
            if slope is not None:
                result[:, start : start + slope.size] = next(computed).reshape(1, -1, slope.size)[0]
        return result


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


def random_state(space: StateSpace, prime: int, rng: np.random.Generator) -> IntArray:
    return rng.integers(0, prime, (1, space.dimension), dtype=np.int64)


def as_polynomial(function: StateFunction) -> Polynomial | None:
    """The function as a polynomial with integer coefficients, up to a factor; None if it is none."""
    import sympy

    entries = [entry_symbol(*function.space.entry(coordinate)) for coordinate in range(function.space.dimension)]
    used = [(k, entry) for k, entry in enumerate(entries) if entry in free_entries(function.expression)]
    try:
        poly = sympy.Poly(function.expression, *(entry for _, entry in used))
    except (sympy.PolynomialError, sympy.GeneratorsError):
        return None
    _, poly = poly.clear_denoms()
    terms = {}
    for exponents, coefficient in poly.terms():
        monomial = tuple(k for (k, _), power in zip(used, exponents, strict=True) for _ in range(power))
        terms[monomial] = int(coefficient)
    return Polynomial.of(terms)
