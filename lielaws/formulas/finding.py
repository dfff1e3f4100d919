"""The search on a part of the data, tested on the cases that were held back, and extended by those that refute it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lielaws.arraytypes import IntArray, ObjectArray
from lielaws.formulas.case_counts import Data
from lielaws.formulas.cases import Cases
from lielaws.formulas.conjecture_record import HeldBack
from lielaws.formulas.explain import explain, polynomials_of, total_bits
from lielaws.formulas.formula_terms import Polynomial
from lielaws.formulas.regimes import Model

_SEEN_SHARE = 4  # out of five cases
_MOST_SEEN = 300
_FEWEST_TO_HOLD_BACK = 10
_ROUNDS = 12
_ADDED = 20


@dataclass(frozen=True)
class Found:
    """
    model : right on all cases that it covers; without pieces if nothing was found
    others : further ones that are right wherever they hold, the short ones first
    held_back : the cases that the search for the model did not see
    """

    model: Model
    others: tuple[Model, ...]
    held_back: HeldBack


def find(cases: Cases, counts: ObjectArray, rng: np.random.Generator, hints: Sequence[Polynomial] = ()) -> Found:
    """The simplest formula for all the counts.

    hints : polynomials of a formula for part of them
    """
    order = rng.permutation(len(counts))
    share = len(order) if len(order) < _FEWEST_TO_HOLD_BACK else -(-len(order) * _SEEN_SHARE // 5)
    seen = sorted(order[: min(share, _MOST_SEEN)].tolist())
    for _ in range(_ROUNDS):
        models = explain(_data(cases, counts, seen, rng), hints)
        best = models[0] if models else Model()
        wrong = np.flatnonzero(best.covers(cases) & ~best.agrees(cases, counts))
        if len(wrong) == 0:
            break
        seen = sorted({*seen, *wrong[:_ADDED].tolist()})
    else:
        best, models = Model(), []
    if not best.complete and len(seen) < len(counts) <= _MOST_SEEN:
        whole = explain(_data(cases, counts, range(len(counts)), rng), polynomials_of(best.pieces))
        every = Data(cases, counts, rng)
        if whole and total_bits(whole[0], every) < total_bits(best, every):
            best, models, seen = whole[0], whole, list(range(len(counts)))
    hidden = np.setdiff1d(np.arange(len(counts)), seen)
    covered = best.covers(cases)[hidden]
    right = best.agrees(cases, counts)[hidden]
    others = tuple(model for model in models if model != best and is_right(model, cases, counts))
    return Found(best, others, HeldBack(int(covered.sum()), int(right.sum())))


def _data(cases: Cases, counts: ObjectArray, rows: Sequence[int], rng: np.random.Generator) -> Data:
    index: IntArray = np.asarray(rows, dtype=np.int64)
    return Data(cases.take(index), counts[index], rng)


def is_right(model: Model, cases: Cases, counts: ObjectArray) -> bool:
    """Whether a formula is right wherever it holds."""
    return not (model.covers(cases) & ~model.agrees(cases, counts)).any()
