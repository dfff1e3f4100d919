"""Time in expressions: exp(q t) and t as rational functions of the time coordinate, and of one more where needed.

t and exp(rate t) are algebraically independent, so whichever of them is not the coordinate of the state is a further
variable, whose derivative along the flow follows from that of the coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lielaws.engine.flows.state import TIME, Clock, StateSpace
from lielaws.engine.graph.trace import Array
from lielaws.engine.linalg import as_fraction, common_divisor
from lielaws.errors import UnsupportedError

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class Timed:
    """An expression without exponentials.

    clock : the symbol that stands for the time coordinate of the state, if the state has one
    extra : a further symbol, for t where the coordinate is exp(rate t), else for exp(step t); None if it does not occur
    """

    expression: sympy.Expr
    clock: Any = None
    extra: Any = None
    step: Fraction = Fraction(0)

    def extra_slope(self, clock: Clock, coordinate: Array, extra: Array) -> Array:
        """The derivative of `extra` with respect to the time coordinate."""
        return (coordinate * clock.rate) ** -1 if clock.rate else extra * self.step


def without_exponentials(expression: sympy.Expr, space: StateSpace) -> Timed:
    """Raises UnsupportedError for exponentials of anything but rational multiples of t and of the rate."""
    import sympy

    clock, time = space.clock, sympy.Symbol(TIME)
    if clock is None:
        return Timed(expression)
    rates = {part: _multiple(part, time) for part in expression.atoms(sympy.exp)}
    step = clock.rate or common_divisor(rates.values())
    if bad := [part for part, rate in rates.items() if (rate / step).denominator != 1]:
        remedy = f"exponents must be integer multiples of {step} {TIME}, the rate of this flow"
        raise UnsupportedError("law", str(bad[0]), remedy)
    exponential, moment = sympy.Dummy("exponential"), sympy.Dummy("time")
    powers = {part: exponential ** int(rate / step) for part, rate in rates.items()}
    rewritten = expression.xreplace(powers).subs(time, moment)
    coordinate, extra = (exponential, moment) if clock.rate else (moment, exponential)
    return Timed(rewritten, coordinate, extra if rewritten.has(extra) else None, step)


def _multiple(part: Any, time: Any) -> Fraction:
    factor = part.args[0].expand() / time
    if not factor.is_Rational:
        raise UnsupportedError("law", str(part), f"exponentials of rational multiples of {TIME} are supported")
    return as_fraction(factor)
