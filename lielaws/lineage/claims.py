"""What is known of each kind of modification, checked law by law in exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray
from lielaws.checks import nonnegative
from lielaws.engine.laws.law import Law
from lielaws.errors import InvalidArgumentError
from lielaws.errors import nearest as suggestion
from lielaws.lineage.change_result import BOUNDED, MOVED, PREDICTED, VIOLATED
from lielaws.lineage.drift import AllowedDrift, drift_of_run
from lielaws.lineage.exact_laws import Dyadic, nearest, reaches, scales, upwards, values
from lielaws.lineage.followed import Followed, arrays_of, joins
from lielaws.training.balance_records import RunBalance
from lielaws.training.framework_tensors import Layout, as_float64, coarsest


@dataclass(frozen=True, slots=True)
class Verdict:
    status: str
    explanation: str
    predicted: float | None = None
    bound: float | None = None


Claim = Callable[[int, Law, Fraction, Fraction], Verdict]


@dataclass(frozen=True, eq=False)
class Models:
    """Both models as vectors in the space of the laws, and the laws there without rounding.

    old, new : the laws before and after
    scale : the larger sum of squares of the entries of each law
    kind : the type of the arrays, the coarsest of both models
    """

    laws: tuple[Law, ...]
    layout: Layout
    before: FloatArray
    after: FloatArray
    old: list[Fraction]
    new: list[Fraction]
    scale: list[Fraction]
    kind: str

    @classmethod
    def of(cls, laws: tuple[Law, ...], before: Any, after: Any) -> Models:
        layout = Layout(_shapes(laws))
        needed = {name for law in laws for name in law.support}
        absent = frozenset(layout.names) - needed
        first, kind = layout.read("before", arrays_of(before), "as the laws need it", absent)
        second, other = layout.read("after", arrays_of(after), "as the laws need it", absent)
        start, end = Dyadic.of(first)[0], Dyadic.of(second)[0]
        scale = [max(pair) for pair in zip(scales(laws, start), scales(laws, end), strict=True)]
        old, new = values(laws, start), values(laws, end)
        return cls(laws, layout, first, second, old, new, scale, coarsest({kind, other}))

    def entries(self, law: Law) -> list[int]:
        return sorted(law.polynomial.coordinates)


def _shapes(laws: tuple[Law, ...]) -> dict[str, tuple[int, ...]]:
    shapes = {name: tuple(shape) for name, shape in laws[0].space.shapes.items()}
    for law in laws:
        if {name: tuple(shape) for name, shape in law.space.shapes.items()} != shapes:
            raise InvalidArgumentError("report", law.name, "all laws have to be those of one architecture")
    return shapes


def nothing() -> Claim:
    return lambda number, law, old, new: Verdict(MOVED, "")


def pruned(models: Models) -> Claim:
    """Each entry is what it was, or zero."""
    changed = models.after != models.before
    wrong = changed & (models.after != 0)

    def claim(number: int, law: Law, old: Fraction, new: Fraction) -> Verdict:
        entries = models.entries(law)
        if wrong[entries].any():
            count = np.count_nonzero(wrong[entries])
            return Verdict(VIOLATED, f"{count} entries of {law.name} changed to other values than zero: not pruned")
        value = nearest(new)
        if not changed[entries].any():
            return Verdict(PREDICTED, "", value, 0.0)
        return Verdict(PREDICTED, "laws lost exactly what the entries set to zero had held", value, 0.0)

    return claim


def rescaled(models: Models, factors: Mapping[str, Any]) -> Claim:
    """Each entry is its factor times what it was, up to the rounding of the factor and of the product."""
    scaling = _spread(models, "factors", factors, 1.0)
    _check_finite("factors", scaling)
    step = _EPSILON[models.kind]
    with np.errstate(over="ignore", under="ignore"):
        rounded = scaling * models.before
        errors = 4 * step * np.abs(rounded) + np.finfo(np.float64).smallest_normal
        # Less than the bound allows, as these differences are rounded too.
        wrong = ~(np.abs(models.after - rounded) <= 0.75 * errors)
    factor, number = Dyadic.of(scaling)[0], Dyadic.of(models.before)[0]
    product = factor.times(number)
    expected = values(models.laws, product)
    bounds = reaches(models.laws, *product.with_errors(errors))

    def claim(k: int, law: Law, old: Fraction, new: Fraction) -> Verdict:
        value, bound = nearest(expected[k]), upwards(bounds[k])
        if wrong[models.entries(law)].any():
            return Verdict(VIOLATED, "entries are not the factors times what they were", value, bound)
        assert abs(new - expected[k]) <= bounds[k]
        return Verdict(PREDICTED, "laws are those of the rescaled entries, up to the rounding of these", value, bound)

    return claim


def quantized(models: Models, error: Any) -> Claim:
    """Each entry moved by at most its error."""
    numbers, after = Dyadic.of(models.before, models.after)
    moved = [abs(new - old) for new, old in zip(after.integers, numbers.integers, strict=True)]
    if error is None:
        # The largest change in each tensor, which is what is known of a quantization whose step is not.
        allowed = [max(moved[part], default=0) for part in models.layout.parts for _ in moved[part]]
        start, errors = numbers, Dyadic(tuple(allowed), numbers.exponent)
        wrong = np.zeros(len(moved), dtype=bool)
    else:
        limits = _spread(models, "error", error, 0.0)
        _check_finite("error", limits)
        if (limits < 0).any():
            raise InvalidArgumentError("error", error, "numbers of at least 0 are needed")
        start, end, errors = Dyadic.of(models.before, models.after, limits)
        pairs = zip(start.integers, end.integers, errors.integers, strict=True)
        wrong = np.array([abs(b - a) > e for a, b, e in pairs], dtype=bool)
    bounds = reaches(models.laws, start, errors)

    def claim(k: int, law: Law, old: Fraction, new: Fraction) -> Verdict:
        bound = upwards(bounds[k])
        if wrong[models.entries(law)].any():
            count = np.count_nonzero(wrong[models.entries(law)])
            return Verdict(VIOLATED, f"{count} entries of {law.name} moved by more than the error given", None, bound)
        assert abs(new - old) <= bounds[k]
        return Verdict(BOUNDED, "laws moved by no more than the errors of their entries allow", None, bound)

    return claim


def trained(models: Models, run: RunBalance | None, drift: AllowedDrift | None, frozen: frozenset[str]) -> Claim:
    """Gradient steps: where the balance of the run, or what is allowed to it, puts the laws."""
    if run is not None:
        followed = Followed.of(models.laws, frozen)
        place = {law.polynomial: k for k, law in enumerate(models.laws)}
        start = np.array([nearest(models.old[place[law.polynomial]]) for law in followed.laws])
        drift = drift_of_run(followed, run, start)
    known = {} if drift is None else {law.polynomial: k for k, law in enumerate(drift.laws)}
    exactly = PREDICTED if run is not None else BOUNDED

    def claim(number: int, law: Law, old: Fraction, new: Fraction) -> Verdict:
        if joins(law, frozen):
            return Verdict(MOVED, "laws that join frozen tensors with trained ones are no laws of such a run")
        if drift is None:
            return Verdict(MOVED, _FOLLOW)
        if law.polynomial not in known:
            return Verdict(MOVED, "laws that were not followed, such as those of degree above 2")
        k = known[law.polynomial]
        expected, bound = float(drift.expected[k]), float(drift.bound[k])
        if abs(new - Fraction(expected)) <= Fraction(bound):
            return Verdict(exactly, f"laws are where gradient steps lead them, by {drift.source}", expected, bound)
        return Verdict(VIOLATED, f"laws are not where gradient steps lead them, by {drift.source}", expected, bound)

    return claim


_FOLLOW = (
    "gradient steps move laws by their balance (lielaws.training) and no more: give the `run` that a LawBalance "
    "followed, or what is allowed to it, as `drift`"
)
_EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def _spread(models: Models, argument: str, given: Any, other: float) -> FloatArray:
    """One number for each entry, from a number, or a mapping of names to numbers or arrays that broadcast."""
    layout = models.layout
    if not isinstance(given, Mapping):
        return np.full(len(models.before), nonnegative(argument, given))
    for name in given:
        if name not in layout.shapes:
            raise InvalidArgumentError(argument, name, suggestion(str(name), layout.shapes))
    found = np.full(len(models.before), other)
    for name, part in zip(layout.names, layout.parts, strict=True):
        if name in given:
            array = as_float64(f"{argument}['{name}']", given[name], "one number, or one for each entry")
            try:
                found[part] = np.broadcast_to(array, layout.shapes[name]).ravel()
            except ValueError:
                text, shape = f"array of shape {array.shape}", layout.shapes[name]
                raise InvalidArgumentError(f"{argument}['{name}']", text, f"it does not broadcast to {shape}") from None
    return found


def _check_finite(argument: str, numbers: FloatArray) -> None:
    if not np.isfinite(numbers).all():
        raise InvalidArgumentError(argument, float(numbers[~np.isfinite(numbers)][0]), "finite numbers are needed")
