"""Products of three matrices or more: a rank for all widths from networks with a few units in each layer.

At a direct sum of small networks, clusters of units that nothing connects, let all units of one cluster change their
sign. A vector field of input j and output i changes by the signs of their clusters, and so do the entries of the
weights between two clusters; hence a bracket whose indices belong to clusters A and B an odd number of times, and to
others an even number of times, has its entries between A and B alone. Such brackets of different pairs have disjoint
supports, so that ranks add up over pairs. The rows are those of the network of the clusters whose indices occur: of A,
B and a helper, as here. With all numbers even, entries are inside of clusters. Those of one cluster, from brackets of
its own indices, and then those of the others, from brackets of their indices and of those of the first, add up as well:
the matrix of their rows is block-triangular. So do ranks of the gradients of the laws W_l W_l^T - W_{l+1}^T W_{l+1}.

If in each pair, and in each cluster, both ranks make up all entries, for values modulo a prime, they do so at a generic
direct sum, for all pairs at once; so the rank of all brackets is at least the dimension less the number of these laws.

Most clusters are chains, of one unit in some layers up to the output, or from the input on. Units that are left over
are put into chains, the same ones in neighbouring layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.closure.brackets import brackets_at
from lielaws.engine.flows.fields import VectorFields, vector_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.graph.network import trace
from lielaws.engine.linalg import Echelon, modular
from lielaws.engine.potential.potentials import build_potential

Profile = tuple[int, ...]
"""the units of a cluster in each layer, input and output included"""

# Brackets of four layers need five; one of depth seven costs 3^6 evaluations of a network of a few units.
_DEPTH_LIMIT = 7
# Of one cluster. Networks of millions of parameters need a dozen; larger ones take long, and no checker looks at them.
_MOST_UNITS = 24
# Entries of all evaluations of brackets of one depth: a second or so. Large clusters are left with a gap.
_MOST_WORK = 2 * 10**7
# Rows beyond those that are missing: random brackets meet every direction that there is.
_SPARE = 4


def clusters(widths: Sequence[int]) -> Iterator[Counter[Profile]]:
    """Profiles with their numbers, so that all widths are made up: several ways, of which one may serve."""
    chained = _chained(widths)
    full = min(chained[0] - sum(max(0, a - b) for a, b in pairwise(chained)), *chained)
    if full < 1:
        return
    # What all layers have beside full chains falls from the input on, and rises towards the output.
    rest = [n - full for n in chained]
    spare = rest[0] - sum(max(0, a - b) for a, b in pairwise(rest))
    falling = [rest[0]]
    for a, b in pairwise(rest):
        falling.append(falling[-1] - max(0, a - b) - (spare if len(falling) == 1 else 0))
    rising = [n - f for n, f in zip(rest, falling, strict=True)]
    chains = [tuple(int(k < n) for n in falling) for k in range(falling[0])]
    chains += [tuple(int(k < n) for n in rising) for k in range(rising[-1])]
    chains.sort(key=sum, reverse=True)
    whole = [(1,) * len(widths)] * full
    left = [n - m for n, m in zip(widths, chained, strict=True)]
    # What is left over joins long chains; not full ones, if there are others, as these help all others.
    found = [_filled(order, left) for order in ([*chains, *whole], [*whole, *chains])]
    # Two chains make one cluster, which serves where some of one alone do not.
    joined = [tuple(map(sum, zip(*pair, strict=True))) for pair in zip(chains[::2], chains[1::2], strict=False)]
    if joined:
        found.append(_filled([*joined, *chains[2 * len(joined) :], *whole], left))
    yield from (kinds for kinds in found if kinds is not None and max(map(sum, kinds)) <= _MOST_UNITS)


def _filled(profiles: Sequence[Profile], left: Sequence[int]) -> Counter[Profile] | None:
    """With the units of each layer that are left over, as many in each cluster that has some; None if none has."""
    found = [list(profile) for profile in profiles]
    for layer, number in enumerate(left):
        taken = [profile for profile in found if profile[layer]]
        if number and not taken:
            return None
        for k, profile in enumerate(taken if number else ()):
            profile[layer] += number // len(taken) + (k < number % len(taken))
    return Counter(map(tuple, found))


def _chained(widths: Sequence[int]) -> list[int]:
    """Widths that chains make up, at most the given ones."""
    found = list(widths)
    while found[0] - sum(max(0, a - b) for a, b in pairwise(found)) < 1 and max(found[1:-1]) > 1:
        top = max(found[1:-1])
        found = [found[0], *(min(n, top - 1) for n in found[1:-1]), found[-1]]
    return found


@dataclass(frozen=True)
class Blocks:
    """The rank of the gradients of laws, and what is missing from the rank of brackets to make up all entries."""

    laws: int
    missing: int


def chain_ranks(kinds: Counter[Profile], rng: np.random.Generator) -> Blocks:
    """The sums over all clusters and pairs of them."""
    helper = min((kind for kind in kinds if all(kind)), key=sum)
    found = []
    for kind, count in kinds.items():
        # The helper makes do without one.
        found.append((count, _Small([kind] if kind == helper else [kind, helper], rng).between(0, 0)))
    for first, second in combinations_with_replacement(kinds, 2):
        number = kinds[first] * kinds[second] if first != second else kinds[first] * (kinds[first] - 1) // 2
        if number:
            is_there = kinds[helper] > (first, second).count(helper)
            found.append((number, _Small([first, second, *[helper] * is_there], rng).between(0, 1)))
    return Blocks(sum(n * block.laws for n, block in found), sum(n * block.missing for n, block in found))


class _Small:
    """The network of a few clusters, at a direct sum modulo a prime."""

    def __init__(self, profiles: Sequence[Profile], rng: np.random.Generator) -> None:
        self._rng = rng
        # The cluster of each unit, layer by layer.
        self._owner = [np.repeat(np.arange(len(profiles)), counts) for counts in zip(*profiles, strict=True)]
        self._widths = [len(owner) for owner in self._owner]
        self._fields = _chain_fields(self._widths)
        self._prime = self._fields.prime()
        self._weights = [
            modular.residues(rng, self._prime, (m, n)) * (head[:, None] == tail)
            for (tail, head), (n, m) in zip(pairwise(self._owner), pairwise(self._widths), strict=True)
        ]
        vector = np.concatenate([weights.ravel() for weights in self._weights])
        self._point = self._fields.point_at(vector, self._prime)

    def between(self, a: int, b: int) -> Blocks:
        """The ranks in the entries between two clusters, or inside of one."""
        columns = np.flatnonzero(
            np.concatenate([self._between(layer, a, b).ravel() for layer in range(len(self._weights))])
        )
        laws = Echelon(len(columns), self._prime)
        laws.extend(self._law_gradients(a, b)[:, columns])
        missing = len(columns) - laws.rank
        rows = Echelon(len(columns), self._prime)
        for depth in range(1, _DEPTH_LIMIT + 1):
            work = (missing + _SPARE) * 3**depth * self._fields.space.dimension
            if rows.rank < missing and work < _MOST_WORK:
                words = [self._fields.choose(self._rng, missing + _SPARE, self._point) for _ in range(depth)]
                rows.extend(brackets_at(self._fields, words, self._point)[:, columns])
        return Blocks(laws.rank, missing - rows.rank)

    def _between(self, layer: int, a: int, b: int) -> IntArray:
        """The entries of a matrix between two clusters."""
        tail, head = self._owner[layer], self._owner[layer + 1]
        return np.asarray((head[:, None] == a) & (tail == b) | (head[:, None] == b) & (tail == a))

    def _law_gradients(self, a: int, b: int) -> IntArray:
        """Of the entries (i, j) of W_l W_l^T - W_{l+1}^T W_{l+1}, with i in a and j in b."""
        found = []
        for layer in range(1, len(self._widths) - 1):
            owner = self._owner[layer]
            for i in np.flatnonzero(owner == a):
                for j in np.flatnonzero(owner == b):
                    before, after = self._weights[layer - 1], self._weights[layer]
                    slopes = [np.zeros_like(weights) for weights in self._weights]
                    slopes[layer - 1][i] += before[j]
                    slopes[layer - 1][j] += before[i]
                    slopes[layer][:, i] -= after[:, j]
                    slopes[layer][:, j] -= after[:, i]
                    found.append(np.concatenate([slope.ravel() for slope in slopes]) % self._prime)
        dimension = sum(weights.size for weights in self._weights)
        return np.array(found, dtype=np.int64).reshape(-1, dimension)


def _chain_fields(widths: Sequence[int]) -> VectorFields:
    shapes = {f"W{layer}": (m, n) for layer, (n, m) in enumerate(pairwise(widths), start=1)}

    def network(p: object, x: object, ops: object) -> object:
        for name in shapes:
            x = p[name] @ x  # type: ignore[index]
        return x

    return vector_fields(GradientFlow(), build_potential(trace(network, shapes, {"x": (widths[0],)})))
