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
    entries = [(k, entry) for k, node in enumerate(arguments) for entry in range(node.size)]
    seen: dict[bytes, int] = {}
    ties: dict[Entry, Tie] = {}
    for number, entry in enumerate(entries):
        column = first[:, number]
        if not column.any():
            continue
        scale = pow(int(column[np.flatnonzero(column)[0]]), -1, _PRIMES[0])
        other = seen.setdefault((column * scale % _PRIMES[0]).tobytes(), number)
        if other != number:
            ratio = _ratio([values[:, [number, other]].T for values in (first, second)])
            if ratio is not None:
                ties[entry] = Tie(*entries[other], ratio < 0)
    return ties


def _values(arguments: Sequence[Node], prime: int) -> IntArray:
    """The entries of all arguments at random points modulo a prime, (samples, entries)."""
    rng = np.random.default_rng(prime)
    leaves = {leaf.static: modular.residues(rng, prime, (1, _SAMPLES, *leaf.shape)) for leaf in leaves_of(arguments)}
    arithmetic = Modular(prime, FreeFunctions.draw(rng, prime, _SAMPLES))
    values = Program.of(arguments).run(arithmetic, leaves)
    flat = [np.broadcast_to(value[0].reshape(value.shape[1], -1), (_SAMPLES, value[0, 0].size)) for value in values]
    return np.concatenate(flat, axis=1)[arithmetic.defined(_SAMPLES)]


def _ratio(pairs: Sequence[IntArray]) -> Fraction | None:
    """The factor from the second to the first row of pairs of rows, if it is one rational number modulo all primes."""
    factors = []
    for (a, b), prime in zip(pairs, _PRIMES, strict=True):
        if not b.any():
            return None
        factor = int(a[b.argmax()]) * pow(int(b.max()), -1, prime) % prime
        if ((a - factor * b) % prime).any():
            return None
        factors.append(np.array([factor]))
    (combined,), modulus = combine(factors, _PRIMES)
    return rational_reconstruction(combined, modulus) or None
