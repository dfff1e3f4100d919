"""The family of proofs with gates of 0 and 1 and true square roots, output by output: see `proof_families`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.flows.exact import FieldBounds, bound_fields
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.graph.node import Leaf, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import modular
from lielaws.engine.values.branches import RootedFunctions
from lielaws.engine.values.free import FreeFunctions
from lielaws.errors import ExactnessError

IntArray = npt.NDArray[np.int64]
Samples = tuple[IntArray, IntArray]

# One of 2^12 points has so many roots: more take minutes to meet.
_MOST_ROOTS = 12
# All choices of gates are gone through, each with points of its own.
_MOST_GATES = 8
# All choices of signs are gone through where they may not be conjugate: 256 evaluations for each output.
_MOST_SIGNS = 8
# Points that are drawn at once for each output.
_BATCH = 1 << 11
# About so many points with roots for each choice of branches: fewer need more draws, more are thrown away.
_POINTS_EACH = 2
# So many points for the last root, all others existing: one of both symbols is missed with probability 2^-6, at three
# tries with 2^-18.
_POINTS_SHOWN = 8
_TRIES = 3
# Points to take one from at which no denominator vanishes.
_FEW = 4
# Batches after which no point is expected any more: with eight roots each has several.
_ATTEMPTS = 40


@dataclass(frozen=True)
class _Output:
    """Entries of the cotangent (or the drift) whose vector fields depend on the same roots and gate entries."""

    entries: tuple[tuple[Leaf, int], ...]
    roots: tuple[int, ...]
    gates: tuple[tuple[Leaf, int], ...]

    @property
    def branches(self) -> int:
        return len(self.roots) + len(self.gates)


@dataclass(frozen=True)
class BranchFamily:
    """Gates of 0 and 1 and true square roots, for each output those that it needs."""

    fields: VectorFields
    original: VectorFields | None = None

    @cached_property
    def bounds(self) -> FieldBounds:
        bounds = bound_fields(self.fields.slopes, roots_squared=True)
        # Of n true roots the signs have 2^n choices, and one of 2^n points has roots above it.
        return replace(bounds, log_roots=2.0 * max(len(output.roots) for output in self.outputs))

    @cached_property
    def outputs(self) -> tuple[_Output, ...]:
        """Empty if there is nothing to choose, or too much."""
        has_roots = any(node.op == "sqrt" for node in ancestors(self.fields.slopes))
        if not has_roots and self.fields.potential.affine:
            return ()
        found: dict[tuple[tuple[int, ...], tuple[tuple[Leaf, int], ...]], list[tuple[Leaf, int]]] = {}
        for node in self.fields.outside:
            for entry in range(node.size) if node.static.role in ("cotangent", "flow") else ():
                needed = self._needed((node.static, entry))
                if len(needed[0]) > _MOST_ROOTS or len(needed[1]) > _MOST_GATES:
                    return ()
                found.setdefault(needed, []).append((node.static, entry))
        outputs = tuple(_Output(tuple(entries), *needed) for needed, entries in found.items())
        return outputs if any(output.branches for output in outputs) else ()

    def _needed(self, entry: tuple[Leaf, int]) -> tuple[tuple[int, ...], tuple[tuple[Leaf, int], ...]]:
        """The roots and gates that the vector field of an output depends on: found by changing them one by one."""
        rng, prime = np.random.default_rng(0), self.fields.prime()
        values = self._values(rng, prime, 1, [entry])
        vector = modular.residues(rng, prime, (1, 1, self.fields.space.dimension))
        free = FreeFunctions.draw(rng, prime)
        functions = RootedFunctions(free)
        base = self.fields.evaluate(vector, Choice(values, 1), Modular(prime, functions))
        changed = RootedFunctions(free, shifted=np.arange(functions.count))
        roots: tuple[int, ...] = ()
        if functions.count:
            rows = self.fields.evaluate(vector, Choice(values, functions.count), Modular(prime, changed))
            roots = tuple(np.flatnonzero((rows != base).any(axis=(0, 2))).tolist())
        gates = []
        # Of what is affine in the gates any values show as much as 0 and 1.
        for gate in () if self.fields.potential.affine else self.fields.potential.gates:
            array = np.repeat(values[gate.leaf.static], gate.leaf.size, axis=1)
            diagonal = array.reshape(gate.leaf.size, gate.leaf.size)
            np.fill_diagonal(diagonal, (diagonal.diagonal() + 1) % prime)
            choice = Choice(values | {gate.leaf.static: array}, gate.leaf.size)
            rows = self.fields.evaluate(vector, choice, Modular(prime, RootedFunctions(free)))
            gates += [(gate.leaf.static, k) for k in np.flatnonzero((rows != base).any(axis=(0, 2))).tolist()]
        return roots, tuple(gates)

    def _values(
        self, rng: np.random.Generator, prime: int, count: int, entries: Sequence[tuple[Leaf, int]]
    ) -> dict[Leaf, IntArray]:
        """Random data and gates, and cotangents of some entries."""
        values = {}
        for node in self.fields.outside:
            values[node.static] = modular.residues(rng, prime, (1, count, *node.shape))
            if node.static.role in ("cotangent", "flow"):
                others = np.ones(node.size, dtype=np.bool_)
                others[[entry for leaf, entry in entries if leaf == node.static]] = False
                values[node.static].reshape(count, -1)[:, others] = 0
        return values

    def sample(self, rng: np.random.Generator, count: int, prime: int) -> Samples:
        parts, share = [], -(-count // len(self.outputs))
        for k in rng.permutation(len(self.outputs)).tolist():
            branches = rng.integers(0, 1 << self.outputs[k].branches, _BATCH)
            point, value, _, _ = self._at(rng, prime, self.outputs[k], branches)
            parts.append((point[:share], value[:share]))
        points, values = _joined(parts)
        return points[:count], values[:count]

    def proof(self, rng: np.random.Generator, prime: int) -> Samples:
        return _joined([self._all_branches(rng, prime, output) for output in self.outputs])

    def _all_branches(self, rng: np.random.Generator, prime: int, output: _Output) -> Samples:
        """For each choice of gates, and of signs unless all are conjugate, a random point at which the roots exist."""
        signs, gates = len(output.roots), np.arange(1 << len(output.gates)) << len(output.roots)
        parts = [self._conjugate(rng, prime, output, int(chosen)) for chosen in gates]
        if all(part is not None for part in parts):
            return _joined([part for part in parts if part is not None])
        if signs > _MOST_SIGNS:
            raise ExactnessError(f"{signs} square roots may have both signs, too many to go through all choices")
        missing = (gates[:, None] + np.arange(1 << signs)).ravel()
        samples = []
        for _ in range(_ATTEMPTS):
            wanted = len(missing) * _POINTS_EACH << signs
            branches = np.resize(missing, max(len(missing), min(_BATCH, wanted)))
            point, value, kept, _ = self._at(rng, prime, output, branches)
            found, first = np.unique(branches[kept], return_index=True)
            samples.append((point[first], value[first]))
            missing = np.setdiff1d(missing, found)
            if not len(missing):
                return _joined(samples)
        raise ExactnessError("no points were met at which the square roots of the network exist")

    def _conjugate(self, rng: np.random.Generator, prime: int, output: _Output, gates: int) -> Samples | None:
        """A point for given gates that stands for all signs of roots; None if they may not be conjugate."""
        for _ in range(_TRIES):
            branches = gates + rng.integers(0, 1 << len(output.roots), _POINTS_SHOWN << len(output.roots))
            point, value, _, independent = self._at(rng, prime, output, branches, most=_FEW)
            if independent and len(point):
                return point[:1], value[:1]
        return None

    def _at(
        self, rng: np.random.Generator, prime: int, output: _Output, branches: IntArray, most: int | None = None
    ) -> tuple[IntArray, IntArray, IntArray, bool]:
        """Points and values of one output at random points for given choices, at most so many, which of the choices
        have values, and whether the roots are shown to be independent."""
        count, signs = len(branches), len(output.roots)
        values = self._values(rng, prime, count, output.entries)
        for place, (leaf, entry) in enumerate(output.gates, start=signs):
            values[leaf].reshape(count, -1)[:, entry] = branches >> place & 1
        chosen = (branches[:, None] >> np.arange(signs) & 1).astype(np.bool_)
        vector = modular.residues(rng, prime, (1, count, self.fields.space.dimension))
        free = FreeFunctions.draw(rng, prime, count)
        kept, independent = self._with_roots(vector, values, free, output, chosen)
        kept = kept[:most]
        if not len(kept):
            return vector[0][kept], vector[0][kept], kept, False
        arithmetic = Modular(prime, RootedFunctions(free.select(kept), output.roots, chosen[kept]))
        value = self.fields.evaluate(vector[:, kept], Choice(values, count).select(kept), arithmetic)[0]
        good = np.arange(len(kept))
        if arithmetic.undefined is not None:
            good = np.flatnonzero(~np.broadcast_to(arithmetic.undefined, len(kept)))
        return vector[0][kept[good]], value[good], kept[good], independent

    def _with_roots(
        self, vector: IntArray, values: dict[Leaf, IntArray], free: FreeFunctions, output: _Output, signs: Any
    ) -> tuple[IntArray, bool]:
        """The samples at which the roots of an output exist, and whether these are shown to be independent.

        Stage by stage, each with the samples that are left: few have all roots.
        """
        count, known = vector.shape[1], 0
        kept, shown = np.arange(count), True
        for program in self._stages:
            functions = RootedFunctions(free.select(kept), output.roots, signs[kept])
            left = Choice(values, count).select(kept).values
            self.fields.run(program, vector[:, kept], left, Modular(free.prime, functions))
            shown &= functions.independent(known)
            known = len(functions.exists)
            if functions.defined is not None:
                kept = kept[functions.defined]
            if not len(kept):
                return kept, False
        return kept, shown

    @cached_property
    def _stages(self) -> list[Program]:
        """Programs of the first square roots, of the first two, and so on."""
        roots = [node for node in ancestors(self.fields.slopes) if node.op == "sqrt"]
        return [Program.of(roots[: k + 1]) for k in range(len(roots))]


def _joined(parts: Sequence[Samples]) -> Samples:
    points, values = zip(*parts, strict=True)
    return np.concatenate(points), np.concatenate(values)
