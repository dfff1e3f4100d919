"""Whether brackets have the rank that is claimed: modulo a prime, or by enclosures of their real values."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.balls import (
    PRECISIONS,
    Ball,
    Balls,
    PreciseBalls,
    is_nonsingular,
    is_nonsingular_precisely,
    narrowed,
)
from lielaws.checker.numbers.residues import Residues
from lielaws.checker.upper.family import Evidence, calls, cost
from lielaws.errors import CertificateError

_NARROW = 2.0**-30
"""relative to the largest entry: a few rows of a thousand are wider, and spoil the inverse; with less, all are"""


def check_residues(rank: int, evidence: Evidence, prime: int) -> None:
    """Raises CertificateError unless brackets have a rank modulo a prime."""
    words = len(evidence.words)
    matrix = flint.nmod_mat(words, evidence.network.dimension, prime)
    try:
        for places, rows in evidence.rows(Residues(prime), range(words)):
            for place, row in zip(places, rows.tolist(), strict=True):
                for column, entry in enumerate(row):
                    matrix[place, column] = entry
    except ZeroDivisionError:
        raise CertificateError("upper.point", "a denominator", "a denominator of the network vanishes there") from None
    true_rank = matrix.rank()
    if true_rank != rank or rank != words:
        more = "" if rank == words else f", and there are {words}"
        raise CertificateError("upper.rank", rank, f"the brackets have rank {true_rank} at the point{more}")


def check_enclosures(rank: int, columns: Any, evidence: Evidence, budget: Budget) -> None:
    """Raises CertificateError unless the entries of brackets in some columns are proved to be an invertible block.

    By float64 numbers first, then with more and more precision.
    """
    network, words = evidence.network, evidence.words
    if rank != len(words):
        raise CertificateError("upper.rank", rank, f"there are {len(words)} brackets; their rank is to be proved")
    chosen = reading.integers(columns, "upper.columns", 0, network.dimension - 1, rank)
    if len(set(chosen)) < rank:
        raise CertificateError("upper.columns", chosen, "distinct coordinates are needed")
    # Products of large matrices are far faster than those of arrays.
    budget.charge(rank**3 / 4, "upper.rank", rank)
    block = Ball(np.full((rank, rank), np.nan), np.zeros((rank, rank)))
    if not rank or _is_proved(block, Balls(), list(range(rank)), evidence, chosen):
        return
    for bits in PRECISIONS:
        ring = PreciseBalls(bits)
        # Rows whose enclosures are wide first; if there are none left, all rows without rounding them to floats.
        wide = _wide_rows(block)
        which = wide or list(range(rank))
        work = sum(cost(words[k]) for k in which) * network.program.work + (0 if wide else rank**3)
        charged = work * ring.weight + calls([words[k] for k in which], network)
        budget.charge(charged, "upper.rank", f"{rank}, which floats do not prove")
        if _is_proved(block, ring, which, evidence, chosen):
            return
    remedy = f"{PRECISIONS[-1]} bits do not prove that the block is invertible, or a function is singular there"
    raise CertificateError("upper.columns", f"{rank} brackets and coordinates", remedy)


def _is_proved(block: Ball, ring: Balls, which: list[int], evidence: Evidence, columns: list[int]) -> bool:
    """Whether the block is proved to be invertible, after some of its rows were computed in a ring."""
    with ring.entered(), np.errstate(all="ignore"):
        order: list[int] = []
        parts = []
        for places, part in evidence.rows(ring, which):
            order += places
            parts.append(ring.move(lambda x: x[:, columns], part))
        if not ring.clear.all():
            return False
        rows = ring.move(lambda *x: np.concatenate(x), *parts)
        narrow = narrowed(rows) if isinstance(ring, PreciseBalls) else rows
        block.mid[order], block.rad[order] = narrow.mid, narrow.rad
        # The order of rows does not matter.
        all_precise = isinstance(ring, PreciseBalls) and len(which) == len(columns)
        return is_nonsingular(block) or (all_precise and is_nonsingular_precisely(rows))


def _wide_rows(found: Ball) -> list[int]:
    """The rows that are known to few digits only, or not at all."""
    largest = abs(found.mid).max(axis=1, initial=0.0)
    narrow = found.rad.max(axis=1, initial=0.0) < _NARROW * largest
    return [int(k) for k in np.flatnonzero(~narrow)]
