"""Laws of the units of a gated network, made one by one when somebody asks for one, and evaluated all at once.

The law of a unit, or of a channel, is the sum of the squares of the parameters that lead to it, minus that of those
that lead away from it. With cross-entropy the sums of the last parameters over the outputs are laws as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from lielaws.arraytypes import FloatArray, IntArray
from lielaws.checks import tensor
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.atoms import join_terms
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.lazy_laws import LazyLaws
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.presentation import LawGroup, unit_scope
from lielaws.engine.paths.unit_classes import OUTSIDE, Classes, Edges

_Slot = tuple[str, int, int, int, int, int]
"""tensor, sign, axes, the axis of the unit, its number of entries there, and by how much the first one is shifted"""


class UnitLaws(LazyLaws):
    """All laws: sums over outputs first, then those of units in the order of evaluation."""

    def __init__(self, classes: Classes, space: StateSpace) -> None:
        self.classes, self.space = classes, space

    def __len__(self) -> int:
        return self.classes.n_sums + self.classes.count

    def law(self, number: int) -> Law:
        terms: dict[tuple[int, ...], int] = {}
        if number >= self.classes.n_sums:
            unit = number - self.classes.n_sums + 1
            for edges in self.classes.edges:
                for labels, sign in ((edges.heads, 1), (edges.tails, -1)):
                    for k in self._entries(edges, np.argwhere(labels == unit), labels.shape).tolist():
                        terms[k, k] = terms.get((k, k), 0) + sign
        else:
            for name, axis in self.classes.sums:
                shape = self.space.shapes[name]
                count = math.prod(shape) // shape[axis]
                if 0 <= number < count:
                    before = math.prod(shape[axis + 1 :])
                    first = number // before * before * shape[axis] + number % before
                    terms = {(self.space.offsets[name] + first + k * before,): 1 for k in range(shape[axis])}
                number -= count
        return Law(Polynomial.of(terms), self.space)

    def _entries(self, edges: Edges, places: IntArray, label_shape: tuple[int, ...]) -> IntArray:
        """The coordinates of the entries of a tensor whose labels stand at some places."""
        strides = np.cumprod([1, *edges.shape[:0:-1]])[::-1][: len(edges.shape)]
        found = self.space.offsets[edges.name] + places @ strides
        for size, full, stride in zip(label_shape, edges.shape, strides.tolist(), strict=True):
            if size < full:
                found = (found[:, None] + stride * np.arange(full)).ravel()
        return np.asarray(found)

    # All at once

    def evaluate(self, params: Mapping[str, Any]) -> FloatArray:
        """The values of all laws at parameters, in the order of the laws."""
        arrays = {edges.name: tensor("params", params, edges.name, edges.shape) for edges in self.classes.edges}
        sums = [arrays[name].sum(axis=axis).ravel() for name, axis in self.classes.sums]
        return np.concatenate([*sums, self._by_unit({name: array**2 for name, array in arrays.items()})])

    def changes(self, point: IntArray, field: IntArray, prime: int) -> IntArray:
        """<grad h, X> modulo a prime for all laws, from a point and a vector there."""
        space = self.space
        fields, products = space.split(field), space.split(point * field % prime)
        sums = [fields[name].sum(axis=axis).ravel() for name, axis in self.classes.sums]
        return np.concatenate([*sums, 2 * self._by_unit(products)]) % prime

    def _by_unit(self, arrays: Mapping[str, Any]) -> Any:
        """The sum of the entries that lead to each unit, minus that of those that lead away."""
        found = np.zeros(self.classes.count + 1, dtype=np.result_type(*arrays.values()))
        for edges in self.classes.edges:
            for labels, add in ((edges.heads, np.add), (edges.tails, np.subtract)):
                free = tuple(k for k, (n, m) in enumerate(zip(labels.shape, edges.shape, strict=True)) if n < m)
                add.at(found, labels.ravel(), arrays[edges.name].sum(axis=free).ravel())
        return found[OUTSIDE + 1 :]

    def combines(self, gradient: IntArray, point: IntArray, prime: int) -> bool:
        """Whether a vector is a combination of the gradients of the laws at a point modulo a prime.

        Its entries are 2 theta_e (a_head - a_tail), with a number a for each class that is 0 outside, and one number
        more for each sum over outputs. Each class is reached from the outside by parameters that lead to units.
        """
        space, last = self.space, dict(self.classes.sums)
        given, factors = space.split(gradient), space.split(2 * point % prime)
        known: dict[int, int] = {OUTSIDE: 0}
        ways = list(self._ways())
        while len(known) <= self.classes.count:
            for name, place, head, tail in ways:
                if head not in known and tail in known:
                    slope = int(given[name].ravel()[place]) * pow(int(factors[name].ravel()[place]), -1, prime)
                    known[head] = (known[tail] + slope) % prime
        numbers = np.array([known[unit] for unit in range(self.classes.count + 1)], dtype=np.int64)
        for edges in self.classes.edges:
            differences = (numbers[edges.heads] - numbers[edges.tails]) % prime
            rest = (given[edges.name] - factors[edges.name] * differences) % prime
            if edges.name in last:
                rest = rest - rest.take([0], axis=last[edges.name])
            if rest.any():
                return False
        return True

    def _ways(self) -> Iterator[tuple[str, int, int, int]]:
        """For each two classes with a parameter from one to the other: tensor, entry, head and tail."""
        last, count = dict(self.classes.sums), self.classes.count + 1
        for edges in self.classes.edges:
            if edges.name not in last:
                pairs = np.broadcast_to(edges.heads * count + edges.tails, edges.shape)
                for pair, place in zip(*(array.tolist() for array in np.unique(pairs, return_index=True)), strict=True):
                    head, tail = divmod(pair, count)
                    yield edges.name, place, head, tail

    # As a person writes them

    @cached_property
    def groups(self) -> tuple[LawGroup, ...]:
        return (*self._groups_of_sums(), *self._groups_of_units())

    def _groups_of_sums(self) -> Iterator[LawGroup]:
        start = 0
        for name, axis in self.classes.sums:
            shape = self.space.shapes[name]
            count = math.prod(shape) // shape[axis]
            letters = dict(zip([k for k in range(len(shape)) if k != axis], "kl", strict=False))
            slices = f"{name}[{','.join(letters.get(k, ':') for k in range(len(shape)))}]" if len(shape) > 1 else name
            scope = (
                "for each entry along the other axes" if len(shape) > 2 else f"for each k in {unit_scope(range(count))}"
            )
            symmetry = f"{slices} -> {slices} + s"
            yield LawGroup(f"sum {slices}", scope if count > 1 else "", symmetry, self[start : start + count])
            start += count

    def _groups_of_units(self) -> Iterator[LawGroup]:
        slots = self._slots()
        units = range(1, self.classes.count + 1)
        for form, some in groupby(units, key=lambda unit: slots[unit][0]):
            members = list(some)
            laws = self[self.classes.n_sums + members[0] - 1 : self.classes.n_sums + members[-1]]
            numbers = [slots[unit][1] for unit in members]
            if any(slot[2] < 0 for slot in form):
                yield LawGroup(
                    "sum of squares into a unit minus sum of squares out of it", f"for {len(members)} units", "", laws
                )
                continue
            letter = "k" if len(members) > 1 else str(numbers[0])
            texts = [(slot[1], _slice(slot, letter, numbers[0])) for slot in form]
            joins = any(sign > 0 for sign, _ in texts) and any(sign < 0 for sign, _ in texts)
            each = f"for each {'hidden unit k' if joins else 'k'} in {unit_scope(numbers)}" if len(members) > 1 else ""
            text = join_terms(
                (sign, f"|{name}|^2" if ":" in name or ".." in name else f"{name}^2") for sign, name in texts
            )
            symmetry = ", ".join(f"{name} -> e^({'-' * (sign < 0)}s) {name}" for sign, name in texts)
            yield LawGroup(text, each, symmetry, laws)

    def _slots(self) -> dict[int, tuple[tuple[_Slot, ...], int]]:
        """For each unit which slices of tensors its law has, up to its number, and this number."""
        found: dict[int, list[tuple[str, int, int, int, int, int]]] = {}
        for edges in self.classes.edges:
            for labels, sign in ((edges.heads, 1), (edges.tails, -1)):
                for unit, axis, first, length in _runs(labels, edges.shape):
                    found.setdefault(unit, []).append((edges.name, sign, len(edges.shape), axis, length, first))
        numbered = {}
        for unit, slots in found.items():
            slots.sort(key=lambda slot: -slot[1])
            number = slots[0][5] // slots[0][4]
            form = tuple((*slot[:5], slot[5] - number * slot[4]) for slot in slots)
            numbered[unit] = form, number
        return numbered


def _runs(labels: IntArray, shape: tuple[int, ...]) -> Iterator[tuple[int, int, int, int]]:
    """The units in an array of labels: unit, the axis along which it has a run of entries, its start and its length.

    The axis is -1 where it has entries elsewhere as well.
    """
    along = [axis for axis, size in enumerate(labels.shape) if size == shape[axis]]
    wide = [axis for axis in along if shape[axis] > 1] or along[:1]
    flat = labels.ravel()
    order = np.argsort(flat, kind="stable")
    units, firsts, counts = np.unique(flat[order], return_index=True, return_counts=True)
    for unit, first, count in zip(units.tolist(), firsts.tolist(), counts.tolist(), strict=True):
        if unit != OUTSIDE:
            start, end = int(order[first]), int(order[first + count - 1])
            is_run = len(wide) == 1 and end - start == count - 1
            yield unit, wide[0] if is_run else -1, start, count


def _slice(slot: _Slot, letter: str, number: int) -> str:
    """Such as W2[:,k]; W3[:,16k..16k+15] for a unit that has several entries along the axis."""
    name, _, axes, axis, length, shift = slot
    first = number * length + shift
    if letter != "k":
        index = f"{first}..{first + length - 1}" if length > 1 else str(first)
    else:
        scaled = f"{length}k" if length > 1 else "k"
        index = scaled + (f"{shift:+d}" if shift else "")
        if length > 1:
            index += f"..{scaled}{shift + length - 1:+d}"
    return f"{name}[{','.join(index if k == axis else ':' for k in range(axes))}]"
