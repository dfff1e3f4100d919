"""Gradients of single entries of a network, as sparse rows in an order in which they tell coordinates one by another.

A member of the family of a gradient flow is the gradient of <w, g(theta, x)>. Unit cotangents w make those of single
entries; where the output is the sum of x_i v_i(theta) over all i, unit vectors x make those of each v_i.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from scipy import sparse

from lielaws.checker import reading
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.program import Leaves, Program
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.residues import Residues
from lielaws.checker.upper.listed import Listed, ListedRing
from lielaws.checker.upper.probes import Numbers, ProbeReader
from lielaws.errors import CertificateError

_LARGEST_PRIME = 2**23
_LONGEST = 2**8
"""so many products of centred residues below 2^23 add up to less than 2^52, which float64 numbers hold exactly"""
_LEVEL = 2
"""derivatives of all parameters at some probes are listed at first, so that fewer are looked at than without"""
_NONE = np.zeros(0, dtype=np.int64)
_MOST_ENTRIES = 4 * 10**7
"""of what is told, on the core: a gigabyte with what is made of it"""


@dataclass(frozen=True)
class Triangle:
    """Rows in an order: blocks of k rows tell k coordinates by those of earlier blocks and those of the core.

    told, core : the coordinates that blocks tell, in their order, and the others
    known : the rows of the blocks in reduced form, on the core, centred
    others : the other rows that are listed, on the core modulo those of the blocks
    """

    prime: int
    told: Any
    core: Any
    known: Any
    others: Any

    def on_core(self, rows: Any) -> Any:
        """Rows of residues (count, dimension) modulo those of the blocks, on the core."""
        rest, factors = rows[:, self.core], _centred(rows[:, self.told], self.prime)
        for start in range(0, len(self.told), _LONGEST):
            part = slice(start, start + _LONGEST)
            rest = (rest - (factors[:, part] @ self.known[part]).astype(np.int64)) % self.prime
        return rest


def entries_step(network: Network) -> int:
    """The step whose entries are picked: the factor of the data in a sum over all their entries, or the output."""
    steps, output = network.steps, network.program.output
    total = steps[output]
    if total.op == "scatter" and not total.shape and steps[total.inputs[0]].op == "contract":
        product = steps[total.inputs[0]]
        left, right, result = product.fixed.terms
        for leaf, factor in (product.inputs, product.inputs[::-1]):
            is_data = steps[leaf].op == "leaf" and steps[leaf].fixed[0] == "data"
            if left == right == result and is_data and leaf not in network.program.ancestors([factor]):
                return int(factor)
    return output


def read_triangle(
    section: Any, network: Network, numbers: Numbers, reader: ProbeReader, leaves: Leaves, budget: Budget
) -> Triangle:
    """Raises CertificateError unless the blocks tell coordinates in their order.

    leaves : parameters and constants at the point, residues with one sample
    """
    where = "upper.sparse"
    reading.table(section, where, {"probes", "stages", "core"})
    if network.flow.kind != "gradient" or network.row or numbers.prime is None or numbers.prime > _LARGEST_PRIME:
        remedy = f"it is for gradient flow, any loss, and primes below {_LARGEST_PRIME}"
        raise CertificateError(where, "a section", remedy)
    probes = reading.items(section["probes"], f"{where}.probes")
    step = entries_step(network)
    size = network.steps[step].size
    stages = _read_stages(section["stages"], len(probes) * size, network.dimension)
    others = reading.integers(section["core"], f"{where}.core", 0, len(probes) * size - 1)
    listed = np.concatenate([_NONE, *(rows.ravel() for rows, _ in stages), np.array(others, dtype=np.int64)])
    if len(np.unique(listed)) < len(listed):
        raise CertificateError(where, "its rows", "each may be listed once")
    rows = _rows(network, step, probes, reader, leaves, numbers.prime, budget)[listed]
    return _solved(rows, stages, network.dimension, numbers.prime, budget)


def _read_stages(value: Any, rows: int, dimension: int) -> list[tuple[Any, Any]]:
    """Rows and coordinates of each stage, (blocks, k)."""
    found = []
    for j, stage in enumerate(reading.items(value, "upper.sparse.stages")):
        where = f"upper.sparse.stages[{j}]"
        pair = reading.items(stage, where, 2)
        blocks = [reading.items(side, where) for side in pair]
        length = len(reading.items(blocks[0][0], where)) if blocks[0] else 0
        if not 0 < length <= _LONGEST or len(blocks[0]) != len(blocks[1]):
            remedy = f"as many rows as coordinates are needed in each, at most {_LONGEST}"
            raise CertificateError(where, "its blocks", remedy)
        limits = (rows - 1, dimension - 1)
        tables = [
            np.array([reading.integers(block, where, 0, most, length) for block in side], dtype=np.int64)
            for side, most in zip(blocks, limits, strict=True)
        ]
        found.append((tables[0], tables[1]))
    return found


def _rows(
    network: Network, step: int, probes: list[Any], reader: ProbeReader, leaves: Leaves, prime: int, budget: Budget
) -> Any:
    """The gradients of all entries at all probes, (probes * entries, dimension)."""
    count = len(probes)
    data, gates = reader.read_few(probes, "upper.sparse.probes")
    program = Program(network.steps, step)
    budget.charge(program.work * count, "upper.sparse", f"{count} probes")
    found = [sparse.csr_array((0, network.dimension), dtype=np.int64)]
    for some in network.batches(Residues(prime), count, "upper.sparse.probes", _LEVEL):
        values = leaves | {leaf: table[some] for leaf, table in data.items()}
        # All gates of the network are steps of this program as well, in the same order.
        chosen = [table[some] for table in gates]
        found.append(_gradients(network, program, values, chosen, ListedRing(prime, some.stop - some.start, budget)))
    return sparse.vstack(found, format="csr")


def _gradients(network: Network, program: Program, leaves: Leaves, gates: list[Any], ring: ListedRing) -> Any:
    """Those of all entries of the output of a program, sample by sample."""
    values = {leaf: ring.lift(table) for leaf, table in leaves.items()}
    first = 0
    for name, shape in network.parameters.items():
        values["parameter", name] = Listed.variable(values["parameter", name].value, first)
        first += math.prod(shape)
    try:
        found = program.forward(ring, values, lambda j, _: ring.lift(gates[j]))[program.output]  # type: ignore[arg-type]
    except ZeroDivisionError:
        raise CertificateError("upper.sparse", "a denominator", "one of the network vanishes at a probe") from None
    triples = (found.slope, (found.entry, found.along))
    matrix = sparse.coo_array(triples, shape=(found.value.size, network.dimension)).tocsr()
    matrix.data %= ring.prime
    matrix.eliminate_zeros()
    return matrix


def _solved(rows: Any, stages: list[tuple[Any, Any]], dimension: int, prime: int, budget: Budget) -> Triangle:
    where = "upper.sparse.stages"
    told = np.concatenate([_NONE, *(columns.ravel() for _, columns in stages)])
    if len(np.unique(told)) < len(told):
        raise CertificateError(where, "its coordinates", "each may be told once")
    core = np.setdiff1d(np.arange(dimension), told)
    if max(len(told), rows.shape[0]) * len(core) > _MOST_ENTRIES:
        raise CertificateError(where, f"{len(core)} coordinates that are not told", "they are too many")
    if np.diff(rows.indptr).max(initial=0) > _LONGEST:
        raise CertificateError("upper.sparse", "its rows", f"at most {_LONGEST} entries of one are summed exactly")
    budget.charge(4.0 * rows.nnz * len(core), "upper.sparse", "its rows")
    place, rest = rows[:, told], rows[:, core]
    centred = place.astype(np.float64)
    centred.data = _centred(centred.data, prime)
    known = np.zeros((len(told), len(core)))

    def modulo(some: slice) -> Any:
        """Rows without what is known; what is not known yet counts as zero."""
        return (rest[some].toarray() - (centred[some] @ known).astype(np.int64)) % prime

    start = 0
    for j, (blocks, _) in enumerate(stages):
        count, size = blocks.shape
        some = slice(start, start + count * size)
        inverses = _inverses(place[some], start, count, size, prime, f"{where}[{j}]", budget)
        budget.charge(2.0 * count * size * size * len(core), where, "its blocks")
        solved = inverses @ _centred(modulo(some), prime).reshape(count, size, len(core))
        known[some] = _centred(solved.astype(np.int64).reshape(count * size, -1) % prime, prime)
        start = some.stop
    return Triangle(prime, told, core, known, modulo(slice(start, None)))


def _inverses(rows: Any, start: int, count: int, size: int, prime: int, where: str, budget: Budget) -> Any:
    """The inverse of each block of some rows, centred; they have no coordinates of other blocks, and of later ones."""
    entries = rows.tocoo()
    column = entries.col - start
    if ((column >= 0) & (column // size != entries.row // size)).any():
        raise CertificateError(where, "its order", "its rows have coordinates that others tell, or later ones")
    budget.charge(60.0 * count * size**3 + 100.0 * count * size, where, "its blocks")
    blocks = np.zeros((count, size, size), dtype=np.int64)
    inside = column >= 0
    blocks[entries.row[inside] // size, entries.row[inside] % size, column[inside] % size] = entries.data[inside]
    try:
        found = [flint.nmod_mat(size, size, block.ravel().tolist(), prime).inv().entries() for block in blocks]
    except ZeroDivisionError:
        raise CertificateError(where, "a block", "it is not invertible, and tells nothing") from None
    return _centred(np.array([list(map(int, inverse)) for inverse in found]), prime).reshape(count, size, size)


def _centred(a: Any, prime: int) -> Any:
    """Residues between -p / 2 and p / 2, as float64 numbers."""
    return a - prime * (a > prime // 2).astype(np.float64)
