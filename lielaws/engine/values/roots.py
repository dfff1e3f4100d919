"""Base points at which all square roots exist modulo the prime.

Where a root does not exist, only the sources that enter with it are drawn again: a block with many roots would
otherwise need one draw in 2^roots. Roots that share all their sources, as those of the channels of a batch
normalization, are found together along a line through the sources, on which their arguments are polynomials that are
cheap to evaluate; of the many points there, one is taken at which those of later layers exist, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.dependence import ZERO
from lielaws.engine.graph.node import Node
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import modular
from lielaws.engine.values.drawing import Drawing
from lielaws.engine.values.draws import Draw, StuckError
from lielaws.engine.values.lines import Line, interpolated, residue_places
from lielaws.engine.values.plan import Plan
from lielaws.engine.values.sources import SAMPLE, Sources
from lielaws.errors import ExactnessError

IntArray = npt.NDArray[np.int64]
DrawLeaf = Callable[[Node, np.random.Generator, int, int], IntArray]

_MOST_TRIES = 20_000
_LONGEST_STREAK = 36
_MOST_PASSES = 400
_ALONE = 12
_LINE_DEGREE = 3
_LINE_ROOTS = range(3, 19)
_MOST_PLACES = 1024


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
        for k, root in enumerate(roots):
            again |= _Repair(task, sources, plan, root, roots[:k], roots[k + 1 :]).run()
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

    def __init__(
        self,
        task: Task,
        sources: Sources,
        plan: Plan,
        root: _Root,
        earlier: Sequence[_Root] = (),
        later: Sequence[_Root] = (),
    ) -> None:
        self._task, self._sources, self._plan, self._root = task, sources, plan, root
        self._program = Program.of([root.node])
        # Roots that come after others which are found on lines are best looked for among the points of those.
        self._coupled = any(_is_on_lines(other) for other in earlier)
        self._later = [other for other in later if _is_on_lines(other) and not all(other.fresh)]

    def run(self) -> bool:
        """Whether an earlier root may have been changed by it."""
        root, task = self._root, self._task
        pending, shared = np.arange(task.draw.count), False
        lines = _is_on_lines(root)
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
                if self._coupled and not lines:
                    for entry in np.flatnonzero(failed.any(axis=0)).tolist():
                        self._redraw(root.sources[entry], pending[failed[:, entry]])
                    return True
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
        lines = [Line.of(task.draw, task.rng, task.prime, node.static, chosen, pending) for node, chosen in entries]
        points = []
        for t in range(_LINE_DEGREE + 2):
            for line in lines:
                line.move(t)
            points.append(self._arguments(pending))
        coefficients = interpolated(points, p)
        if coefficients is None:
            for line in lines:
                line.move(0)
            return False
        wanted = 2 ** (2 + sum(len(other.sources) for other in self._later))
        places = []
        for k, sample in enumerate(pending.tolist()):
            found = residue_places([c[k] for c in coefficients], wanted, task.rng, p)
            places.append(self._best(lines, k, sample, found))
        for line in lines:
            line.move(np.array(places))
        return True

    def _best(self, lines: Sequence[Line], k: int, sample: int, places: IntArray) -> int:
        """One of the places of a sample, where later roots exist, too, if there is one."""
        if not self._later:
            return int(places[0])
        some = places[:_MOST_PLACES]
        state, draw = self._task.at(np.full(len(some), sample))
        mine = draw if self._task.scope == SAMPLE else state
        leaves = dict(mine.leaves)
        for line in lines:
            line.put(leaves, k, some)
        mine = replace(mine, leaves=leaves)
        state, draw = (state, mine) if self._task.scope == SAMPLE else (mine, draw)
        drawing = Drawing(self._task.prime, self._plan, state, draw)
        Program.of([other.node for other in self._later]).run(drawing, drawing.leaves)
        failed = np.zeros(len(some), dtype=np.int64)
        for other in self._later:
            entries = np.broadcast_to(drawing.failed[other.node.serial], (len(some), other.node.size))
            failed += (entries & other.inside).sum(axis=1)
        return int(some[np.argmin(failed)])

    def _arguments(self, pending: IntArray) -> IntArray:
        """The arguments of those roots that belong to the scope, (samples, entries)."""
        state, sample = self._task.at(pending)
        argument = self._root.node.inputs[0]
        drawing = Drawing(self._task.prime, self._plan, state, sample)
        (value,) = Program.of([argument]).run(drawing, drawing.leaves)
        flat = np.broadcast_to(value.reshape(1, value.shape[1], -1), (1, len(pending), argument.size))[0]
        inside: IntArray = flat[:, self._root.inside]
        return inside


def _is_on_lines(root: _Root) -> bool:
    return len(root.sources) in _LINE_ROOTS
