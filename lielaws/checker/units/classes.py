"""How many laws a network has whose hidden units are all gated, and which: the theorem, and its hypotheses.

The network is a sum over paths, from an input or a bias to an output, of products of one parameter for each step, of
the gates that are passed, and of one entry of the data. Where at most one parameter, and one way, leads from a unit to
another, a path is told by its gates and its entry of the data, so that the gradient of each product of parameters is a
vector field of the family. At the point of ones these are the rows of the matrix A of exponents. For A c = 0 the sum of
c_e theta_e^2 is a law. So there are as many laws as the kernel of A has dimensions, and no others.

A c = 0 says that c_e = p(head) - p(tail), with a function p of units that is 0 outside (inputs, biases, outputs), does
not change where no parameter is passed, and changes alike for all units that share a parameter. Units for which that
makes p equal are one class. Each class that is not the outside has a law: the squares of the parameters that lead to
it, minus those of the parameters that lead away. Different p have different c, as each class is reached by a path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lielaws.checker.units.routes import Block, Layer, Routes, refused

OUTSIDE = 0


@dataclass(frozen=True, eq=False)
class Tensor:
    """The classes that the parameters of a tensor lead to and away from; arrays that broadcast to its shape."""

    name: str
    heads: Any
    tails: Any


@dataclass(frozen=True, eq=False)
class Classes:
    """count : of classes, without the outside"""

    count: int
    tensors: list[Tensor]


def find_classes(routes: Routes) -> Classes:
    """Raises CertificateError if a hypothesis of the theorem fails."""
    for layer in routes.layers:
        _check_ways(layer)
        if layer.piece is not None:
            _check_gates(layer)
    live = _live(routes)
    builder = _Builder(routes, live)
    for layer in routes.layers:
        builder.add(layer)
    return builder.finished()


def _distinct(*keys: Any) -> Any:
    """For each of several tuples, how often it occurs."""
    if not len(keys[0]):
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort(keys)
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = np.logical_or.reduce([key[order][1:] != key[order][:-1] for key in keys])
    number = np.cumsum(new) - 1
    counts = np.empty(len(order), dtype=np.int64)
    counts[order] = np.bincount(number)[number]
    return counts


def _check_ways(layer: Layer) -> None:
    """One way at most between two units, and each result of a product at one place."""
    sums = layer.argument
    biases = np.zeros(layer.size, dtype=np.int64)
    seen: list[tuple[Block, Any]] = []
    for block, place in sums.parts:
        biases += block.is_bias & (place >= 0)
        if block.is_bias:
            continue
        if (_distinct(place[place >= 0]) > 1).any() or (_distinct(block.tail_group, block.unit) > 1).any():
            raise refused(f"two parameters of {block.name!r} lead from one unit to another, or one gate has two uses")
        there = place[sums.units.rows] >= 0
        added = block.group[place[sums.units.rows[there]]], sums.units.units[there]
        if _meet(added, (block.tail_group, block.unit)):
            raise refused("two ways lead from one unit to another")
        for other, places in seen:
            both = (place >= 0) & (places >= 0)
            # All entries of the same groups have the same units.
            pairs = np.unique([block.group[place[both]], other.group[places[both]]], axis=1)
            numbers = np.arange(pairs.shape[1])
            if _meet(_units_of(block, numbers, pairs[0]), _units_of(other, numbers, pairs[1])):
                raise refused("two ways lead from one unit to another")
        seen.append((block, place))
    if (biases > 1).any():
        raise refused("two biases are added")


def _meet(first: tuple[Any, Any], second: tuple[Any, Any]) -> bool:
    """Whether two lists of pairs (place, unit) have one in common."""
    width = 1 + max(units.max(initial=0) for _, units in (first, second))
    return bool(np.isin(first[0] * width + first[1], second[0] * width + second[1]).any())


def _units_of(block: Block, entries: Any, groups: Any) -> tuple[Any, Any]:
    """(entry, unit) for entries of a layer that belong to groups of a block."""
    order = np.argsort(block.tail_group, kind="stable")
    counts = np.bincount(block.tail_group, minlength=int(block.group.max(initial=-1)) + 1)
    chosen, starts = counts[groups], (np.cumsum(counts) - counts)[groups]
    within = np.arange(chosen.sum()) - np.repeat(np.cumsum(chosen) - chosen, chosen)
    return np.repeat(entries, chosen), block.unit[order[np.repeat(starts, chosen) + within]]


def _check_gates(layer: Layer) -> None:
    """Each gate has a product of a parameter and a unit, or a parameter, that no other gate has."""
    own = np.zeros(layer.size, dtype=np.bool_)
    for block, place in layer.argument.parts:
        there = np.flatnonzero(place >= 0)
        if block.is_bias:
            own[there] |= _distinct(place[there]) == 1
        else:
            single = _distinct(block.tail_cell, block.unit) == 1
            groups = np.zeros(int(block.group.max()) + 1, dtype=np.bool_)
            groups[block.tail_group[single]] = True
            own[there] |= groups[block.group[place[there]]]
    if not own.all():
        raise refused("two gates may have proportional arguments")


# Paths


def _live(routes: Routes) -> Any:
    """The units that some path passes."""
    reached = np.arange(routes.units) < routes.n_inputs
    for layer in routes.layers[:-1]:
        found = np.zeros(layer.size, dtype=np.bool_)
        sums = layer.argument
        found[sums.units.rows[reached[sums.units.units]]] = True
        for block, place in sums.parts:
            there = np.flatnonzero(place >= 0)
            if block.is_bias:
                found[there] = True
            else:
                groups = np.unique(block.tail_group[reached[block.unit]])
                found[there] |= np.isin(block.group[place[there]], groups)
        reached[layer.start : layer.start + layer.size] = found
    needed = np.zeros(routes.units, dtype=np.bool_)
    for layer in reversed(routes.layers):
        entries = _entries(layer, needed)
        wanted = np.zeros(layer.size, dtype=np.bool_)
        wanted[entries] = True
        sums = layer.argument
        needed[sums.units.units[wanted[sums.units.rows]]] = True
        for block, place in sums.parts:
            if not block.is_bias:
                groups = np.unique(block.group[place[entries][place[entries] >= 0]])
                needed[block.unit[np.isin(block.tail_group, groups)]] = True
    return reached & needed


def _entries(layer: Layer, needed: Any) -> Any:
    """The entries of a layer that are needed: all outputs."""
    if layer.piece is None:
        return np.arange(layer.size)
    return np.flatnonzero(needed[layer.start : layer.start + layer.size])


def components(count: int, first: Any, second: Any) -> Any:
    """The least number in the component of each number of a graph with these edges."""
    least = np.arange(count)
    while True:
        lower = np.minimum(least[first], least[second])
        new = least.copy()
        np.minimum.at(new, first, lower)
        np.minimum.at(new, second, lower)
        new = new[new]
        if np.array_equal(new, least):
            return least
        least = new


@dataclass
class _Builder:
    """Finds classes layer by layer; they have the numbers of the rows of `parent`, which only ever become fewer."""

    routes: Routes
    live: Any
    parent: Any = field(default_factory=lambda: np.zeros(1, dtype=np.int64))

    def __post_init__(self) -> None:
        self.label = np.where(np.arange(self.routes.units) < self.routes.n_inputs, OUTSIDE, -1)
        self.heads: list[tuple[Block, Any]] = []
        self.tails: dict[str, Any] = {}

    def add(self, layer: Layer) -> None:
        entries, known = _entries(layer, self.live), len(self.parent)
        number = np.full(layer.size, -1)
        number[entries] = known + np.arange(len(entries))
        count, first, second = known + len(entries), [], []
        sums = layer.argument
        chosen = (number[sums.units.rows] >= 0) & self.live[sums.units.units]
        first.append(number[sums.units.rows[chosen]])
        second.append(self.label[sums.units.units[chosen]])
        if layer.piece is None:
            first.append(number[entries])
            second.append(np.full(len(entries), OUTSIDE))
        heads = []
        for block, place in sums.parts:
            there = entries[place[entries] >= 0]
            results, size = place[there], int(np.prod(block.sizes(block.heads), dtype=np.int64))
            if len(np.unique(block.cell[results])) < size:
                raise refused(f"some entries of {block.name!r} are on no path")
            self.tails[block.name] = self._tails(block, results)
            first.append(number[there])
            second.append(count + block.cell[results])
            heads.append((block, count + np.arange(size)))
            count += size
        # New numbers stand for themselves until they are joined.
        parent = np.concatenate([self.parent, np.arange(known, count)])
        self.parent = components(count, np.concatenate([*first, np.arange(count)]), np.concatenate([*second, parent]))
        if layer.piece is not None:
            self.label[layer.start + entries] = number[entries]
        self.heads += heads

    def _tails(self, block: Block, results: Any) -> Any:
        """The classes of the units that meet the entries of a tensor, of which each meets one."""
        if block.is_bias:
            return np.zeros(1, dtype=np.int64)
        groups = np.unique(block.group[results])
        outputs = int(np.prod(block.sizes(block.heads), dtype=np.int64)) // self._batch(block)
        if len(results) < outputs * len(groups):
            raise refused(f"behind {block.name!r} paths pass other positions of some units than of others")
        used = self.live[block.unit] & np.isin(block.tail_group, groups)
        cell, label = block.tail_cell[used], self.parent[self.label[block.unit[used]]]
        size = int(np.prod(block.sizes(block.tails), dtype=np.int64))
        found = np.full(size, -1)
        found[cell] = label
        if (found < 0).any():
            raise refused(f"some entries of {block.name!r} are on no path")
        if (found[cell] != label).any():
            raise refused(f"units of several classes meet one entry of {block.name!r}")
        # All positions of a cell of heads are held together by parameters that two of them have.
        held = components(size + int(block.group.max()) + 1, cell, size + block.tail_group[used])[size + groups]
        if len(np.unique(held)) > len(np.unique(groups // self._positions(block))):
            raise refused(f"positions share no entry of {block.name!r}")
        return found

    def _batch(self, block: Block) -> int:
        """The number of indices that parameters, units and result have in common."""
        both = [x for x in block.heads if x in block.tails]
        return int(np.prod(block.sizes("".join(both)), dtype=np.int64))

    def _positions(self, block: Block) -> int:
        """The number of groups for each of these."""
        return (int(block.group.max()) + 1) // self._batch(block)

    def finished(self) -> Classes:
        live = np.unique(self.parent[self.label[self.live]])
        number = np.full(len(self.parent), -1)
        number[OUTSIDE] = OUTSIDE
        number[live[live != OUTSIDE]] = np.arange(1, (live != OUTSIDE).sum() + 1)
        tensors = []
        for block, heads in self.heads:
            tails = self.tails[block.name]
            tensors.append(
                Tensor(
                    block.name,
                    _arranged(number[self.parent[heads]], block, block.heads),
                    _arranged(number[self.parent[tails]], block, block.tails),
                )
            )
        return Classes(int((live != OUTSIDE).sum()), tensors)


def _arranged(labels: Any, block: Block, letters: str) -> Any:
    """Labels by the letters of a cell, as an array that broadcasts to the tensor."""
    kept = [x for x in block.letters if x in letters]
    found = labels.reshape(block.sizes(letters)).transpose([letters.index(x) for x in kept])
    return found.reshape([n if x in letters else 1 for x, n in zip(block.letters, block.shape, strict=True)])


def unit_sums(classes: Classes, arrays: dict[str, Any], prime: int) -> Any:
    """For each class the entries of arrays that lead to it, minus those that lead away, modulo a prime."""
    found = np.zeros(classes.count + 1, dtype=np.int64)
    for tensor in classes.tensors:
        array = arrays[tensor.name]
        for labels, sign in ((tensor.heads, 1), (tensor.tails, -1)):
            axes = tuple(k for k, (n, m) in enumerate(zip(labels.shape, array.shape, strict=True)) if n < m)
            np.add.at(found, labels.ravel(), sign * (array.sum(axis=axes) % prime).ravel())
    return found[OUTSIDE + 1 :] % prime


def summed_axes(routes: Routes, length: int) -> Iterator[tuple[str, int]]:
    """With cross-entropy: the tensors that lead to outputs, and their axis along which the output is another one."""
    layer = routes.layers[-1]
    if len(layer.argument.units.rows):
        raise refused("units are outputs")
    for block, place in layer.argument.parts:
        there = np.flatnonzero(place >= 0)
        number = np.full(int(np.prod(block.sizes(block.heads), dtype=np.int64)), -1)
        number[block.cell[place[there]]] = there % length
        if (number[block.cell[place[there]]] != there % length).any():
            raise refused(f"an entry of {block.name!r} leads to several outputs")
        found = _arranged(number, block, block.heads)
        axes = []
        for axis, n in enumerate(found.shape):
            line = np.arange(length).reshape([-1 if k == axis else 1 for k in range(found.ndim)])
            if n == length and (found == line).all():
                axes.append(axis)
        if len(axes) != 1:
            raise refused(f"{block.name!r} has no entries of their own for each output")
        yield block.name, axes[0]
