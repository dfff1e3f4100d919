"""A conservation law as users hold it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import tensor
from lielaws.engine.flows.state import TIME, Clock, StateSpace
from lielaws.engine.laws.atoms import Atom, read, timed_sum
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.errors import InvalidArgumentError

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True, repr=False)
class Law:
    """A function of the state that is constant along every member of the family.

    polynomial : with integer coefficients, in the coordinates of `space`: parameters, and for some flows velocities and
        time, which enters as powers of exp(rate t) or of t
    """

    polynomial: Polynomial
    space: StateSpace = field(repr=False, compare=False)

    @cached_property
    def atoms(self) -> tuple[Atom, ...]:
        """The law as a person would write it, by powers of time: one for most laws."""
        return read(self.polynomial, self.space)

    @cached_property
    def name(self) -> str:
        """The law in norms and inner products, such as |W1[0,:]|^2 - |W2[:,0]|^2."""
        return timed_sum(((atom, atom.text()) for atom in self.atoms), self.space.clock)

    @cached_property
    def degree(self) -> int:
        """In parameters and velocities; powers of time do not count."""
        start = self.space.start
        return max((sum(k >= start for k in monomial) for monomial, _ in self.polynomial.terms), default=0)

    @cached_property
    def support(self) -> tuple[str, ...]:
        """Names of the parameter tensors that it involves, themselves or their velocities, in the order of the
        architecture."""
        space = self.space
        names = {space.entry(coordinate)[0] for coordinate in self.polynomial.coordinates}
        involved = {space.velocities.get(name, name) for name in names}
        return tuple(name for name in space.parameters if name in involved)

    @cached_property
    def expr(self) -> sympy.Expr:
        """In entries such as W1[0, 2]; a parameter of shape () is a symbol. Velocities are dW1[0, 2], time is t."""
        import sympy

        space = self.space
        symbol = {k: entry_symbol(*space.entry(k)) for k in self.polynomial.coordinates if k >= space.start}
        sums: dict[int, list[Any]] = {}
        for monomial, coefficient in self.polynomial.terms:
            factors = [symbol[k] for k in monomial if k in symbol]
            sums.setdefault(len(monomial) - len(factors), []).append(sympy.Mul(coefficient, *factors))
        return sympy.Add(*(_time_factor(space, power) * sympy.Add(*terms) for power, terms in sums.items()))

    def latex(self) -> str:
        import sympy

        return str(sympy.latex(self.expr))

    @cached_property
    def symmetry(self) -> dict[Any, sympy.Expr]:
        """The infinitesimal symmetry of all potentials behind the law: entry -> its change, to first order.

        It is the gradient of the law, halved for a quadratic law theta^T A theta, where it is theta -> A theta: the
        potentials are invariant under exp(s A). With velocities it is the gradient with respect to these, in which the
        force changes the law (Noether). In another metric M, M^{-1} times the gradient is the symmetry.
        """
        import sympy

        space = self.space
        moving = [space.entry(k) for k in sorted(self.polynomial.coordinates) if k >= space.start]
        if space.velocities:
            changes = [(entry_symbol(space.velocities[v], k), v, k) for v, k in moving if v in space.velocities]
            return {entry: sympy.diff(self.expr, entry_symbol(v, k)) for entry, v, k in changes}
        factor = sympy.Rational(1, 2) if self.degree == 2 else sympy.Integer(1)
        entries = [entry_symbol(*entry) for entry in moving]
        return {entry: sympy.expand(factor * sympy.diff(self.expr, entry)) for entry in entries}

    def evaluate(self, params: Mapping[str, Any], t: float = 0.0, velocity: Mapping[str, Any] | None = None) -> float:
        """The value at `params`, a mapping of name to array of the declared shape.

        Parameters
        ----------
        t : time, for flows under which laws depend on it
        velocity : mapping of the same names to arrays, for flows with velocities
        """
        return float(self.evaluate_states(state_vector(self.space, params, t, velocity)[None])[0])

    def evaluate_states(self, states: FloatArray) -> FloatArray:
        """Values at many states, shape (samples, dimension) -> (samples,)."""
        padded = np.concatenate([states, np.ones((len(states), 1))], axis=1)
        coefficients = self._table.coefficients.astype(np.float64)
        return np.asarray(np.prod(padded[:, self._table.factors], axis=2) @ coefficients)

    def gradient(
        self, params: Mapping[str, Any], t: float = 0.0, velocity: Mapping[str, Any] | None = None
    ) -> dict[str, FloatArray]:
        """The gradient at `params`, by name; zero for tensors that the law does not involve.

        With velocities it has the entries dW1 beside W1, and with time the entry t, the derivative with respect to t.
        """
        vector = state_vector(self.space, params, t, velocity)
        (flat,) = self._table.gradients(vector)
        if self.space.clock is not None and self.space.clock.rate:
            flat[0] *= float(self.space.clock.rate) * vector[0]
        return self.space.split(flat)

    @cached_property
    def _table(self) -> TermTable:
        return TermTable.of([self.polynomial], self.space.dimension)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Law({self.name})"


def entry_symbol(name: str, index: tuple[int, ...]) -> Any:
    import sympy

    return sympy.IndexedBase(name)[index] if index else sympy.Symbol(name)


def _time_factor(space: StateSpace, power: int) -> Any:
    import sympy

    if not power or space.clock is None:
        return sympy.Integer(1)
    time, rate = sympy.Symbol(TIME), space.clock.rate
    return sympy.exp(power * sympy.Rational(rate.numerator, rate.denominator) * time) if rate else time**power


def state_vector(
    space: StateSpace, params: Mapping[str, Any], t: float = 0.0, velocity: Mapping[str, Any] | None = None
) -> FloatArray:
    """The state as one vector. Raises InvalidArgumentError for a missing name or a wrong shape."""
    if space.velocities and velocity is None:
        raise InvalidArgumentError("velocity", None, "the laws involve velocities; give a mapping of name to array")
    parts = [] if space.clock is None else [np.array([_clock_value(space.clock, t)])]
    for name, shape in space.tensors.items():
        if name in space.velocities:
            parts.append(tensor("velocity", velocity, space.velocities[name], shape).ravel())
        else:
            parts.append(tensor("params", params, name, shape).ravel())
    return np.concatenate(parts)


def _clock_value(clock: Clock, t: Any) -> float:
    try:
        value = clock.value(float(t))
    except (TypeError, ValueError):
        raise InvalidArgumentError("t", t, "a number is needed") from None
    if not math.isfinite(value):
        raise InvalidArgumentError("t", t, f"{clock.text(1)} is no finite float there; choose a time nearer to 0")
    return value


def state_matrix(
    space: StateSpace,
    trajectory: Sequence[Mapping[str, Any]],
    times: Sequence[float] | None = None,
    velocities: Sequence[Mapping[str, Any]] | None = None,
) -> FloatArray:
    """One row for each parameter mapping."""
    count = len(trajectory)
    for argument, given in (("times", times), ("velocities", velocities)):
        if given is not None and len(given) != count:
            raise InvalidArgumentError(argument, f"{len(given)} entries", f"{count} are needed, one for each state")
    if not count:
        return np.zeros((0, space.dimension))
    if space.clock is not None and times is None:
        raise InvalidArgumentError("times", None, "time belongs to the state of this flow; give one number a state")
    times = [0.0] * count if times is None else times
    moving = [None] * count if velocities is None else velocities
    return np.stack([state_vector(space, *moment) for moment in zip(trajectory, times, moving, strict=True)])
