"""Tied gates: gates whose arguments are proportional, so that no data tell them apart.

Proportions are found from values at random points modulo two primes, with arbitrary residues for the gates in the
arguments and free values of functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.graph.node import Node, leaves_of
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import combine, modular, rational_reconstruction
from lielaws.engine.values.free import FreeFunctions

Entry = tuple[int, int]
"""the number of an argument, and of an entry of it"""

_PRIMES = (2**31 - 1, 2**31 - 61)
# Arguments of degree d that are not proportional look so with probability below (d / 2^30)^(2 * 24).
_SAMPLES = 24


@dataclass(frozen=True, slots=True)
class Tie:
    """An argument entry that is a multiple of an earlier one; reversed if the factor is negative."""

    piece: int
    entry: int
    reversed: bool


def find_ties(arguments: Sequence[Node]) -> dict[Entry, Tie]:
    """Entries that are a rational multiple of an earlier one.

    A proportion by a factor that is no small rational, as the root of two, is left out: it is no identity that proofs
    may use.
    """
    first, second = (_values(arguments, prime) for prime in _PRIMES)
    seen: dict[bytes, Entry] = {}
    ties: dict[Entry, Tie] = {}
    for piece, entry in [(k, entry) for k, value in enumerate(first) for entry in range(value.shape[1])]:
        column = first[piece][:, entry]
        if not column.any():
            continue
        place = int(np.flatnonzero(column)[0])
        direction = (column * pow(int(column[place]), -1, _PRIMES[0]) % _PRIMES[0]).tobytes() + bytes([place])
        other = seen.setdefault(direction, (piece, entry))
        if other == (piece, entry):
            continue
        ratio = _ratio(first, second, (piece, entry), other, place)
        if ratio is not None:
            ties[piece, entry] = Tie(*other, ratio < 0)
    return ties


def _values(arguments: Sequence[Node], prime: int) -> list[IntArray]:
    """The values of the arguments at random points modulo a prime: one array (samples, entries) for each."""
    rng = np.random.default_rng(prime)
    shapes = {leaf.static: leaf.shape for leaf in leaves_of(arguments)}
    leaves = {leaf: modular.residues(rng, prime, (1, _SAMPLES, *shape)) for leaf, shape in shapes.items()}
    arithmetic = Modular(prime, FreeFunctions.draw(rng, prime, _SAMPLES))
    values = Program.of(arguments).run(arithmetic, leaves)
    kept = slice(None) if arithmetic.undefined is None else ~arithmetic.undefined
    return [
        np.broadcast_to(value[0].reshape(value.shape[1], -1), (_SAMPLES, node.size))[kept]
        for value, node in zip(values, arguments, strict=True)
    ]


def _ratio(
    first: Sequence[IntArray], second: Sequence[IntArray], one: Entry, other: Entry, place: int
) -> Fraction | None:
    """The factor between two entries, if it is a rational number at all points modulo both primes."""
    residues: list[int] = []
    for values, prime in zip((first, second), _PRIMES, strict=True):
        a, b = (values[k][:, entry] for k, entry in (one, other))
        numerator, denominator = (int(column[min(place, len(column) - 1)]) for column in (a, b))
        if not denominator:
            return None
        factor = numerator * pow(denominator, -1, prime) % prime
        if ((a - factor * b) % prime).any():
            return None
        residues.append(factor)
    (combined,), modulus = combine([np.array([residue]) for residue in residues], _PRIMES)
    return rational_reconstruction(combined, modulus) or None
