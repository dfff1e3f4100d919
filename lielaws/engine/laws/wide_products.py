"""Products of two parameters that may be in a quadratic law of a large sparse network.

Signs split all products into blocks, and no law mixes two of them (`characters`). Most blocks are out of question: the
gradient of a law is in the complement of the brackets, and a vector there that is zero on columns of full rank is zero.
So a law has an entry in each of as many sets of such columns as can be told apart, and a block needs at least as many
parameters.
"""

from __future__ import annotations

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.laws.ansatz import Ansatz, Labels
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import dense

# Pairs are sorted by their labels: a few hundred megabytes.
_MOST_PAIRS = 2 * 10**7
# Of all blocks together; their systems are dense.
_MOST_PRODUCTS = 10**5


def wide_products(labels: Labels, complement: IntArray, prime: int) -> Ansatz:
    """The products of blocks with enough parameters.

    complement : at a point modulo a prime, as rows
    """
    dimension = len(labels)
    name, table = "products of parameters in wide blocks", None
    if dimension * (dimension + 1) // 2 <= _MOST_PAIRS:
        products = _in_wide_blocks(labels, _sets_of_full_rank(complement, prime))
        if 0 < len(products) <= _MOST_PRODUCTS:
            ones, owners = np.ones(len(products), dtype=np.int64), np.arange(len(products))
            table = TermTable(dimension, products, ones, owners)
    return Ansatz(name, 2, table)


def _sets_of_full_rank(complement: IntArray, prime: int) -> int:
    """How many disjoint sets of columns of full rank there are, found one after the other."""
    order = np.random.default_rng(0).permutation(complement.shape[1])
    rest, count = complement[:, order], 0
    while rest.shape[1]:
        _, pivots = dense.rref(np.ascontiguousarray(rest), prime)
        if len(pivots) < len(complement):
            break
        rest, count = np.delete(rest, pivots, axis=1), count + 1
    return count


def _in_wide_blocks(labels: Labels, least: int) -> IntArray:
    """All pairs (count, 2) of the blocks with so many parameters at least."""
    left, right = np.triu_indices(len(labels))
    codes = labels[left] ^ labels[right]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, codes[order][1:] != codes[order][:-1]])
    found = [np.zeros((0, 2), dtype=np.int64)]
    for start, length in zip(starts, np.diff(np.r_[starts, len(order)]), strict=True):
        # A product has two parameters at most.
        if 2 * length < least:
            continue
        chosen = order[start : start + length]
        pairs = np.stack([left[chosen], right[chosen]], axis=1)
        if len(np.unique(pairs)) >= least:
            found.append(pairs)
    return np.concatenate(found)
