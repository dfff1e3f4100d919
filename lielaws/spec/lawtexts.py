"""Laws that a user brings, as text over the parameter tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lielaws.errors import SpecError
from lielaws.spec.evaluation import evaluate
from lielaws.spec.expressions import finite, numbered_lines, rational
from lielaws.spec.language import parse
from lielaws.spec.messages import listing, one_line
from lielaws.spec.symbolic import Budget, Shape, SymbolicArray, Tensor, array_functions

if TYPE_CHECKING:
    import sympy

_LONGEST_LABEL = 100
_MOST_EXPANDED_TERMS = 2000


@dataclass(frozen=True, slots=True)
class LawText:
    """One scalar law that a user wrote.

    label : its line, followed by the index if the line is an array of laws
    expr : in entries such as W1[0, 2], velocities dW1[0, 2] and time t
    """

    label: str
    expr: sympy.Expr


def parse_laws(
    text_or_lines: str | Sequence[str],
    parameters: Mapping[str, Shape],
    *,
    velocities: bool = False,
    time: bool = False,
    where: str = "laws",
) -> list[LawText]:
    """The laws in a text, one scalar or array of laws a line; blank lines and `#` comments are skipped.

    Parameters
    ----------
    parameters : name -> shape; entries become W1[0, 2], and a parameter of shape () the symbol of its name
    velocities : also accept dW1 for the velocity of W1, and the time t
    time : also accept the time t
    where : what the text is called in errors

    Of an array, entries that are zero or equal to an earlier one up to sign are dropped. Raises SpecError, with the
    number of the line, for what cannot be read, for shapes that do not fit, and for a line without any law.
    """
    laws: list[LawText] = []
    for number, line in numbered_lines(text_or_lines, where):
        laws += _laws_of_line(line, f"{where}, line {number}", parameters, velocities, time or velocities)
    if not laws:
        raise SpecError(where, "", "no laws; write one a line, such as W1 @ W1.T - W2.T @ W2")
    return laws


def _laws_of_line(
    line: str, where: str, parameters: Mapping[str, Shape], velocities: bool, time: bool
) -> Iterator[LawText]:
    expression = parse(line, where=where)
    shapes: dict[str, Shape] = {"t": ()} if time else {}
    if velocities:
        shapes |= {f"d{name}": shape for name, shape in parameters.items()}
    used = set(expression.names)
    if both := sorted(set(shapes) & set(parameters) & used):
        remedy = "the name of a parameter, and also of a velocity or of the time; rename the parameter"
        raise SpecError(where, both, remedy)
    shapes |= parameters
    budget = Budget()
    # The names of tensors that the line does not use are there to be suggested.
    tensors = {name: Tensor.whole(name, shape, budget) if name in used else None for name, shape in shapes.items()}
    value = evaluate(expression, tensors, array_functions(), rational)
    if not isinstance(value, SymbolicArray):
        raise SpecError(where, line, f"it contains none of the parameters {listing(parameters)}")
    label = one_line(line, _LONGEST_LABEL)
    laws = list(_distinct(value))
    if not laws:
        raise SpecError(where, line, "every entry is constant, so there is no law in it; remove the line")
    for index, law in laws:
        yield LawText(f"{label} {list(index)}" if index else label, finite(law, expression))


def _distinct(array: SymbolicArray) -> Iterator[tuple[tuple[int, ...], sympy.Expr]]:
    """The entries that are not constant and not, up to sign, among the earlier ones."""
    seen: set[frozenset[tuple[Any, Any]]] = set()
    for index, entry in np.ndenumerate(array.entries):
        terms = _expanded(entry).as_coefficients_dict()
        normal = frozenset(terms.items())
        opposite = frozenset((monomial, -factor) for monomial, factor in terms.items())
        if any(monomial.free_symbols for monomial in terms) and not seen & {normal, opposite}:
            seen.add(normal)
            yield index, entry


def _expanded(entry: Any) -> Any:
    """The expanded entry, for comparison only; as it is when it would get long, or would not change."""
    terms = _count_terms(entry)
    if terms > _MOST_EXPANDED_TERMS or terms == (len(entry.args) if entry.is_Add else 1):
        return entry
    return entry.expand(power_base=False, power_exp=False, log=False, basic=False)


def _count_terms(entry: Any) -> int:
    """At least the number of terms of the expanded polynomial, where that is not too large anyway."""
    if entry.is_Atom or entry.is_Indexed:
        return 1
    counts = [_count_terms(part) for part in entry.args]
    if entry.is_Add:
        return sum(counts)
    count = math.prod(counts)
    if entry.is_Pow and entry.exp.is_Integer and count > 1:
        count = count ** min(abs(int(entry.exp)), 20)
    return min(count, _MOST_EXPANDED_TERMS + 1)
