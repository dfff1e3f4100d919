"""Vector fields with few components, with which a growth begins where they tell most of it.

The vector fields of a gradient flow are gradients of <w, g(theta, x)>. With a cotangent w that picks one entry of the
output, and with data and gates that have few entries other than zero, many have few components: those of networks that
are local or that look up rows, of factorizations, and of all that is given by its functions phi. Where the output is a
sum over the entries of x, as it is there, the factor of each entry is picked as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.closure.entry_gradients import Entries, EntryArithmetic, TooDenseError
from lielaws.engine.flows.fields import Point, VectorFields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.graph.contraction import parse_subscripts
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg.sparse import LONGEST_ROW, Peeling, peel

LEAST_SPARSE = 300
"""parameters; smaller spaces take as long modulo primes of 31 bits"""
# To draw data and gates takes as long as the dense elimination of this size.
_LEAST_DRAWN = 4000
MOST_SPARSE = 200_000
"""parameters; a core of one column in fifty takes gigabytes above"""
# Derivatives that are listed at once: 200 MB.
_MOST_ENTRIES = 8 * 10**6
# Random rows with a few entries each have full rank if there are twice as many; some are drawn twice.
_ROWS_PER_COLUMN = 3
# Samples that show whether rows are short at all.
_FIRST_SAMPLES = 16
_MOST_SAMPLES = 512
# Entries other than zero in a piece of data, and open gates in a layer.
_MOST_CHOSEN = 3
_SHARE_CHOSEN = 0.3
# Rows with more entries in the mean make a large core.
_LONGEST_MEAN = 64
# A larger share of columns is better eliminated as it is.
_LARGEST_CORE = 0.3


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Gradients of entries of the network at a point modulo a prime.

    samples : leaf -> (samples, *shape), the data and gates of each sample
    size : how many entries each sample has
    rows : (samples * size, D)
    peeling : the order in which they tell columns
    """

    samples: Mapping[Leaf, IntArray]
    size: int
    rows: sparse.csr_array
    peeling: Peeling

    @property
    def core(self) -> int:
        """The number of columns on which elimination is dense."""
        return len(self.peeling.core)


def entries_node(output: Node) -> Node:
    """The node whose entries are picked one by one: the factor of the data in a sum over their entries, or the output
    itself."""
    if output.op != "sum" or output.shape or output.inputs[0].op != "contract":
        return output
    product = output.inputs[0]
    left, right, result = parse_subscripts(product.static)
    for leaf, factor in (product.inputs, product.inputs[::-1]):
        is_data = leaf.op == "leaf" and leaf.static.role == "data"
        if left == right == result and is_data and leaf not in ancestors([factor]):
            return factor
    return output


def sparse_rows(fields: VectorFields, point: Point, rng: np.random.Generator) -> SparseRows | None:
    """Rows that are enough for nearly all of the rank at depth one; None if they are not sparse."""
    plain = isinstance(fields.flow, GradientFlow) and fields.potential.loss == "any" and fields.rational
    if not plain or fields.space.dimension > MOST_SPARSE or fields.listed is not None:
        return None
    with suppress(TooDenseError):
        return _drawn(fields, point, rng)
    return None


def _drawn(fields: VectorFields, point: Point, rng: np.random.Generator) -> SparseRows | None:
    node, dimension = entries_node(fields.potential.output), fields.space.dimension
    program = Program.of([node])
    free = [leaf for leaf in ancestors([node]) if leaf.op == "leaf" and leaf.static.role in ("data", "gate")]
    if free and dimension < _LEAST_DRAWN:
        return None
    wanted = -(-_ROWS_PER_COLUMN * dimension // max(1, node.size)) if free else 1
    parts: list[tuple[Mapping[Leaf, IntArray], sparse.csr_array]] = []
    drawn = 0
    while drawn < wanted:
        most = _FIRST_SAMPLES if not drawn else min(_MOST_SAMPLES, max(1, _MOST_ENTRIES // (4 * dimension)))
        count = min(wanted - drawn, most)
        samples = {leaf.static: _few(rng, point.prime, count, leaf) for leaf in free}
        rows = _rows(fields, program, point, samples, count)
        if not drawn and rows.nnz > _LONGEST_MEAN * rows.shape[0]:
            return None
        # Longer ones are not summed exactly.
        _clear(rows, np.diff(rows.indptr) > LONGEST_ROW)
        parts.append((samples, rows))
        drawn += count
    rows = sparse.vstack([rows for _, rows in parts], format="csr")
    peeling = peel(rows, point.prime)
    if len(peeling.core) > _LARGEST_CORE * dimension:
        return None
    samples = {leaf.static: np.concatenate([some[leaf.static] for some, _ in parts]) for leaf in free}
    return SparseRows(samples, node.size, rows, peeling)


def _rows(
    fields: VectorFields, program: Program, point: Point, samples: Mapping[Leaf, IntArray], count: int
) -> sparse.csr_array:
    """The gradients of all entries at some samples; zero at those at which a denominator vanishes."""
    arithmetic = EntryArithmetic(point.prime, count, _MOST_ENTRIES)
    values = {leaf: Entries.fixed(array) for leaf, array in samples.items()}
    for leaf, array in point.constants.items():
        values[leaf] = Entries.fixed(np.broadcast_to(array[0], (count, *array.shape[2:])))
    first = 0
    for node in fields.leaves:
        tensor = point.vector[0, 0][first : first + node.size].reshape(node.shape)
        values[node.static] = Entries.parameters(np.broadcast_to(tensor, (count, *node.shape)), first)
        first += node.size
    (found,) = program.run(arithmetic, values)
    rows = found.rows(fields.space.dimension, point.prime)
    if arithmetic.undefined is not None:
        _clear(rows, np.repeat(arithmetic.undefined, rows.shape[0] // count))
    return rows


def _clear(rows: sparse.csr_array, which: BoolArray) -> None:
    """Make some rows zero."""
    rows.data[np.repeat(which, np.diff(rows.indptr))] = 0
    rows.eliminate_zeros()


def _few(rng: np.random.Generator, prime: int, count: int, leaf: Node) -> IntArray:
    """Values with few entries other than zero, (count, *shape): gates are 1 there, data are any numbers."""
    found = np.zeros((count, leaf.size), dtype=np.int64)
    places = rng.integers(0, leaf.size, (count, _MOST_CHOSEN))
    numbers = 1 if leaf.static.role == "gate" else rng.integers(1, prime, places.shape)
    # One of them mostly.
    chosen = rng.random(places.shape) < _SHARE_CHOSEN
    chosen[:, 0] = True
    found[np.nonzero(chosen)[0], places[chosen]] = np.broadcast_to(numbers, places.shape)[chosen]
    return found.reshape(count, *leaf.shape)
