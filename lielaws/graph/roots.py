"""Base points at which all square roots exist modulo the prime.

Where a root does not exist, only the sources that enter with it are drawn again: a block with many roots would
otherwise need one draw in 2^roots. Roots that share all their sources, as those of the channels of a batch
normalization, are found together along a line through the sources, on which their arguments are polynomials that are
cheap to evaluate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import ExactnessError
from lielaws.graph.drawing import Drawing
from lielaws.graph.draws import Draw, StuckError
from lielaws.graph.node import Leaf, Node
from lielaws.graph.plan import Plan
from lielaws.graph.program import Program
from lielaws.graph.sources import SAMPLE, Sources
from lielaws.linalg import modular
from lielaws.numbers.dependence import ZERO
from lielaws.numbers.modular import BadPrimeError

IntArray = npt.NDArray[np.int64]
DrawLeaf = Callable[[Node, np.random.Generator, int, int], IntArray]

_MOST_TRIES = 20_000
_LONGEST_STREAK = 36
_MOST_PASSES = 400
_ALONE = 12
_LINE_DEGREE = 3
_LINE_ROOTS = range(3, 19)
_LINE_CANDIDATES = 2**16
_LINE_ROUNDS = 64


@dataclass(frozen=True, slots=True)
class Task:
    """One drawing.

    draw : what is drawn, of the scope; it is changed in place
    other : the draw of the other scope, which stays as it is
    draw_leaf : gives new values of a leaf
    """

    draw: Draw
    other: Draw
    scope: int
    rng: np.random.Generator
    prime: int
    draw_leaf: DrawLeaf

    def at(self, chosen: IntArray) -> tuple[Draw, Draw]:
        """The draws of the state and of the sample, of some samples only."""
        mine = self.draw.select(chosen)
        theirs = self.other.select(chosen) if self.scope == SAMPLE and self.other.count > 1 else self.other
        return (theirs, mine) if self.scope == SAMPLE else (mine, theirs)


@dataclass(frozen=True, slots=True)
class _Root:
    """One node of roots: the sources of its entries in the scope, and those of them that no earlier root has."""

    node: Node
    sources: tuple[int, ...]
    fresh: tuple[int, ...]
    inside: npt.NDArray[np.bool_]


def complete(task: Task, sources: Sources, plan: Plan) -> Draw:
    """The draw of a task, changed until every root of its scope exists.

    Raises BadPrimeError if a root does not exist whatever is drawn, and ExactnessError if no draw was found.
    """
    roots = _roots(sources, task.scope)
    for _ in range(_MOST_PASSES if roots else 0):
        again = False
        for root in roots:
            again |= _Repair(task, sources, plan, root).run()
        if not again:
            return task.draw
    if roots:
        raise ExactnessError("no base point was found at which all square roots exist modulo the prime")
    return task.draw


def _roots(sources: Sources, scope: int) -> list[_Root]:
    found, used = [], 0
    mine = sources.scopes[scope] if sources.roots else 0
    for node, masks in sources.roots:
        inside = np.array([sources.in_scope(mask, scope) for mask in masks])
        if not inside.any():
            continue
        own = tuple(0 if mask == ZERO else mask & mine for mask in masks)
        fresh = []
        for mask in own:
            fresh.append(mask & ~used)
            used |= mask
        found.append(_Root(node, own, tuple(fresh), inside))
    return found


class _Repair:
    """Draws again what enters with one node of roots, where they fail."""

    def __init__(self, task: Task, sources: Sources, plan: Plan, root: _Root) -> None:
        self._task, self._sources, self._plan, self._root = task, sources, plan, root
        self._program = Program.of([root.node])

    def run(self) -> bool:
        """Whether an earlier root may have been changed by it."""
        root, task = self._root, self._task
        pending, shared = np.arange(task.draw.count), False
        lines = len(root.sources) in _LINE_ROOTS
        streaks = np.zeros((task.draw.count, root.node.size), dtype=np.int64)
        for tries in range(_MOST_TRIES):
            failed = self._failures(pending)
            streaks[pending] = np.where(failed, streaks[pending] + 1, 0)
            bad = failed.any(axis=1)
            if not bad.any():
                return shared
            if streaks.max() > _LONGEST_STREAK:
                # Nothing that can be redrawn here decides whether the root exists, so another state is needed.
                stuck = np.flatnonzero(streaks.max(axis=1) > _ALONE)
                raise StuckError(f"a square root of shape {root.node.shape} does not exist at this state", stuck)
            pending, failed = pending[bad], failed[bad]
            # What enters here may cancel, as exp in a softmax over one token: then all sources are drawn.
            alone = [bool(fresh) and tries < _ALONE for fresh in root.fresh]
            if lines and tries >= 2 and not all(alone):
                shared = True
                lines = self._search_lines(pending)
                continue
            for entry in np.flatnonzero(failed.any(axis=0)).tolist():
                shared |= not alone[entry]
                self._redraw(root.fresh[entry] if alone[entry] else root.sources[entry], pending[failed[:, entry]])
        raise ExactnessError(f"no square root of shape {root.node.shape} was found to exist modulo the prime")

    def _failures(self, pending: IntArray) -> npt.NDArray[np.bool_]:
        state, sample = self._task.at(pending)
        drawing = Drawing(self._task.prime, self._plan, state, sample)
        self._program.run(drawing, drawing.leaves)
        node = self._root.node
        return np.broadcast_to(drawing.failed[node.serial], (len(pending), node.size)) & self._root.inside

    def _entries(self, mask: int) -> list[tuple[Node, list[int]]]:
        """The leaves of the scope with the entries that the mask has."""
        bits, leaves = self._sources.bits, self._task.draw.leaves
        found = [
            (node, [k for k in range(node.size) if mask >> (bits[node.static] + k) & 1])
            for node in self._sources.leaves
            if node.static in leaves
        ]
        return [(node, entries) for node, entries in found if entries]

    def _redraw(self, mask: int, samples: IntArray) -> None:
        task = self._task
        for node, entries in self._entries(mask):
            flat = task.draw.leaves[node.static].reshape(1, task.draw.count, -1)
            values = task.draw_leaf(node, task.rng, len(samples), task.prime).reshape(1, len(samples), -1)
            flat[0, samples[:, None], entries] = values[0][:, entries]
        for kind, array in task.draw.free.values.items():
            start = self._sources.generators[(task.scope, kind)]
            for k in range(array.shape[2]):
                if mask >> (start + k) & 1:
                    array[0, samples, k] = modular.residues(task.rng, task.prime, (len(samples),), 1)

    # Lines

    def _search_lines(self, pending: IntArray) -> bool:
        """Move each sample along a random line to where all roots exist.

        False where arguments are no polynomials there, or only gates can change them.
        """
        task, p = self._task, self._task.prime
        mask = 0
        for own in self._root.sources:
            mask |= own
        entries = [(node, chosen) for node, chosen in self._entries(mask) if node.static.role in ("data", "parameter")]
        if not entries:
            return False
        lines = [_Line.of(task, node.static, chosen, pending) for node, chosen in entries]
        points = []
        for t in range(_LINE_DEGREE + 2):
            for line in lines:
                line.move(t)
            points.append(self._arguments(pending))
        coefficients = _interpolated(points, p)
        places = None if coefficients is None else _residue_places(coefficients, task.rng, p)
        for line in lines:
            line.move(0 if places is None else places)
        return places is not None

    def _arguments(self, pending: IntArray) -> IntArray:
        """The arguments of those roots that belong to the scope, (samples, entries)."""
        state, sample = self._task.at(pending)
        argument = self._root.node.inputs[0]
        drawing = Drawing(self._task.prime, self._plan, state, sample)
        (value,) = Program.of([argument]).run(drawing, drawing.leaves)
        flat = np.broadcast_to(value.reshape(1, value.shape[1], -1), (1, len(pending), argument.size))[0]
        inside: IntArray = flat[:, self._root.inside]
        return inside


@dataclass(frozen=True, slots=True)
class _Line:
    """A line through some entries of a leaf, one for each of some samples."""

    flat: IntArray
    samples: IntArray
    entries: list[int]
    base: IntArray
    direction: IntArray
    prime: int

    @classmethod
    def of(cls, task: Task, leaf: Leaf, entries: list[int], samples: IntArray) -> _Line:
        flat = task.draw.leaves[leaf].reshape(1, task.draw.count, -1)
        base = flat[0, samples[:, None], entries]
        return cls(flat, samples, entries, base, modular.residues(task.rng, task.prime, base.shape), task.prime)

    def move(self, t: Any) -> None:
        """Put the samples at parameter t, one number or one for each sample."""
        steps = np.broadcast_to(np.asarray(t, dtype=self.base.dtype), (len(self.samples),))[:, None]
        self.flat[0, self.samples[:, None], self.entries] = (self.base + steps * self.direction) % self.prime


def _interpolated(points: list[IntArray], p: int) -> list[IntArray] | None:
    """The coefficients of polynomials with these values at 0, 1, .., from the constant one on.

    None if the degree is not below the number of points minus one.
    """
    divided = list(points)
    for step in range(1, len(divided)):
        inverse = pow(step, -1, p)
        divided[step:] = [
            (after - before) * inverse % p for before, after in zip(divided[step - 1 :], divided[step:], strict=False)
        ]
    if np.any(divided[-1]):
        return None
    coefficients = [divided[-2]]
    for t in range(len(divided) - 3, -1, -1):
        # Newton's form, multiplied out: previous * (x - t) + divided[t].
        shifted = [
            -t * coefficients[0] % p,
            *((a - t * b) % p for a, b in pairwise(coefficients)),
        ]
        coefficients = [*shifted, coefficients[-1]]
        coefficients[0] = (coefficients[0] + divided[t]) % p
    return coefficients


def _residue_places(coefficients: list[IntArray], rng: np.random.Generator, p: int) -> IntArray:
    """For each sample a t at which all its polynomials are nonzero squares modulo p."""
    samples, entries = coefficients[0].shape
    return np.array([_residue_place([c[k] for c in coefficients], entries, rng, p) for k in range(samples)])


def _residue_place(coefficients: list[IntArray], entries: int, rng: np.random.Generator, p: int) -> Any:
    for _ in range(_LINE_ROUNDS):
        places = modular.residues(rng, p, (min(2 ** (entries + 2), _LINE_CANDIDATES),))
        for entry in range(entries):
            value = np.zeros_like(places)
            for coefficient in reversed(coefficients):
                value = (value * places + coefficient[entry]) % p
            # Each root halves what is left to be tried for the next one.
            places = places[modular.power(value, (p - 1) // 2, p) == 1]
            if not len(places):
                break
        if len(places):
            return places[0]
    raise BadPrimeError("no base point was found at which all square roots exist")
