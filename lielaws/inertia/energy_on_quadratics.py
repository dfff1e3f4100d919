"""The energy of second-order training on a quadratic loss, in closed form: L = theta^T A theta / 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import choice
from lielaws.errors import InvalidArgumentError, nearest
from lielaws.inertia.exact_numbers import number, parameter, sign, substituted
from lielaws.inertia.mode_energies import ModeNumbers, evaluate_modes
from lielaws.inertia.modes import Mode, abs_discriminant, response, verify_regime
from lielaws.inertia.spectrum import diagonal_modes, matrix_modes, read_matrix, read_vector
from lielaws.inertia.statements import OURS, EnergyStatement, Step

if TYPE_CHECKING:
    import sympy

_MOST_SHOWN = 8
QUANTITIES = ("energy", "kinetic", "potential")


def quadratic_energy(
    A: Any, theta0: Any = None, v0: Any = None, *, friction: Any = None, noise: Any = 0
) -> QuadraticEnergy:
    """E(t) of `theta'' = -gamma theta' - A theta + sigma dB/dt` in closed form, mode by mode.

    Parameters
    ----------
    A : symmetric matrix (D, D) of rational numbers, or its D eigenvalues, or a diagonal matrix; eigenvalues may be any
        real sympy expressions, zero (free directions) or negative (a saddle). Floats are read as the decimal they print
    theta0, v0 : (D,), where the flow starts, numbers or expressions; in the eigenbasis if A is given by eigenvalues. v0
        is zero by default, theta0 has to be given
    friction, noise : gamma and sigma, not negative; gamma is a symbol by default

    With noise all quantities are expectations. Conservation, decay and the effect of noise are the statements of
    arXiv 2505.19171; the closed form for quadratic losses is derived and checked here, see `verify()`.
    """
    rows, eigenvalues = read_matrix(A)
    size = len(rows) if rows is not None else len(eigenvalues)
    if theta0 is None:
        raise InvalidArgumentError("theta0", theta0, f"{size} numbers or symbols are needed: where the flow starts")
    theta, velocity = read_vector("theta0", theta0, size), read_vector("v0", v0, size)
    modes = matrix_modes(rows, theta, velocity) if rows is not None else diagonal_modes(eigenvalues, theta, velocity)
    gamma, sigma = parameter("friction", friction, "gamma"), parameter("noise", noise, "sigma")
    _refuse_time({"A": [*eigenvalues], "theta0": theta, "v0": velocity, "friction": [gamma], "noise": [sigma]})
    return QuadraticEnergy(tuple(modes), gamma, sigma)


def _refuse_time(given: Mapping[str, list[sympy.Expr]]) -> None:
    for name, expressions in given.items():
        for expression in expressions:
            if any(symbol.name == "t" for symbol in expression.free_symbols):
                raise InvalidArgumentError(name, expression, "must not depend on t, which is the time")


@dataclass(frozen=True, repr=False)
class QuadraticEnergy:
    """The energy of a quadratic loss as a function of time, exact; see :func:`quadratic_energy`.

    modes : one for each distinct eigenvalue
    friction, noise : gamma and sigma
    """

    modes: tuple[Mode, ...]
    friction: sympy.Expr
    noise: sympy.Expr
    time: sympy.Symbol = field(init=False)

    def __post_init__(self) -> None:
        import sympy

        object.__setattr__(self, "time", sympy.Symbol("t", nonnegative=True))

    @property
    def dimension(self) -> int:
        """D, the number of coordinates."""
        return sum(mode.multiplicity for mode in self.modes)

    @cached_property
    def regimes(self) -> tuple[str, ...]:
        """For each mode overdamped, critical, underdamped, or undecided where it depends on symbols."""
        return tuple(mode.regime(self.friction) for mode in self.modes)

    @cached_property
    def energy(self) -> sympy.Expr:
        """E(t), or its expectation if there is noise."""
        return self._sum("energy")

    @cached_property
    def kinetic(self) -> sympy.Expr:
        """|v|^2/2, or its expectation."""
        return self._sum("square_velocity") / 2

    @cached_property
    def potential(self) -> sympy.Expr:
        """L, or its expectation."""
        return self._sum("square_position") / 2

    @cached_property
    def start(self) -> sympy.Expr:
        """The energy at time 0."""
        import sympy

        return sympy.expand(sympy.Add(*(mode.vv + mode.eigenvalue * mode.xx for mode in self.modes)) / 2)

    @cached_property
    def stationary_energy(self) -> sympy.Expr:
        """What the expected energy tends to: `D sigma^2/(2 gamma)` if A is positive definite.

        Each degree of freedom has `E v_i^2 = sigma^2/(2 gamma)`, half of it as kinetic energy; a direction with
        lambda > 0 has the same as potential energy, one with lambda = 0 has none.

        Raises InvalidArgumentError without friction, with a negative eigenvalue or where a sign depends on symbols.
        """
        import sympy

        if sign(self.friction) != 1:
            raise InvalidArgumentError("friction", self.friction, "the energy tends to a limit only with friction > 0")
        degrees = sympy.Integer(0)
        for mode in self.modes:
            direction = sign(mode.eigenvalue)
            if direction is None or direction < 0:
                raise InvalidArgumentError("A", mode.eigenvalue, "a limit needs eigenvalues known not to be negative")
            degrees += mode.multiplicity * (1 + direction)
        return degrees * self.noise**2 / (4 * self.friction)

    def verify(self) -> bool:
        """Check the closed form by sympy: equations of motion, moments with noise, initial values and `dE/dt`.

        Done in symbols for each regime that occurs, hence for every mode in it. Raises ExactnessError with the step
        that fails.
        """
        return bool(self._verified_steps())

    @property
    def holds(self) -> bool:
        """Whether `verify()` passes."""
        return self.verify()

    def statement(self) -> EnergyStatement:
        """The closed form with the steps that verify it."""
        return EnergyStatement(
            "Energy of a quadratic loss",
            "E(t) {} {}".format(*self._shown()),
            self.latex(),
            OURS,
            self.energy.subs(self.time, 0),
            self.start,
            ("L = theta^T A theta / 2", "the steps hold in symbols, so for every mode of their regime"),
            self._verified_steps(),
        )

    def evaluate(self, t: Any, quantity: str = "energy", values: Mapping[Any, Any] | None = None) -> FloatArray:
        """The energy, or its kinetic or potential part, at the times `t`, an array of any shape.

        quantity : "energy", "kinetic" or "potential"
        values : number for each symbol that the closed form still contains

        Computed in float64 from the exact modes, in forms without cancellation near critical damping, for strong
        friction and for gamma -> 0.
        """
        choice("quantity", quantity, QUANTITIES)
        times = _times(t)
        self._check_values(values)
        modes = tuple(self._numbers(mode, values) for mode in self.modes)
        gamma, sigma = number("friction", self.friction, values), number("noise", self.noise, values)
        return evaluate_modes(modes, gamma, sigma, times, quantity)

    def __call__(self, t: Any) -> FloatArray:
        """The energy at the times `t`; see :meth:`evaluate`."""
        return self.evaluate(t)

    def latex(self) -> str:
        """E(t); with six digits where an eigenvalue is a root of a polynomial of degree three or more."""
        import sympy

        relation, shown = self._shown()
        sign_between = r"\approx" if relation == "~" else "="
        return f"E(t) {sign_between} {sympy.latex(shown)}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        lines = [
            f"Energy of a quadratic loss: {self.dimension} coordinates, friction {self.friction}, noise {self.noise}"
        ]
        pairs = list(zip(self.modes, self.regimes, strict=True))
        shown = pairs[:_MOST_SHOWN]
        lines += [f"  lambda = {mode.name}   {regime}, multiplicity {mode.multiplicity}" for mode, regime in shown]
        if len(pairs) > len(shown):
            return "\n".join([*lines, f"  and {len(pairs) - len(shown)} more"])
        relation, energy = self._shown()
        return "\n".join([*lines, f"  E(t) {relation} {energy}"])

    def _shown(self) -> tuple[str, sympy.Expr]:
        """What is printed: the exact formula, or one with six digits where its numbers have no short form."""
        import sympy

        roots = {root: root.evalf(30) for root in self.energy.atoms(sympy.CRootOf)}
        return ("~", self.energy.xreplace(roots).evalf(6)) if roots else ("=", self.energy)

    def __repr__(self) -> str:
        return f"QuadraticEnergy({self.dimension} coordinates, friction={self.friction}, noise={self.noise})"

    def _verified_steps(self) -> tuple[Step, ...]:
        every = ("critical", "overdamped", "underdamped")
        regimes = every if "undecided" in self.regimes else tuple(name for name in every if name in self.regimes)
        still = sign(self.friction)
        cases = (True, False) if still is None else (still == 0,)
        noisy = self.noise != 0
        return tuple(step for regime in regimes for case in cases for step in verify_regime(regime, case, noisy))

    def _check_values(self, values: Mapping[Any, Any] | None) -> None:
        parts = (part for mode in self.modes for part in (mode.eigenvalue, mode.xx, mode.xv, mode.vv))
        known = {symbol.name for part in (*parts, self.friction, self.noise) for symbol in part.free_symbols}
        unknown = next((str(name) for name in values or {} if str(name) not in known), None)
        if unknown is not None:
            raise InvalidArgumentError("values", unknown, nearest(unknown, known) if known else "no symbol is left")
        missing = sorted(known - {str(name) for name in values or {}})
        if missing:
            raise InvalidArgumentError("values", values, f"numbers are needed for {', '.join(missing)}")

    def _sum(self, quantity: str) -> sympy.Expr:
        import sympy

        pairs = zip(self.modes, self.regimes, strict=True)
        return sympy.Add(*(self._of_mode(mode, regime, quantity) for mode, regime in pairs))

    def _of_mode(self, mode: Mode, regime: str, quantity: str) -> sympy.Expr:
        import sympy

        def read(regime: str) -> sympy.Expr:
            found = response(mode.eigenvalue, self.friction, self.noise, self.time, regime)
            return getattr(found, quantity)(mode)

        if regime != "undecided":
            return read(regime)
        discriminant = mode.discriminant(self.friction)
        return sympy.Piecewise(
            (read("critical"), sympy.Eq(discriminant, 0)),
            (read("overdamped"), discriminant > 0),
            (read("underdamped"), True),
        )

    def _numbers(self, mode: Mode, values: Mapping[Any, Any] | None) -> ModeNumbers:
        gamma, eigenvalue = substituted(self.friction, values), substituted(mode.eigenvalue, values)
        name = "the closed form"
        regime = Mode(eigenvalue, 1, mode.xx, mode.xv, mode.vv).regime(gamma)
        square = number(
            name, gamma**2 / 4 - eigenvalue if regime == "undecided" else abs_discriminant(eigenvalue, gamma, regime)
        )
        parts = (number(name, part, values) for part in (mode.eigenvalue, mode.xx, mode.xv, mode.vv))
        return ModeNumbers(regime, square, mode.multiplicity, *parts)


def _times(t: Any) -> FloatArray:
    try:
        times = np.asarray(t, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise InvalidArgumentError("t", t, "a time or an array of times is needed") from problem
    if not np.all(np.isfinite(times)) or np.any(times < 0):
        raise InvalidArgumentError("t", t, "times must be finite and not negative")
    return times
