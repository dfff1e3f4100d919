"""Diagonal metrics on one tensor: their exact inverses, and how users write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.engine.flows.dynamics import exact_number
from lielaws.engine.flows.state import Shape
from lielaws.engine.graph.trace import Array
from lielaws.engine.linalg import as_fraction
from lielaws.errors import InvalidArgumentError, UnsupportedError, nearest

if TYPE_CHECKING:
    import sympy

_ONE = (Fraction(1),)
_HIGHEST_DEGREE = 24


@dataclass(frozen=True, slots=True)
class EntryMetric:
    """The inverse of a diagonal metric on one tensor: M(theta)^{-1} = diag(numerator / denominator) at each entry.

    numerator, denominator : coefficients of polynomials in the entry, of degree 0 first
    weights : instead, one positive number for each entry, flattened
    shape : of the weights
    """

    numerator: tuple[Fraction, ...] = _ONE
    denominator: tuple[Fraction, ...] = _ONE
    weights: tuple[Fraction, ...] | None = None
    shape: Shape = ()

    @property
    def is_constant(self) -> bool:
        return len(self.numerator) == len(self.denominator) == 1

    @property
    def is_linear(self) -> bool:
        return len(self.numerator) == 2 and not self.numerator[0] and len(self.denominator) == 1

    def inverse(self, theta: Array) -> Array:
        """M(theta)^{-1} as an array of the shape of theta."""
        if self.weights is not None:
            return Array(theta.node.graph.constant(self.weights, self.shape))
        above = _polynomial(self.numerator, theta)
        return above if len(self.denominator) == 1 else above / _polynomial(self.denominator, theta)

    def describe(self) -> Any:
        if self.weights is not None:
            return {"weights": [str(weight) for weight in self.weights]}
        return {"numerator": [str(c) for c in self.numerator], "denominator": [str(c) for c in self.denominator]}


IDENTITY = EntryMetric()


def _polynomial(coefficients: tuple[Fraction, ...], x: Array) -> Array:
    ones = Array(x.node.graph.constant([1] * x.size, x.shape))
    total = ones * coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + ones * coefficient if coefficient else total * x
    return total


_MIRRORS: Mapping[str, tuple[tuple[Fraction, ...], tuple[Fraction, ...]]] = {
    "euclidean": (_ONE, _ONE),
    "entropic": ((Fraction(0), Fraction(1)), _ONE),
    "burg": ((Fraction(0), Fraction(0), Fraction(1)), _ONE),
    "fermi_dirac": ((Fraction(0), Fraction(1), Fraction(-1)), _ONE),
}
"""inverse Hessians of |x|^2 / 2, x log x - x, -log x, and x log x + (1 - x) log(1 - x)"""


def read_mirror(potential: Any) -> EntryMetric:
    """The metric of a mirror potential: its second derivative. Raises InvalidArgumentError unless that is one."""
    if isinstance(potential, str):
        if potential not in _MIRRORS:
            raise InvalidArgumentError("potential", potential, nearest(potential, _MIRRORS))
        return EntryMetric(*_MIRRORS[potential])
    return _of_function(potential, "potential", derivatives=2)


def read_metric(value: Any, where: str) -> EntryMetric:
    """A metric on one tensor. Raises InvalidArgumentError unless it is one, and positive."""
    is_function = isinstance(value, str) or callable(value) or hasattr(value, "free_symbols")
    if is_function and exact_number(value) is None:
        return _of_function(value, where)
    try:
        array = np.asarray(value, dtype=object)
        numbers = [exact_number(entry) for entry in array.ravel().tolist()]
    except (TypeError, ValueError):
        numbers = []
    inverses = tuple(1 / number for number in numbers if number)
    if not numbers or None in numbers:
        remedy = "a positive number, an array of them, or an expression in x such as '1/x' is needed"
        raise InvalidArgumentError(where, value, remedy)
    if len(inverses) < len(numbers) or min(inverses) < 0:
        raise InvalidArgumentError(where, value, "a metric is positive; all of its entries must be above 0")
    return EntryMetric(weights=inverses, shape=array.shape) if array.shape else EntryMetric(inverses)


def _of_function(value: Any, where: str, derivatives: int = 0) -> EntryMetric:
    """The metric that a function of x is, or a derivative of it."""
    import sympy

    x = sympy.Symbol("x", positive=True)
    remedy = "an expression in one symbol x, or a function of x that returns one, is needed"
    expression = value
    if isinstance(value, str):
        from lielaws.spec.expressions import to_sympy

        expression = to_sympy(value, {"x": sympy.Symbol("x")}, where=where)
    elif callable(value) and not hasattr(value, "free_symbols"):
        function: Callable[[Any], Any] = value
        try:
            expression = function(x)
        except Exception as error:  # noqa: BLE001  whatever a user's function raises, it is no metric
            raise InvalidArgumentError(where, value, f"{remedy} (it raised {type(error).__name__})") from None
    if (number := exact_number(expression)) is not None:
        expression = sympy.Rational(number.numerator, number.denominator)
    if not isinstance(expression, sympy.Expr) or len(expression.free_symbols) > 1:
        raise InvalidArgumentError(where, str(value), remedy)
    for symbol in expression.free_symbols:
        expression = expression.subs(symbol, x)
    return _entry(expression.diff(x, derivatives), x, where, value)


def _entry(metric: sympy.Expr, x: sympy.Symbol, where: str, value: Any) -> EntryMetric:
    """The inverse of a metric that is a rational function of x."""
    import sympy

    try:
        above, below = sympy.fraction(sympy.cancel(sympy.together(sympy.nsimplify(metric, rational=True))))
        polynomials = [sympy.Poly(part, x, domain="QQ") for part in (below, above)]
    except (sympy.PolynomialError, sympy.CoercionFailed, ValueError, TypeError):
        raise UnsupportedError(where, str(value), "the metric must be a rational function of x") from None
    if any(poly.degree() > _HIGHEST_DEGREE for poly in polynomials):
        raise UnsupportedError(where, str(value), f"degrees up to {_HIGHEST_DEGREE} are supported")
    if not _somewhere_positive(polynomials[0] * polynomials[1]):
        raise InvalidArgumentError(where, str(value), "a metric is positive; this is not, for any x > 0")
    inverse, metric_part = (tuple(as_fraction(c) for c in reversed(poly.all_coeffs())) for poly in polynomials)
    # One leading coefficient is enough.
    scale = metric_part[-1]
    return EntryMetric(tuple(c / scale for c in inverse), tuple(c / scale for c in metric_part))


def _somewhere_positive(poly: Any) -> bool:
    """Whether a polynomial is positive for some x > 0: at a point between each two of its roots there."""
    import sympy

    if poly.is_zero:
        return False
    ends = sorted({end for (low, high), _ in poly.intervals() for end in (low, high) if end > 0} | {sympy.Integer(0)})
    points = [(a + b) / 2 for a, b in pairwise(ends)] + ends[1:] + [ends[-1] + 1]
    return any(poly.eval(point) > 0 for point in points)
