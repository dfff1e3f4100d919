"""Conjunctions of conditions that keep all deviating cases out of a regime and as many others as possible in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, reduce
from math import comb
from operator import or_

import numpy as np

from lielaws.formulas.conditions import Condition, Conjunction, Pool
from lielaws.formulas.consensus import Mask

_MOST_CONDITIONS = 3
_BEAM = 20
_MOST_ATOMS = 150
_MOST_SIMPLE = 60
_BOUNDS = range(-4, 5)


@dataclass(frozen=True, slots=True)
class Regime:
    """A conjunction, with the fitting cases that it leaves out."""

    conditions: Conjunction
    lost: int
    bits: int


@dataclass(frozen=True, slots=True)
class _Atom:
    condition: Condition
    bits: int
    deviating: int  # bit set of the deviating cases that it keeps out
    fitting: int  # bit set of the fitting cases that it loses


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Some atoms together, and what they cost."""

    price: int
    bits: int
    atoms: tuple[int, ...] = ()
    deviating: int = 0
    fitting: int = 0


@cache
def open_bits(left_out: int, deviating: int) -> int:
    """What it costs to leave cases out: to say which of them deviate, and a little for each.

    Fitting cases that are left out must not cost as much as deviating ones: else the conditions would follow the
    accidents of the data.
    """
    return comb(left_out, deviating).bit_length() - 1 + left_out - deviating


def regimes(pool: Pool, fitting: Mask, deviating: Mask, row_bits: int, count: int = 8) -> list[Regime]:
    """Conjunctions of at most three conditions that no deviating case fulfils, the best first.

    row_bits : the price of a deviating case that is not kept out, during the search
    """
    atoms = _atoms(pool, fitting, deviating, row_bits)
    deviants = int(deviating.sum())
    everything = _as_set(np.packbits(np.ones(int(deviating.sum()), dtype=bool)).tobytes())
    beam, complete = [_Chosen(0, 0)], []
    for _ in range(_MOST_CONDITIONS):
        best: dict[tuple[int, int], _Chosen] = {}
        for start in beam:
            for index, atom in enumerate(atoms):
                out, lost = start.deviating | atom.deviating, start.fitting | atom.fitting
                if out == start.deviating:
                    continue
                bits = start.bits + atom.bits
                missed = (everything & ~out).bit_count()
                price = bits + missed * row_bits + open_bits(lost.bit_count() + deviants, deviants)
                if (out, lost) not in best or (price, bits) < (best[out, lost].price, best[out, lost].bits):
                    best[out, lost] = _Chosen(price, bits, (*start.atoms, index), out, lost)
        ordered = sorted(best.values(), key=_rank)
        complete += [chosen for chosen in ordered if chosen.deviating == everything][:count]
        beam = [chosen for chosen in ordered if chosen.deviating != everything][:_BEAM]
    found = [_regime(chosen, atoms) for chosen in sorted(complete, key=_rank)[:count]]
    return list(dict.fromkeys(found))


def _rank(chosen: _Chosen) -> tuple[int, int, tuple[int, ...]]:
    return chosen.price, chosen.bits, chosen.atoms


def _regime(chosen: _Chosen, atoms: list[_Atom]) -> Regime:
    """Without the conditions that later ones made superfluous."""
    kept = [atoms[i] for i in chosen.atoms]
    for atom in tuple(kept):
        rest = [other for other in kept if other is not atom]
        if reduce(or_, (other.deviating for other in rest), 0) == chosen.deviating:
            kept = rest
    lost = reduce(or_, (atom.fitting for atom in kept), 0)
    return Regime(tuple(atom.condition for atom in kept), lost.bit_count(), sum(atom.bits for atom in kept))


def _atoms(pool: Pool, fitting: Mask, deviating: Mask, row_bits: int) -> list[_Atom]:
    """Conditions that keep some deviating cases out; of those with the same effect, the simplest."""
    best: dict[tuple[bytes, bytes], tuple[int, int, int]] = {}
    inside, outside = pool.values[fitting], pool.values[deviating]
    low, high = outside.min(axis=0), outside.max(axis=0)
    for bound in (*_BOUNDS, None):
        bounds = low - 1 if bound is None else np.full_like(low, bound)
        out, lost = outside > bounds, inside > bounds
        useful = (bounds < high) & (bounds > low - 5) & (20 * lost.sum(axis=0) <= 19 * max(1, len(inside)))
        packed_out, packed_lost = np.packbits(out, axis=0), np.packbits(lost, axis=0)
        for index in np.flatnonzero(useful).tolist():
            key = (packed_out[:, index].tobytes(), packed_lost[:, index].tobytes())
            cost = 3 * int(pool.costs[index]) + abs(int(bounds[index])).bit_length()
            if key not in best or cost < best[key][0]:
                best[key] = (cost, index, int(bounds[index]))
    found = []
    for (out_bytes, lost_bytes), (_, index, at) in best.items():
        condition = Condition(pool.statistics[index], at)
        found.append(_Atom(condition, condition.bits, _as_set(out_bytes), _as_set(lost_bytes)))
    deviants = len(outside)

    def price(atom: _Atom) -> int:
        missed = deviants - atom.deviating.bit_count()
        return atom.bits + missed * row_bits + open_bits(atom.fitting.bit_count() + deviants, deviants)

    simplest = sorted(found, key=lambda atom: atom.bits)[:_MOST_SIMPLE]
    return list(dict.fromkeys((*sorted(found, key=price)[:_MOST_ATOMS], *simplest)))


def _as_set(packed: bytes) -> int:
    return int.from_bytes(packed, "big")
