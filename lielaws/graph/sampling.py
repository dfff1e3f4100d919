"""Random base points at which all roots exist modulo the prime.

Sources are the entries of leaves and the generators of functions. Those of a state (parameters, constants) are drawn
once, those of a sample (data, cotangents, gates) for each member. Where a root does not exist, only the sources that
enter with it are drawn again: a block with many roots would otherwise need one draw in 2^roots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.errors import ExactnessError
from lielaws.graph.drawing import Drawing, FreeValues
from lielaws.graph.node import Leaf, Node, ancestors
from lielaws.graph.plan import Plan, entry_start
from lielaws.graph.program import Program
from lielaws.linalg import modular
from lielaws.numbers.dependence import Dependence
from lielaws.numbers.modular import BadPrimeError, Bases
from lielaws.numbers.polynomials import objects

IntArray = npt.NDArray[np.int64]
DrawLeaf = Callable[[Node, np.random.Generator, int, int], IntArray]

STATE_ROLES = ("parameter", "constant")
_MOST_TRIES = 20_000
_MOST_STALLED = 60
_MOST_PASSES = 400


@dataclass(frozen=True, slots=True)
class Draw:
    """Values of the leaves and generators of one scope, (1, count, ...)."""

    leaves: Mapping[Leaf, IntArray]
    free: FreeValues
    count: int

    def select(self, chosen: Any) -> Draw:
        picked = {leaf: array[:, chosen] for leaf, array in self.leaves.items()}
        return Draw(picked, self.free.select(chosen), len(chosen))

    def replace(self, chosen: Any, other: Draw) -> None:
        """Put the samples of another draw in place of the chosen ones."""
        for leaf, array in other.leaves.items():
            self.leaves[leaf][:, chosen] = array
        for kind, array in other.free.values.items():
            self.free.values[kind][:, chosen] = array


def uniform(node: Node, rng: np.random.Generator, count: int, prime: int) -> IntArray:
    return modular.residues(rng, prime, (1, count, *node.shape))


@dataclass(frozen=True)
class Sampler:
    """Draws base points for some outputs under a plan."""

    outputs: Sequence[Node]
    plan: Plan

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        return tuple(node for node in ancestors(self.outputs) if node.op == "leaf")

    @cached_property
    def program(self) -> Program:
        return Program.of(self.outputs)

    def draw_state(
        self, rng: np.random.Generator, count: int, prime: int, leaves: Mapping[Leaf, IntArray] | None = None
    ) -> Draw:
        """States; given values of leaves are kept unless a root asks for others."""
        known = dict(leaves or {})
        for node in self.leaves:
            if node.static.role in STATE_ROLES and node.static not in known:
                known[node.static] = uniform(node, rng, count, prime)
        draw = Draw(known, FreeValues.draw(self.plan, 1, rng, count, prime), count)
        nothing = Draw({}, FreeValues.draw(self.plan, 0, rng, 1, prime), 1)
        return self._with_roots(draw, nothing, 1, rng, prime, uniform)

    def draw_sample(
        self,
        rng: np.random.Generator,
        count: int,
        prime: int,
        state: Draw,
        draw_leaf: DrawLeaf = uniform,
        given: Mapping[Leaf, IntArray] | None = None,
    ) -> Draw:
        """Samples, one for each state or all at one; `given` values of leaves are taken as they are."""
        leaves = {
            node.static: draw_leaf(node, rng, count, prime)
            for node in self.leaves
            if node.static.role not in STATE_ROLES and node.static not in (given or {})
        }
        draw = Draw({**leaves, **(given or {})}, FreeValues.draw(self.plan, 0, rng, count, prime), count)
        return self._with_roots(draw, state, 0, rng, prime, draw_leaf)

    def draw_members(
        self,
        rng: np.random.Generator,
        count: int,
        prime: int,
        state: Draw,
        draw_leaf: DrawLeaf = uniform,
        given: Mapping[Leaf, IntArray] | None = None,
    ) -> tuple[Draw, Bases]:
        """Samples without a zero denominator, and the base values of functions there.

        Patterns of 0 and 1 can close a whole layer, whose norm is then zero; such samples alone are drawn again.
        """
        sample = self.draw_sample(rng, count, prime, state, draw_leaf, given)
        for _ in range(_MOST_STALLED):
            drawing = self.run(state, sample, prime)[1]
            bad = np.flatnonzero(np.broadcast_to(drawing.vanished, (count,)))
            if not len(bad):
                return sample, drawing.drawn
            some = state if state.count == 1 else state.select(bad)
            chosen = {leaf: array[:, bad] for leaf, array in (given or {}).items()}
            sample.replace(bad, self.draw_sample(rng, len(bad), prime, some, draw_leaf, chosen))
        raise BadPrimeError("a denominator vanishes at the chosen point")

    def run(self, state: Draw, sample: Draw, prime: int) -> tuple[list[Any], Drawing]:
        """The outputs at the base points, and the arithmetic with the base values of all functions."""
        drawing = Drawing(prime, self.plan, state.free, sample.free)
        return self.program.run(drawing, {**state.leaves, **sample.leaves}), drawing

    # Roots

    @cached_property
    def _sources(self) -> tuple[dict[Leaf, int], dict[tuple[int, str], int], int]:
        """The first bit of each leaf, and of each kind of generators in each scope."""
        bits, position = {}, 0
        for node in self.leaves:
            bits[node.static] = position
            position += node.size
        generators = {}
        for kind, numbers in self.plan.free_values.items():
            for scope in (0, 1):
                generators[(scope, kind)] = position
                position += numbers[scope]
        return bits, generators, position

    @cached_property
    def _roots(self) -> list[tuple[Node, list[int]]]:
        """The square roots in order, with the sources of each entry."""
        nodes = [node for node in ancestors(self.outputs) if node.op == "sqrt"]
        if not nodes:
            return []
        bits, _, _ = self._sources
        values = {
            node.static: objects([1 << (bits[node.static] + k) for k in range(node.size)], node.shape)
            for node in self.leaves
        }
        dependence = Dependence(self._function_sources)
        Program.of(nodes).run(dependence, values)
        return [(node, dependence.roots[node.serial]) for node in nodes]

    def _function_sources(self, kind: str, node: Node) -> list[int]:
        _, generators, _ = self._sources
        plan = self.plan
        if kind in ("exp", "angle"):
            group = plan.exponentials if kind == "exp" else plan.angles
            start = group.start(node.inputs[0])
            masks = []
            for number in range(start, start + node.size):
                powers = ((0, group.sample_powers[number]), (1, group.state_powers[number]))
                masks.append(sum(1 << (generators[(scope, kind)] + g) for scope, pairs in powers for g, _ in pairs))
            return masks
        nodes = plan.logs if kind == "log" else plan.gausses
        kinds = [rule.fresh for rule in (plan.log_rules if kind == "log" else plan.gauss_rules)]
        start = entry_start(nodes, node)
        counters = {"sample": 0, "state": 0}
        masks = []
        for number, fresh in enumerate(kinds[: start + node.size]):
            scope = 0 if fresh == "sample" else 1
            if number >= start:
                masks.append(1 << (generators[(scope, kind)] + counters[fresh]) if fresh else 0)
            if fresh:
                counters[fresh] += 1
        return masks

    def _scope_mask(self, scope: int) -> int:
        bits, generators, _ = self._sources
        mask = 0
        for node in self.leaves:
            if (node.static.role in STATE_ROLES) == bool(scope):
                mask |= ((1 << node.size) - 1) << bits[node.static]
        for (owner, kind), start in generators.items():
            if owner == scope:
                mask |= ((1 << self.plan.free_values[kind][scope]) - 1) << start
        return mask

    def _with_roots(
        self, draw: Draw, other: Draw, scope: int, rng: np.random.Generator, prime: int, draw_leaf: DrawLeaf
    ) -> Draw:
        """The draw, changed until every root of its scope exists."""
        mine, theirs = self._scope_mask(scope), self._scope_mask(1 - scope)
        roots = [
            (node, masks) for node, masks in self._roots if any(_in_scope(mask, mine, theirs, scope) for mask in masks)
        ]
        for _ in range(_MOST_PASSES if roots else 0):
            used, again = 0, False
            for node, masks in roots:
                fresh = []
                for mask in masks:
                    fresh.append(mask & mine & ~used)
                    used |= mask & mine
                again |= self._repair(node, masks, fresh, draw, other, scope, rng, prime, draw_leaf)
            if not again:
                return draw
        if roots:
            raise ExactnessError("no base point was found at which all square roots exist modulo the prime")
        return draw

    def _repair(  # type: ignore[no-untyped-def]
        self,
        node: Node,
        masks: list[int],
        fresh: list[int],
        draw: Draw,
        other: Draw,
        scope: int,
        rng,
        prime: int,
        draw_leaf,
    ) -> bool:
        """Redraw what enters with this root where it fails; whether an earlier root may have been changed by it."""
        program = Program.of([node])
        mine, theirs = self._scope_mask(scope), self._scope_mask(1 - scope)
        inside = np.array([_in_scope(mask, mine, theirs, scope) for mask in masks])
        pending, shared = np.arange(draw.count), False
        stalled = 0
        for tries in range(_MOST_TRIES):
            failed = self._failures(program, node, draw, other, scope, pending, prime) & inside
            bad = failed.any(axis=1)
            if not bad.any():
                return shared
            stalled = stalled + 1 if bad.all() else 0
            if stalled > _MOST_STALLED * max(1, 2 ** min(len(masks), 8)):
                # Nothing that can be redrawn here decides whether the root exists, so another state is needed.
                raise BadPrimeError(f"a square root of shape {node.shape} does not exist at this state")
            pending, failed = pending[bad], failed[bad]
            for entry in np.flatnonzero(failed.any(axis=0)).tolist():
                # What enters here may cancel, as exp in a softmax over one token: then all sources are drawn.
                alone = bool(fresh[entry]) and tries < 40
                own = fresh[entry] if alone else masks[entry] & mine
                shared |= not alone
                self._redraw(own, draw, scope, pending[failed[:, entry]], rng, prime, draw_leaf)
        raise ExactnessError(f"no square root of shape {node.shape} was found to exist modulo the prime")

    def _failures(
        self, program: Program, node: Node, draw: Draw, other: Draw, scope: int, pending: IntArray, prime: int
    ) -> npt.NDArray[np.bool_]:
        chosen = draw.select(pending)
        aligned = other.select(pending) if scope == 0 and other.count > 1 else other
        state, sample = (aligned, chosen) if scope == 0 else (chosen, aligned)
        drawing = Drawing(prime, self.plan, state.free, sample.free)
        program.run(drawing, {**state.leaves, **sample.leaves})
        return np.broadcast_to(drawing.failed[node.serial], (len(pending), node.size))

    def _redraw(  # type: ignore[no-untyped-def]
        self, mask: int, draw: Draw, scope: int, samples: IntArray, rng, prime: int, draw_leaf: DrawLeaf
    ) -> None:
        bits, generators, _ = self._sources
        for leaf_node in self.leaves:
            leaf = leaf_node.static
            if leaf not in draw.leaves:
                continue
            entries = [k for k in range(leaf_node.size) if mask >> (bits[leaf] + k) & 1]
            if entries:
                flat = draw.leaves[leaf].reshape(1, draw.count, -1)
                values = draw_leaf(leaf_node, rng, len(samples), prime).reshape(1, len(samples), -1)
                flat[0, samples[:, None], entries] = values[0][:, entries]
        for kind, array in draw.free.values.items():
            start = generators[(scope, kind)]
            for k in range(array.shape[2]):
                if mask >> (start + k) & 1:
                    array[0, samples, k] = modular.residues(rng, prime, (len(samples),), 1)


def _in_scope(mask: int, mine: int, theirs: int, scope: int) -> bool:
    """A root belongs to the samples if it has a source there, else to the state."""
    return not mask & theirs if scope == 1 else bool(mask & mine)
