"""Polynomial relations between atoms: squares of roots, of absolute values and of sines, and gates that exclude others.

Where relu(u) is not zero, |v| = v for v >= u. So (u + |u|) (|v| - v) = 0, which determines |u| |v|.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import Any

from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.graph.node import Node
from lielaws.engine.graph.primitives import piecewise
from lielaws.engine.values.readings import MOST_TERMS, Atom, Reading, context

SignOf = Callable[[Reading, Any], int]


def is_related(node: Node) -> bool:
    """Whether there may be a relation for the square of a node."""
    named = node.op == "leaf" and (node.static.role, node.static.name) == ("constant", "sqrt_two")
    return named or node.op in ("sqrt", "piecewise", "sin")


def reduced(reading: Reading, sign_of: SignOf) -> Ratio | None:
    """The value of a reading by relations; None if none applies, or if it gets too large.

    sign_of : the sign of a polynomial in the atoms, 0 if it is not known
    """
    try:
        return _reduced(reading, sign_of)
    except (TooManyTermsError, ZeroDivisionError):
        return None


def _reduced(reading: Reading, sign_of: SignOf) -> Ratio | None:
    changed, value = False, reading.value
    pieces = reading.of("piecewise")
    if _degree(value, pieces) > 1:
        for number in pieces:
            value = _substituted(value, number, _by_absolute_value(reading, reading.atoms[number]))
    # What stands inside of roots was made earlier, so that one turn from the last to the first is enough.
    for number in sorted(range(len(reading.atoms)), key=lambda k: -reading.atoms[k].base.serial):
        if _degree(value, [number]) > 1 and (square := _square(reading, reading.atoms[number])) is not None:
            value, changed = value.reduced(number, square, reading.symbol(number)), True
            if max(len(value.above), len(value.below)) > MOST_TERMS:
                raise TooManyTermsError
    for number in reading.of("sqrt"):
        shorter = _cancelled(reading, value, number)
        value, changed = shorter or value, changed or shorter is not None
    absolute = [k for k in reading.of("piecewise") if reading.atoms[k].base.static == (-1, 1)]
    for first, second in combinations(absolute, 2):
        joint = _joint_part(value.above, first, second)
        if joint is not None and (product_of_both := _product(reading, first, second, sign_of)) is not None:
            both = reading.symbol(first) * reading.symbol(second)
            above = value.above + joint * (product_of_both.above - both.above)
            value, changed = Ratio(above, value.below), True
    return value if changed else None


def _cancelled(reading: Reading, value: Ratio, number: int) -> Ratio | None:
    """1 / r for r / q, and r for q / r, if r is the root of q."""
    root, atom = reading.symbol(number).above, reading.atoms[number]
    inside = reading.read(atom.base.inputs[0], atom.index)
    if inside.below != 1 or inside.above.total_degree() < 1:
        return None
    for one, other, is_inverse in ((value.above, value.below, False), (value.below, value.above, True)):
        shorter, rest = divmod(one, root)
        divided, remainder = divmod(other, inside.above)
        if rest == 0 and remainder == 0:
            return Ratio(divided * root, shorter) if is_inverse else Ratio(shorter, divided * root)
    return None


def through_roots(reading: Reading) -> Ratio | None:
    """The value with r^2 for each atom whose root r is an atom too; None if there are none."""
    value = reading.value
    for number in reading.of("sqrt"):
        square = reading.read(reading.atoms[number].base.inputs[0], reading.atoms[number].index)
        others = [k for k in range(len(reading.atoms)) if reading.symbol(k) == square]
        for other in others:
            value = _substituted(value, other, reading.symbol(number) ** 2)
    return None if value is reading.value else value


def _by_absolute_value(reading: Reading, atom: Atom) -> Ratio:
    """below * u where u < 0 and above * u elsewhere is (above + below) / 2 u + (above - below) / 2 |u|."""
    below, above = atom.base.static
    argument = reading.read(atom.base.inputs[0], atom.index)
    inside = _first_alike(reading, argument)
    absolute = reading.symbol(reading.atom(piecewise(inside.base.inputs[0], Fraction(-1), Fraction(1)), inside.index))
    return reading.number((above + below) / 2) * argument + reading.number((above - below) / 2) * absolute


def _first_alike(reading: Reading, argument: Ratio) -> Atom:
    """The first piecewise linear atom of an argument or of its negative, however it is written."""
    opposite = reading.number(Fraction(-1)) * argument
    atoms = [reading.atoms[k] for k in reading.of("piecewise")]
    return next(atom for atom in atoms if reading.read(atom.base.inputs[0], atom.index) in (argument, opposite))


def _square(reading: Reading, atom: Atom) -> Ratio | None:
    """The square of an atom, if it is a simpler expression."""
    base = atom.base
    if base.op == "sqrt":
        return reading.read(base.inputs[0], atom.index)
    if base.op == "piecewise" and base.static == (-1, 1):
        return reading.read(base.inputs[0], atom.index) ** 2
    if base.op == "sin":
        for cosine in reading.of("cos"):
            if reading.argument(reading.atoms[cosine]) is reading.argument(atom):
                return reading.number(Fraction(1)) + reading.number(Fraction(-1)) * reading.symbol(cosine) ** 2
    return reading.number(Fraction(2)) if base.op == "leaf" and is_related(base) else None


def _product(reading: Reading, first: int, second: int, sign_of: SignOf) -> Ratio | None:
    """|u| |v|, if u <= v or the like is known, up to signs of u and v."""
    atoms = reading.atoms[first], reading.atoms[second]
    arguments = [reading.read(atom.base.inputs[0], atom.index) for atom in atoms]
    absolute = [reading.symbol(first), reading.symbol(second)]
    if any(argument.below != 1 for argument in arguments):
        return None
    minus = reading.number(Fraction(-1))
    for signs in product((1, -1), repeat=2):
        u, v = (reading.number(Fraction(sign)) * argument for sign, argument in zip(signs, arguments, strict=True))
        difference = v + minus * u
        if difference.above != 0 and sign_of(reading, difference.above) > 0:
            return v * absolute[0] + minus * u * absolute[1] + u * v
    return None


def _joint_part(polynomial: Any, first: int, second: int) -> Any:
    """The coefficient of the product of two atoms in which it is linear; None if that is zero."""
    joint = polynomial.derivative(first).derivative(second)
    return None if joint == 0 else joint


def _degree(ratio: Ratio, numbers: Sequence[int]) -> int:
    """The largest degree in some atoms together."""
    terms = [*ratio.above.monoms(), *ratio.below.monoms()] if numbers else []
    return max((sum(int(exponents[k]) for k in numbers) for exponents in terms), default=0)


def _substituted(ratio: Ratio, number: int, value: Ratio) -> Ratio:
    """With an atom replaced by a polynomial in others."""
    if value.below != 1:
        return ratio
    symbols = list(context().gens())
    symbols[number] = value.above
    return Ratio(ratio.above.compose(*symbols), ratio.below.compose(*symbols))
