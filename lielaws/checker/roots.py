"""Whether square roots are independent, so that every choice of their signs is one of the network.

Roots of q_1, q_2, .. are independent unless some product of them is a square, up to a factor without data. Such a
product would be a square at every random point modulo a prime, or at none. So if the symbols (q_k / p) at many points
have full rank over the field of two elements, there is none; this is certain, whatever the points.
Products of powers that equal 1, as for q_3 = q_1 q_2, are the one exception: roots are multiplicative.
"""

from __future__ import annotations

from collections.abc import Sequence

from lielaws.checker.draws import drawing_ring
from lielaws.checker.lattices import Row, unresolved
from lielaws.checker.sharing import Differentials, Sharing, group
from lielaws.checker.tape import Wire, sources

_SPARE = 40


def check_roots(sharing: Sharing) -> None:
    """Raises CertificateError unless all roots are understood."""
    roots = [wire for wire in sharing.functions if sharing.kind(wire) == "sqrt"]
    if not roots:
        return
    heights, varying = _heights(sharing)
    for height in range(1, max(heights) + 1):
        for of_data in (False, True):
            chosen = [w for w in roots if heights[w] == height and (sharing.argument(w) in varying) == of_data]
            if chosen:
                _check(sharing, chosen, [wire for wire, h in enumerate(heights) if h < height], of_data)


def _heights(sharing: Sharing) -> tuple[list[int], set[Wire]]:
    """How many roots are nested in each wire, and the wires that depend on data."""
    heights: list[int] = []
    varying: set[Wire] = set()
    for wire in range(len(sharing.levels)):
        step = sharing.tape.steps[wire]
        below = max((heights[source] for source in sources(step)), default=0)
        heights.append(below + (step[:2] == ("function", "sqrt")))
        if not varying.isdisjoint(sources(step)) or (step[0] == "leaf" and wire not in sharing.state_leaves):
            varying.add(wire)
    return heights, varying


def _check(sharing: Sharing, roots: Sequence[Wire], wires: Sequence[Wire], of_data: bool) -> None:
    columns = [("log", wire) for wire in roots]
    level = max(sharing.levels[wire] for wire in roots)
    found = group([Differentials(sharing, level, columns) for _ in range(2)], columns)
    known = found.free if of_data else found.zero
    if of_data and found.free != found.zero:
        raise unresolved("a product of square roots does not depend on data")
    arguments = [sharing.argument(wire) for wire in roots]
    ring = drawing_ring()
    state = sharing.draw(ring, None, wires=wires)
    _check_products(known, [state.values[wire] for wire in arguments], ring.prime)
    symbols = []
    for _ in range(len(roots) + _SPARE):
        draw = sharing.draw(ring, state if of_data else None, wires=wires)
        values = [draw.values[wire] for wire in arguments]
        if all(values):
            symbols.append(sum((pow(a, (ring.prime - 1) // 2, ring.prime) != 1) << k for k, a in enumerate(values)))
    # One more bit, which is always set: a product may also be a square times a number.
    rank = _rank([symbol | 1 << len(roots) for symbol in symbols])
    if rank != len(roots) + 1 - len(known):
        raise unresolved("a product of arguments of square roots may be a square")


def _check_products(known: Sequence[Row], values: Sequence[int], prime: int) -> None:
    for row in known:
        product = 1
        for value, exponent in zip(values, row, strict=True):
            product = product * pow(value, exponent, prime) % prime
        if product != 1:
            raise unresolved("arguments of square roots differ by a factor that is a number")


def _rank(rows: Sequence[int]) -> int:
    """The rank of bit vectors."""
    basis: list[int] = []
    for row in rows:
        rest = row
        for other in basis:
            rest = min(rest, rest ^ other)
        if rest:
            basis.append(rest)
    return len(basis)
