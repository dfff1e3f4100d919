"""The family of proofs with gates of 0 and 1 and true square roots, output by output: see `proof_families`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError, Modular
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.flows.heights import FieldBounds, bound_fields
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import modular
from lielaws.engine.values.branches import RootedFunctions
from lielaws.engine.values.free import FreeFunctions
from lielaws.errors import ExactnessError

Samples = tuple[IntArray, IntArray]
"""points and values of vector fields there, each (count, dimension)"""
_Entry = tuple[Leaf, int]
_Needed = tuple[tuple[int, ...], tuple[_Entry, ...]]
"""roots, and entries of gates"""

# One of 2^12 points has so many roots: more take minutes to meet.
_MOST_ROOTS = 12
# All choices of gates are gone through, each with points of its own.
_MOST_GATES = 8
# All choices of signs are gone through where they may not be conjugate: 256 evaluations for each output.
_MOST_SIGNS = 8
# Points that are drawn at once for each output, to look for laws.
_BATCH = 1 << 11
# Of n roots one of 2^n points has all. So many points with all roots are to be expected: that all are shown to be
# independent fails at one of 25 tries with many roots, and less often with few.
_POINTS_SHOWN = 4
_TRIES = 7
# The same where all choices of signs are made at one of them: none is met with probability exp(-36).
_POINTS_FOR_ALL = 36
# Points to take one from at which no denominator vanishes.
_FEW = 4
# Points at which the roots exist for one choice of signs, and those of nested roots may for all.
_MOST_TRIED = 32
# log2 of how many points are drawn for a proof at most, beyond 2^n.
_LOG_DRAWN = math.log2(_TRIES * _POINTS_SHOWN + _POINTS_FOR_ALL)


@dataclass(frozen=True)
class _Output:
    """Entries of the cotangent (or the drift) whose vector fields depend on the same roots and gate entries."""

    entries: tuple[_Entry, ...]
    roots: tuple[int, ...]
    gates: tuple[_Entry, ...]


@dataclass(frozen=True)
class _Drawn:
    """Points, (1, count, dimension), what vector fields there belong to, and values of functions."""

    vector: IntArray
    choice: Choice
    free: FreeFunctions

    @property
    def count(self) -> int:
        return self.choice.count

    def select(self, chosen: IntArray) -> _Drawn:
        return _Drawn(self.vector[:, chosen], self.choice.select(chosen), self.free.select(chosen))


@dataclass(frozen=True)
class BranchFamily:
    """Gates of 0 and 1 and true square roots, for each output those that it needs."""

    fields: VectorFields
    original: VectorFields | None = None

    @cached_property
    def bounds(self) -> FieldBounds:
        bounds = bound_fields(self.fields.slopes, roots_squared=True)
        return replace(bounds, log_roots=_LOG_DRAWN + max(len(output.roots) for output in self.outputs))

    @cached_property
    def outputs(self) -> tuple[_Output, ...]:
        """Empty if there is nothing to choose, or too much, or no value anywhere."""
        if not self._stages and self.fields.potential.affine:
            return ()
        found: dict[_Needed, list[_Entry]] = {}
        for node in self._cotangents:
            for entry in range(node.size):
                try:
                    roots, gates = self._needed((node.static, entry))
                except BadPrimeError:
                    return ()
                if len(roots) > _MOST_ROOTS or len(gates) > _MOST_GATES:
                    return ()
                found.setdefault((roots, gates), []).append((node.static, entry))
        outputs = tuple(_Output(tuple(entries), *needed) for needed, entries in found.items())
        return outputs if any(output.roots or output.gates for output in outputs) else ()

    @property
    def _cotangents(self) -> list[Node]:
        """The leaves in which vector fields are linear."""
        return [node for node in self.fields.outside if node.static.role in ("cotangent", "flow")]

    def _needed(self, entry: _Entry) -> _Needed:
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
        self, rng: np.random.Generator, prime: int, count: int, entries: Sequence[_Entry]
    ) -> dict[Leaf, IntArray]:
        """Random data and gates, and cotangents of some entries."""
        values = {n.static: modular.residues(rng, prime, (1, count, *n.shape)) for n in self.fields.outside}
        for node in self._cotangents:
            others = np.setdiff1d(np.arange(node.size), [entry for leaf, entry in entries if leaf == node.static])
            values[node.static].reshape(count, -1)[:, others] = 0
        return values

    def sample(self, rng: np.random.Generator, count: int, prime: int) -> Samples:
        parts, share = [], -(-count // len(self.outputs))
        for k in rng.permutation(len(self.outputs)).tolist():
            output = self.outputs[k]
            drawn = self._draw(rng, prime, output, rng.integers(0, 1 << len(output.gates), _BATCH))
            (point, value), _ = self._at(drawn, output, rng.integers(0, 2, (_BATCH, len(output.roots))))
            parts.append((point[:share], value[:share]))
        points, values = _joined(parts)
        return points[:count], values[:count]

    def proof(self, rng: np.random.Generator, prime: int) -> Samples:
        cases = ((output, gates) for output in self.outputs for gates in range(1 << len(output.gates)))
        return _joined([self._conjugate(rng, prime, *c) or self._all_signs(rng, prime, *c) for c in cases])

    def _conjugate(self, rng: np.random.Generator, prime: int, output: _Output, gates: int) -> Samples | None:
        """A point for given gates that stands for all signs of roots; None if they may not be conjugate."""
        signs = len(output.roots)
        for _ in range(_TRIES):
            drawn = self._draw(rng, prime, output, np.full(_POINTS_SHOWN << signs, gates))
            chosen = rng.integers(0, 2, (drawn.count, signs))
            (point, value), independent = self._at(drawn, output, chosen, most=_FEW)
            if independent and len(point):
                return point[:1], value[:1]
        return None

    def _all_signs(self, rng: np.random.Generator, prime: int, output: _Output, gates: int) -> Samples:
        """One point for given gates at which the roots exist, with the values for each choice of their signs.

        The choices are made at one point: the root of s^2 is s or -s, and which of them the choice of a sign gives
        changes from point to point.
        """
        signs = len(output.roots)
        if signs > _MOST_SIGNS:
            raise ExactnessError(f"{signs} square roots may have both signs, too many to go through all choices")
        drawn = self._draw(rng, prime, output, np.full(_POINTS_FOR_ALL << signs, gates))
        choices = np.arange(1 << signs)[:, None] >> np.arange(signs) & 1
        kept, _ = self._with_roots(drawn, output, np.zeros((drawn.count, signs), dtype=np.int64))
        for number in kept[:_MOST_TRIED].tolist():
            found, _ = self._at(drawn.select(np.full(len(choices), number)), output, choices)
            if len(found[0]) == len(choices):
                return found
        raise ExactnessError("no points were met at which the square roots of the network exist")

    def _draw(self, rng: np.random.Generator, prime: int, output: _Output, gates: IntArray) -> _Drawn:
        """Random points, data, and cotangents of one output; the bits of a number choose its gates."""
        count = len(gates)
        values = self._values(rng, prime, count, output.entries)
        for place, (leaf, entry) in enumerate(output.gates):
            values[leaf].reshape(count, -1)[:, entry] = gates >> place & 1
        vector = modular.residues(rng, prime, (1, count, self.fields.space.dimension))
        return _Drawn(vector, Choice(values, count), FreeFunctions.draw(rng, prime, count))

    def _at(self, drawn: _Drawn, output: _Output, signs: IntArray, most: int | None = None) -> tuple[Samples, bool]:
        """Points that have the roots of an output, at most so many, with values there for the given signs, and whether
        the roots are shown to be independent."""
        kept, independent = self._with_roots(drawn, output, signs)
        kept = kept[:most]
        left = drawn.select(kept)
        # Of one sample that has no value.
        with suppress(BadPrimeError):
            if len(kept):
                arithmetic = Modular(left.free.prime, RootedFunctions(left.free, output.roots, signs[kept] > 0))
                value = self.fields.evaluate(left.vector, left.choice, arithmetic)[0]
                good = arithmetic.defined(len(kept))
                return (left.vector[0][good], value[good]), independent
        return (left.vector[0][:0], left.vector[0][:0]), False

    def _with_roots(self, drawn: _Drawn, output: _Output, signs: IntArray) -> tuple[IntArray, bool]:
        """The samples at which the roots of an output exist, and whether these are shown to be independent.

        Stage by stage, each with the samples that are left: few have all roots.
        """
        kept, known, met, shown = np.arange(drawn.count), 0, 0, True
        for program in self._stages:
            if met > max(output.roots, default=-1):
                break
            left = drawn.select(kept)
            functions = RootedFunctions(left.free, output.roots, signs[kept] > 0)
            try:
                self.fields.run(program, left.vector, left.choice.values, Modular(left.free.prime, functions))
            except BadPrimeError:
                return kept[:0], False
            shown &= functions.independent(known)
            known, met = len(functions.exists), functions.count
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
