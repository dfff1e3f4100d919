"""A conservation law as users hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import InvalidArgumentError
from lielaws.flows.state import StateSpace
from lielaws.laws.atoms import Reading, read
from lielaws.laws.polynomial import Polynomial

if TYPE_CHECKING:
    import sympy

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Law:
    """A polynomial in the parameters that is constant along every member of the family.

    polynomial : with integer coefficients, in the coordinates of `space`
    """

    polynomial: Polynomial
    space: StateSpace = field(repr=False, compare=False)

    @cached_property
    def reading(self) -> Reading:
        return read(self.polynomial, self.space)

    @cached_property
    def name(self) -> str:
        """The law in norms and inner products, such as |W1[0,:]|^2 - |W2[:,0]|^2."""
        return self.reading.text()

    @property
    def degree(self) -> int:
        return self.polynomial.degree

    @cached_property
    def support(self) -> tuple[str, ...]:
        """Names of the parameter tensors that it involves, in the order of the architecture."""
        involved = {self.space.entry(coordinate)[0] for coordinate in self.polynomial.coordinates}
        return tuple(name for name in self.space.shapes if name in involved)

    @cached_property
    def expr(self) -> sympy.Expr:
        """In entries such as W1[0, 2]; a parameter of shape () is a symbol."""
        import sympy

        symbol = {coordinate: entry_symbol(*self.space.entry(coordinate)) for coordinate in self.polynomial.coordinates}
        terms = [
            sympy.Mul(coefficient, *(symbol[coordinate] for coordinate in monomial))
            for monomial, coefficient in self.polynomial.terms
        ]
        return sympy.Add(*terms)

    def latex(self) -> str:
        import sympy

        return str(sympy.latex(self.expr))

    @cached_property
    def symmetry(self) -> dict[Any, sympy.Expr]:
        """The infinitesimal symmetry of all potentials behind the law: entry -> its change, to first order.

        It is the gradient of the law, halved for a quadratic law theta^T A theta, where it is theta -> A theta: the
        potentials are invariant under exp(s A).
        """
        import sympy

        factor = sympy.Rational(1, 2) if self.degree == 2 else sympy.Integer(1)
        entries = [entry_symbol(*self.space.entry(coordinate)) for coordinate in sorted(self.polynomial.coordinates)]
        return {entry: sympy.expand(factor * sympy.diff(self.expr, entry)) for entry in entries}

    def evaluate(self, params: Mapping[str, Any], t: float = 0.0, velocity: Mapping[str, Any] | None = None) -> float:
        """The value at `params`, a mapping of name to array of the declared shape; time and velocity do not matter."""
        return float(self.evaluate_states(state_vector(self.space, params)[None])[0])

    def evaluate_states(self, states: FloatArray) -> FloatArray:
        """Values at many states, shape (samples, dimension) -> (samples,)."""
        factors, coefficients = self._table
        padded = np.concatenate([states, np.ones((len(states), 1))], axis=1)
        return np.asarray(np.prod(padded[:, factors], axis=2) @ coefficients)

    def gradient(self, params: Mapping[str, Any]) -> dict[str, FloatArray]:
        """The gradient at `params`, by name; zero for tensors that the law does not involve."""
        factors, coefficients = self._table
        padded = np.append(state_vector(self.space, params), 1.0)
        flat = np.zeros(len(padded))
        for position in range(factors.shape[1]):
            others = np.delete(factors, position, axis=1)
            np.add.at(flat, factors[:, position], coefficients * np.prod(padded[others], axis=1))
        return {
            name: flat[start : start + self.space.indices(name).size].reshape(self.space.shapes[name])
            for name, start in self.space.offsets.items()
        }

    @cached_property
    def _table(self) -> tuple[npt.NDArray[np.int64], FloatArray]:
        padding = self.space.dimension
        rows = [(*monomial, *(padding,) * (self.degree - len(monomial))) for monomial, _ in self.polynomial.terms]
        coefficients = [float(coefficient) for _, coefficient in self.polynomial.terms]
        return np.array(rows, dtype=np.int64).reshape(len(rows), -1), np.array(coefficients)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Law({self.name})"


def entry_symbol(name: str, index: tuple[int, ...]) -> Any:
    import sympy

    return sympy.IndexedBase(name)[index] if index else sympy.Symbol(name)


def state_vector(space: StateSpace, params: Mapping[str, Any]) -> FloatArray:
    """The parameters as one vector. Raises InvalidArgumentError for a missing name or a wrong shape."""
    parts = []
    for name, shape in space.shapes.items():
        if name not in params:
            raise InvalidArgumentError("params", sorted(params), f"parameter '{name}' of shape {shape} is missing")
        array = np.asarray(params[name], dtype=np.float64)
        if array.shape != shape:
            raise InvalidArgumentError(f"params['{name}']", f"array of shape {array.shape}", f"shape {shape} is needed")
        parts.append(array.ravel())
    return np.concatenate(parts)


def state_matrix(space: StateSpace, trajectory: Sequence[Mapping[str, Any]]) -> FloatArray:
    """One row for each parameter mapping."""
    if not len(trajectory):
        return np.zeros((0, space.dimension))
    return np.stack([state_vector(space, params) for params in trajectory])
