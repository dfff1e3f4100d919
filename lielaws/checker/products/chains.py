"""Products of three matrices or more: ranks that add up over pairs of clusters, computed again.

At a direct sum of small networks let the units of one cluster change their signs. The vector field of input j and
output i changes by the signs of both clusters, and so does an entry of the weights between two clusters. So a bracket
with an odd number of indices in A and in B each, and even numbers in others, has entries between A and B alone: rows of
different pairs have disjoint supports. Those of brackets with indices in A alone, and in A and one helper, have entries
inside of these; with the rows of the helper alone their matrix is block-triangular. Rows are those of the network of
the clusters that occur. The same holds of the gradients of the laws W_l W_l^T - W_{l+1}^T W_{l+1}. At generic values
all ranks are at least those at random ones modulo a prime, which are computed here, for each two kinds of clusters.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, pairwise
from typing import Any

import flint
import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.steps import Budget, contraction
from lielaws.checker.numbers.jets import Jets, moved, parts
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.errors import CertificateError

_MOST_KINDS, _MOST_UNITS = 64, 24
"""of clusters, and of units in one; networks of millions of parameters need a dozen kinds of a dozen units"""
_DEEPEST = 7
"""of brackets; networks of seven layers need six"""
_SPARE = 4
"""brackets beyond the number of dimensions that are missing, as some may be dependent by chance"""
_BITS = 30


def chain_ranks(stated: Any, widths: Sequence[int], budget: Budget) -> tuple[int, int]:
    """The rank of the gradients of laws, and what brackets leave open, summed up over all pairs of clusters."""
    kinds = _read_kinds(stated, widths)
    helper = min((kind for kind in kinds if all(kind)), key=sum, default=None)
    if helper is None:
        raise CertificateError("upper.clusters", stated, "one with units in all layers is needed")
    found = []
    for kind, count in kinds.items():
        found.append((count, _ranks([kind] if kind == helper else [kind, helper], (0, 0), budget)))
    for first, second in combinations_with_replacement(kinds, 2):
        number = kinds[first] * kinds[second] if first != second else kinds[first] * (kinds[first] - 1) // 2
        if number:
            is_there = kinds[helper] > (first, second).count(helper)
            found.append((number, _ranks([first, second, *[helper] * is_there], (0, 1), budget)))
    return sum(n * laws for n, (laws, _) in found), sum(n * left for n, (_, left) in found)


def _read_kinds(stated: Any, widths: Sequence[int]) -> dict[tuple[int, ...], int]:
    kinds: dict[tuple[int, ...], int] = {}
    where = "upper.clusters"
    if len(reading.items(stated, where)) > _MOST_KINDS:
        raise CertificateError(where, f"{len(stated)} kinds", f"at most {_MOST_KINDS} are checked")
    for k, entry in enumerate(stated):
        profile, count = reading.items(entry, f"{where}[{k}]", 2)
        kind = tuple(reading.integers(profile, f"{where}[{k}]", 0, _MOST_UNITS, len(widths)))
        if kind in kinds or not 0 < sum(kind) <= _MOST_UNITS:
            raise CertificateError(
                f"{where}[{k}]", profile, f"kinds that differ, of 1 to {_MOST_UNITS} units, are needed"
            )
        kinds[kind] = reading.integer(count, f"{where}[{k}]", 1, max(widths))
    sums = [sum(kind[layer] * count for kind, count in kinds.items()) for layer in range(len(widths))]
    if sums != list(widths):
        raise CertificateError(where, sums, f"the layers have {list(widths)} units")
    return kinds


def _ranks(kinds: Sequence[tuple[int, ...]], pair: tuple[int, int], budget: Budget) -> tuple[int, int]:
    """In the entries between two clusters, or inside of one: the rank of laws, and what brackets lack of the rest."""
    ring = Residues(random_prime(_BITS))
    owners = [np.repeat(np.arange(len(kinds)), counts) for counts in zip(*kinds, strict=True)]
    weights, between = [], []
    for tail, head in pairwise(owners):
        weights.append(ring.random((1, len(head), len(tail))) * (head[:, None] == tail))
        between.append(np.isin(head[:, None], pair) & np.isin(tail, pair) & _is_pair(head, tail, pair))
    columns = np.flatnonzero(np.concatenate([mask.ravel() for mask in between]))
    laws = _rank(_law_gradients(weights, owners, pair)[:, columns], ring.prime)
    missing, rows = len(columns) - laws, np.zeros((0, len(columns)), dtype=np.int64)
    found = 0
    for depth in range(1, _DEEPEST + 1):
        if found < missing:
            count = missing - found + _SPARE
            budget.charge(count * 3**depth * sum(mask.size for mask in between) * 40, "upper.clusters", list(kinds))
            rows = np.concatenate([rows, _brackets(ring, weights, count, depth)[:, columns]])
            found = _rank(rows, ring.prime)
    return laws, missing - found


def _is_pair(head: Any, tail: Any, pair: tuple[int, int]) -> Any:
    a, b = pair
    return (head[:, None] == a) & (tail == b) | (head[:, None] == b) & (tail == a)


def _rank(rows: Any, prime: int) -> int:
    count, columns = rows.shape
    return int(flint.nmod_mat(count, columns, rows.ravel().tolist(), prime).rank()) if rows.size else 0


def _law_gradients(weights: Sequence[Any], owners: Sequence[Any], pair: tuple[int, int]) -> Any:
    """Of <row i, row j of W_l> - <column i, column j of W_{l+1}>, with i and j in the two clusters."""
    found = []
    for layer in range(1, len(weights)):
        before, after = weights[layer - 1][0], weights[layer][0]
        for i in np.flatnonzero(owners[layer] == pair[0]):
            for j in np.flatnonzero(owners[layer] == pair[1]):
                slopes = [np.zeros_like(w[0]) for w in weights]
                for k, other in ((i, j), (j, i)):
                    slopes[layer - 1][k] += before[other]
                    slopes[layer][:, k] -= after[:, other]
                found.append(np.concatenate([slope.ravel() for slope in slopes]))
    return np.array(found, dtype=np.int64).reshape(-1, sum(w.size for w in weights))


def _brackets(ring: Residues, weights: Sequence[Any], count: int, depth: int) -> Any:
    """Rows of random brackets of a depth, each of as many random vector fields."""
    jets, rng = Jets(ring), np.random.default_rng(secrets.randbits(128))

    def drawn(size: int) -> Any:
        return rng.integers(0, ring.prime, (count, size), dtype=np.int64)

    ends = weights[0].shape[2], weights[-1].shape[1]
    fields = [(drawn(ends[0]), drawn(ends[1])) for _ in range(depth)]
    blocks = _bracket(jets, fields, list(weights))
    shapes = [(count, *w.shape[1:]) for w in weights]
    zero = [np.zeros(shape, dtype=np.int64) if b is None else b for b, shape in zip(blocks, shapes, strict=True)]
    return np.concatenate([np.broadcast_to(b, s).reshape(count, -1) for b, s in zip(zero, shapes, strict=True)], axis=1)


def _bracket(jets: Jets, fields: Sequence[tuple[Any, Any]], state: list[Any]) -> list[Any]:
    """[X_k, [.., [X_2, X_1]]] with [X, Y] = DY.X - DX.Y."""
    x = _field(jets, *fields[-1], state)
    if len(fields) == 1:
        return x
    y, y_along_x = parts(_bracket(jets, fields[:-1], moved(state, x)))
    _, x_along_y = parts(_field(jets, *fields[-1], moved(state, y)))
    return [jets.add(a, jets.scale(Fraction(-1), b)) for a, b in zip(y_along_x, x_along_y, strict=True)]


def _field(jets: Jets, x: Any, w: Any, state: list[Any]) -> list[Any]:
    """The gradient of w^T W_L .. W_1 x."""
    before, after = [x], [w]
    for weights in state[:-1]:
        before.append(_product(jets, "mn,n->m", weights, before[-1]))
    for weights in reversed(state[1:]):
        after.append(_product(jets, "mn,m->n", weights, after[-1]))
    return [_product(jets, "m,n->mn", v, u) for u, v in zip(before, reversed(after), strict=True)]


def _product(jets: Jets, subscripts: str, a: Any, b: Any) -> Any:
    return jets.contract(contraction(subscripts, _shape(a), _shape(b)), a, b)


def _shape(a: Any) -> tuple[int, ...]:
    while type(a) is tuple:
        a = a[0] if a[0] is not None else a[1]
    return tuple(a.shape[1:])
