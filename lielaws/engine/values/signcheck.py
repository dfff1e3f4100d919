"""Which signs numbers have together: over the reals, and modulo a prime.

The root of a square s^2 has the sign that makes it |s|, and modulo a prime the sign for which it is a square itself. If
s takes both signs over the reals, and no more together with other numbers than it does modulo the prime, then the one
choice is as good as the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.linalg import modular, rational_reconstruction
from lielaws.engine.values.atoms import Atom, Polynomial
from lielaws.engine.values.realpoints import RealPoints
from lielaws.engine.values.squareproducts import insert, mask
from lielaws.engine.values.squareroots import SignProduct
from lielaws.engine.values.trial import PRIMES, SPARE, Pattern, UndefinedPatternError, trials

Bits = npt.NDArray[np.bool_]
"""for some samples at one state, which numbers are negative, or no squares: (samples, numbers)"""

_STATES = 4
_SAMPLES = 40


@dataclass(frozen=True)
class Surroundings:
    """What tells signs beside the roots themselves.

    functions : the roots and the logarithms of the network: their arguments are positive
    gated : arguments of gates, with the values of the gates: these tell the signs of those
    """

    functions: Sequence[Node]
    gated: Sequence[tuple[Node, Node]]

    @property
    def positive(self) -> list[Node]:
        """The arguments of roots and logarithms."""
        return [node.inputs[0] for node in ancestors(self.functions) if node.op in ("sqrt", "log")]

    @property
    def roots(self) -> list[Node]:
        return [node for node in ancestors(self.functions) if node.op == "sqrt"]

    def known(self, pattern: Pattern) -> list[tuple[SignProduct, int]]:
        """Numbers of known sign under a pattern: arguments of logarithms, and those of gates that do not vanish."""
        logs = [node.inputs[0] for node in ancestors(self.functions) if node.op == "log"]
        gated = self.gated if pattern.gates else ()
        arguments = [*logs, *(argument for argument, _ in gated)]
        if not arguments:
            return []
        ((points,),) = trials([*arguments, *(value for _, value in gated)], [pattern], PRIMES[0], SPARE)
        entries = [(node, k) for node in arguments for k in range(node.size)]
        positive = sum(node.size for node in logs)
        found = []
        for number, (node, k) in enumerate(entries):
            gate = points.values[0, len(entries) + number - positive] if number >= positive else 1
            if points.values[:, number].any():
                found.append((_entry(node, k), 1 if gate else -1))
        return found


def impossible_patterns(patterns: Sequence[Pattern], gated: Sequence[tuple[Node, Node]]) -> list[int]:
    """The patterns, but for the first, under which two gates have proportional arguments and other signs than these.

    So are those under which the argument of a gate has no value.
    """
    if not gated or len(patterns) < 2:
        return []
    nodes = [*(argument for argument, _ in gated), *(value for _, value in gated)]
    found = []
    remaining = list(range(len(patterns)))
    while True:
        try:
            tried = list(trials(nodes, [patterns[number] for number in remaining], PRIMES[0], SPARE))
            break
        except UndefinedPatternError as undefined:
            found += [remaining[number] for number in undefined.numbers]
            remaining = [number for number in remaining if number not in found]
    for number, (points,) in zip(remaining, tried, strict=True):
        arguments, gates = np.split(points.values, 2, axis=1)
        if number and not _is_consistent(arguments, gates[0], points.prime):
            found.append(number)
    return found


def _is_consistent(arguments: npt.NDArray[np.int64], gates: npt.NDArray[np.int64], p: int) -> bool:
    # An argument may be a number, too.
    seen = {np.ones_like(arguments[:, 0]).tobytes(): (1, 1)} if arguments.size else {}
    for column, gate in zip(arguments.T, gates.tolist(), strict=True):
        if not column.all():
            continue
        direction = column * pow(int(column[0]), -1, p) % p
        first, sign = seen.setdefault(direction.tobytes(), (int(column[0]), 2 * gate - 1))
        ratio = rational_reconstruction(int(column[0]) * pow(first, -1, p) % p, p)
        if ratio is not None and (1 if ratio > 0 else -1) * sign != 2 * gate - 1:
            return False
    return True


@dataclass(frozen=True, slots=True)
class SignRelation:
    """Numbers whose product has one sign.

    negative : None if that sign depends on the state
    """

    members: frozenset[int]
    negative: bool | None

    @property
    def last(self) -> int:
        return max(self.members)

    def renumbered(self, numbers: Sequence[int]) -> SignRelation:
        return SignRelation(frozenset(numbers[k] for k in self.members), self.negative)


def proved_relations(
    products: Sequence[SignProduct], pattern: Pattern, around: Surroundings
) -> list[SignRelation] | None:
    """The products of numbers that are squares, up to roots and what has no data, each with a last member of its own.

    None if a sign at a real point is not known.
    """
    if not products:
        return []
    if any(product.has_generators for product in products):
        return None
    found: dict[int, SignRelation] = {}
    for common in (True, False):
        found |= {one.last: one for one in _constant(_modulo(products, pattern, around, common), common)}
    if all(one.negative is None for one in found.values()):
        return [found[number] for number in sorted(found)]
    signs = _over_reals(products, pattern, around, False, True, 1)
    if signs is None:
        return None
    for number, one in found.items():
        if one.negative is not None:
            negative = bool(np.logical_xor.reduce(signs[0][0, sorted(one.members)]))
            found[number] = SignRelation(one.members, negative)
    return [found[number] for number in sorted(found)]


def sign_relations(
    products: Sequence[SignProduct], pattern: Pattern, around: Surroundings, *, proved: bool
) -> list[SignRelation] | None:
    """The products of numbers that have one sign at real points, everywhere or at each state.

    proved : whether what has one sign at real points has to have it modulo a prime too, which the real points alone do
        not prove

    None if some signs at real points are not known, or are not proved.
    """
    if not products:
        return []
    if any(product.has_generators for product in products):
        return None
    found: dict[int, SignRelation] = {}
    for common in (True, False):
        signs = _over_reals(products, pattern, around, common, proved, len(products) + _SAMPLES)
        if signs is None:
            return None
        related = _constant(signs, common)
        if proved and related and not _holds(related, _modulo(products, pattern, around, common), common):
            return None
        found |= {one.last: one for one in related}
    return [found[number] for number in sorted(found)]


def _constant(signs: Sequence[Bits], common: bool) -> list[SignRelation]:
    """The combinations of columns that are constant at each state, or everywhere, each with a last one of its own."""
    joined = np.concatenate([_changes(part) for part in signs] if common else signs)
    width = joined.shape[1]
    ones = 0 if common else 1 << width
    basis: dict[int, tuple[int, int]] = {}
    insert(basis, 0 if common else (1 << len(joined)) - 1, ones)
    found = []
    for k in range(width):
        members = insert(basis, mask(joined[:, k]), 1 << k)
        if members is not None:
            chosen = frozenset(j for j in range(width) if members >> j & 1)
            found.append(SignRelation(chosen, None if common else bool(members & ones)))
    return found


def _holds(related: Sequence[SignRelation], signs: Sequence[Bits], common: bool) -> bool:
    joined = np.concatenate([_changes(part) for part in signs] if common else signs)
    return not any(
        np.any(np.logical_xor.reduce(joined[:, sorted(one.members)], axis=1) != bool(one.negative)) for one in related
    )


def _changes(signs: Bits) -> Bits:
    return signs[1:] ^ signs[:1]


def _over_reals(
    products: Sequence[SignProduct],
    pattern: Pattern,
    around: Surroundings,
    common: bool,
    proved: bool,
    samples: int,
) -> list[Bits] | None:
    """The signs of the products; None if they are known at too few points."""
    wanted = list({node.serial: node for product in products for node in product.nodes}.values())
    draw = RealPoints.at_states if common else RealPoints.anywhere
    # Modulo a prime nothing makes an argument of a logarithm positive, so no proof may rest on it.
    positive = [root.inputs[0] for root in around.roots] if proved else around.positive
    real = draw(positive, wanted, pattern.gates, 2 * samples)
    if real is None:
        return None
    columns = [real.signs(product) for product in products]
    tables = [np.array(rows).T for rows in zip(*columns, strict=True)]
    known = [table[table.all(axis=1)] < 0 for table in tables]
    return known if all(len(table) >= samples for table in known) else None


def _modulo(products: Sequence[SignProduct], pattern: Pattern, around: Surroundings, common: bool) -> list[Bits]:
    """The same modulo a prime."""
    count, found = len(products) + _SAMPLES, []
    nodes = [*around.roots, *(node for product in products for node in product.nodes)]
    for seed in range(_STATES if common else 1):
        ((points,),) = trials(nodes, [pattern], PRIMES[0], count, states=1 if common else None, seed=seed)
        columns = []
        for product in products:
            number = np.broadcast_to(product.residues(points.drawing)[0], (count,))
            columns.append(modular.power(number, (points.prime - 1) // 2, points.prime) != 1)
        found.append(np.stack(columns, axis=1))
    return found


def _entry(node: Node, k: int) -> SignProduct:
    symbol = Polynomial(((((0, 1),), Fraction(1)),))
    return SignProduct(Fraction(1), (((Atom(node, k),), (symbol,)),))
