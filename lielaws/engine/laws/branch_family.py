"""The families of proofs with true square roots, and with gates of 0 and 1: see `proof_families`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.arithmetic.modular import BadPrimeError
from lielaws.engine.flows.fields import Choice, VectorFields
from lielaws.engine.flows.heights import FieldBounds, bound_fields
from lielaws.engine.graph.node import Leaf
from lielaws.engine.linalg import modular
from lielaws.engine.values.branches import RootedModular
from lielaws.engine.values.free import FreeFunctions
from lielaws.errors import ExactnessError

Samples = tuple[IntArray, IntArray]
"""points and values of vector fields there, each (count, dimension)"""
_Needed = tuple[tuple[int, ...], tuple[tuple[Leaf, int], ...]]
"""roots, and entries of gates"""

# All choices of gates are gone through, each with points of its own.
_MOST_GATES = 8
# All choices of signs are gone through where they may not be conjugate: 256 evaluations for each output.
_MOST_SIGNS = 8
# Roots of what depends on roots, that are true ones together: one of 2^12 points has so many, and fewer lose laws that
# rest on all norms of a transformer.
_MOST_NESTED = 12
# Points that are drawn at once to look for laws.
_BATCH = 1 << 12
# Points that are looked at for each prime: with one, more primes are needed.
_POINTS = 2
# More samples than roots, so that these are seen to be independent.
_SPARE = 12
# Tries with more and more samples, for two to be expected that have all of n nested roots: one of 2^n has, but often
# far more, as roots exist together with others.
_TRIES = 8
_FIRST, _MORE = 3, 2


@dataclass(frozen=True)
class _Output:
    """Entries of the cotangent (or the drift) whose vector fields depend on the same roots and gate entries."""

    entries: tuple[tuple[Leaf, int], ...]
    roots: tuple[int, ...]
    gates: tuple[tuple[Leaf, int], ...]


@dataclass(frozen=True)
class _Drawn:
    """Points, (1, count, dimension), what vector fields there belong to, values of functions, and signs of roots.

    mixed : see `RootedModular`
    """

    vector: IntArray
    choice: Choice
    free: FreeFunctions
    mixed: IntArray
    signs: BoolArray

    def select(self, chosen: IntArray) -> _Drawn:
        free, mixed, signs = self.free.select(chosen), self.mixed[chosen], self.signs[chosen]
        return _Drawn(self.vector[:, chosen], self.choice.select(chosen), free, mixed, signs)


@dataclass(frozen=True)
class BranchFamily:
    """True square roots, of all outputs at once if they are independent, or for each output those that it needs.

    roots : the numbers of those that are true ones; the others are free
    binary : whether gates are 0 or 1, all choices of those that an output needs; else they have any value
    """

    fields: VectorFields
    original: VectorFields | None
    roots: tuple[int, ...]
    binary: bool

    @cached_property
    def bounds(self) -> FieldBounds:
        bounds = bound_fields(self.fields.slopes, roots_squared=True)
        # Functions of two arguments in F_p[i] are those of residues that may agree as well.
        degrees, norms = bounds.coincidences
        drawn = math.log2(2 * sum(self._samples(self.roots)))
        return replace(bounds, coincidences=(2 * degrees, norms), log_drawn=drawn, points=_POINTS)

    # The roots, and what needs them

    @cached_property
    def _nested(self) -> frozenset[int]:
        return self.fields.square_roots.nested.intersection(self.roots)

    def _samples(self, roots: Sequence[int]) -> list[int]:
        """How many to draw, try after try, to show that roots are independent."""
        nested = len(self._nested.intersection(roots))
        doublings = [min(nested, _FIRST + _MORE * k) for k in range(_TRIES)]
        return [_SPARE + len(roots) + (_POINTS << doubled) for doubled in doublings]

    @cached_property
    def _whole(self) -> _Output:
        """All outputs together."""
        entries = tuple((leaf, entry) for leaf, size in self._sizes() for entry in range(size))
        return _Output(entries, self.roots, ())

    @property
    def _at_once(self) -> bool:
        """Whether to look at all outputs together: each needs fewer gates, and fewer of the roots that are rare."""
        return not self.binary and not self._nested

    def _sizes(self) -> list[tuple[Leaf, int]]:
        """Of cotangents, and of the factor of the drift."""
        return [(node.static, node.size) for node in self.fields.outside if node.static.role in ("cotangent", "flow")]

    @cached_property
    def outputs(self) -> tuple[_Output, ...]:
        """One by one; empty if there is nothing to choose, or too much, or no value anywhere."""
        with suppress(BadPrimeError):
            return self._all_outputs()
        return ()

    def _all_outputs(self) -> tuple[_Output, ...]:
        found: dict[_Needed, list[tuple[Leaf, int]]] = {}
        for entry in self._whole.entries:
            needed = self._needed(entry)
            if len(needed[1]) > _MOST_GATES:
                return ()
            found.setdefault(needed, []).append(entry)
        return tuple(_Output(tuple(entries), *needed) for needed, entries in found.items())

    def _needed(self, entry: tuple[Leaf, int]) -> _Needed:
        """The roots and gates that the vector field of an output depends on: found by changing them one by one."""
        rng, prime = np.random.default_rng(0), self.fields.prime()
        values = self._values(rng, prime, 1, [entry])
        vector = modular.residues(rng, prime, (1, 1, self.fields.space.dimension))
        free = FreeFunctions.draw(rng, prime)

        def rows(choice: Choice, shifted: IntArray | None = None) -> IntArray:
            return self._evaluated(RootedModular(free, self.fields.square_roots, shifted=shifted), vector, choice)

        base, roots, gates = rows(Choice(values, 1)), tuple[int, ...](), []
        if count := self.fields.square_roots.count:
            changed = rows(Choice(values, count), np.arange(count))
            needed = set(np.flatnonzero(_differ(changed, base)).tolist())
            roots = tuple(number for number in self.roots if number in needed)
        for gate in self.fields.potential.gates if self.binary else ():
            array = np.repeat(values[gate.leaf.static], gate.leaf.size, axis=1)
            diagonal = array.reshape(gate.leaf.size, gate.leaf.size)
            np.fill_diagonal(diagonal, (diagonal.diagonal() + 1) % prime)
            changed = rows(Choice(values | {gate.leaf.static: array}, gate.leaf.size))
            gates += [(gate.leaf.static, k) for k in np.flatnonzero(_differ(changed, base)).tolist()]
        return roots, tuple(gates)

    # Points

    def _values(
        self, rng: np.random.Generator, prime: int, count: int, entries: Sequence[tuple[Leaf, int]]
    ) -> dict[Leaf, IntArray]:
        """Random data and gates, and cotangents of some entries."""
        values = {node.static: modular.residues(rng, prime, (1, count, *node.shape)) for node in self.fields.outside}
        for leaf, size in self._sizes():
            others = np.ones(size, dtype=np.bool_)
            others[[entry for other, entry in entries if leaf == other]] = False
            values[leaf].reshape(count, -1)[:, others] = 0
        return values

    def _draw(self, rng: np.random.Generator, prime: int, output: _Output, gates: IntArray) -> _Drawn:
        """Random points, data, and cotangents of an output; the bits of a number choose its gates."""
        count = len(gates)
        values = self._values(rng, prime, count, output.entries)
        for place, (leaf, entry) in enumerate(output.gates):
            values[leaf].reshape(count, -1)[:, entry] = gates >> place & 1
        vector = modular.residues(rng, prime, (1, count, self.fields.space.dimension))
        mixed, signs = modular.residues(rng, prime, (count,)), rng.integers(0, 2, (count, len(output.roots))) > 0
        return _Drawn(vector, Choice(values, count), FreeFunctions.draw(rng, prime, count), mixed, signs)

    def _evaluated(self, arithmetic: RootedModular, vector: IntArray, choice: Choice) -> IntArray:
        """Vector fields in F_p[i], (2, count, dimension)."""
        return self.fields.evaluate(arithmetic.exact(vector), choice.lifted(arithmetic.exact), arithmetic)[:, 0]

    def _arithmetic(self, drawn: _Drawn, output: _Output) -> RootedModular:
        return RootedModular(
            drawn.free, self.fields.square_roots, true=output.roots, signs=drawn.signs, mixed=drawn.mixed
        )

    def _with_roots(self, drawn: _Drawn, output: _Output) -> tuple[_Drawn, bool]:
        """The points at which all roots of an output exist, and whether these are shown to be independent.

        Stage by stage, each at the points that are left: few have all roots.
        """
        shown, known = True, set[int]()
        for program, numbers in self.fields.square_roots.stages:
            arithmetic, count = self._arithmetic(drawn, output), drawn.choice.count
            self.fields.meet_roots(program, drawn.vector, drawn.choice, arithmetic)
            shown &= arithmetic.independent(count, known)
            known.update(numbers)
            drawn = drawn.select(np.flatnonzero(arithmetic.rooted(count)))
            if drawn.choice.count < _POINTS:
                return drawn, False
        return drawn, shown

    def _with_values(self, drawn: _Drawn, output: _Output, most: int) -> tuple[_Drawn, IntArray]:
        """At most so many of the points at which there are values, and the vector fields in F_p[i] there."""
        arithmetic = self._arithmetic(drawn, output)
        values = self._evaluated(arithmetic, drawn.vector, drawn.choice)
        good = np.flatnonzero(arithmetic.rooted(drawn.choice.count))[:most]
        return drawn.select(good), values[:, good]

    def sample(self, rng: np.random.Generator, count: int, prime: int) -> Samples:
        outputs = [self._whole] if self._at_once else self.outputs
        parts, share = [], -(-count // len(outputs))
        for k in rng.permutation(len(outputs)).tolist():
            output = outputs[k]
            number = min(max(share, _POINTS) << min(_FIRST, len(self._nested.intersection(output.roots))), _BATCH)
            drawn = self._draw(rng, prime, output, rng.integers(0, 1 << len(output.gates), number))
            drawn, _ = self._with_roots(drawn, output)
            if not drawn.choice.count:
                continue
            drawn, (real, imaginary) = self._with_values(drawn, output, share)
            # Often both coefficients are proportional: one row of both, so that rows are independent.
            factors = modular.residues(rng, prime, (drawn.choice.count, 1))
            parts.append((drawn.vector[0], (real + factors * imaginary) % prime))
        if not parts:
            raise BadPrimeError("no point has all square roots")
        points, found = _joined(parts)
        return points[:count], found[:count]

    def proof(self, rng: np.random.Generator, prime: int) -> Samples:
        if self._at_once:
            found = self._conjugate(rng, prime, self._whole, 0)
            if found is not None:
                return found
        if not self.outputs:
            raise ExactnessError("the network has no value at the points that were tried")
        parts = []
        for output in self.outputs:
            for gates in range(1 << len(output.gates)):
                found = self._conjugate(rng, prime, output, gates)
                parts.append(self._all_signs(rng, prime, output, gates) if found is None else found)
        return _joined(parts)

    def _conjugate(self, rng: np.random.Generator, prime: int, output: _Output, gates: int) -> Samples | None:
        """Points for given gates that stand for all signs of roots; None if they may not be conjugate."""
        for count in self._samples(output.roots):
            drawn = self._draw(rng, prime, output, np.full(count, gates))
            drawn, independent = self._with_roots(drawn, output)
            if independent:
                drawn, values = self._with_values(drawn, output, _POINTS)
                if drawn.choice.count == _POINTS:
                    return _both(drawn, values)
        return None

    def _all_signs(self, rng: np.random.Generator, prime: int, output: _Output, gates: int) -> Samples:
        """Points for given gates at which the roots exist, with the values for each choice of their signs.

        All choices are made at each of them: the root of s^2 is s or -s, and which of both the choice of a sign gives
        changes from point to point.
        """
        signs = len(output.roots)
        if signs > _MOST_SIGNS:
            raise ExactnessError(f"{signs} square roots may have both signs, too many to go through all choices")
        choices = (np.arange(1 << signs)[:, None] >> np.arange(signs) & 1).astype(np.bool_)
        parts: list[Samples] = []
        for _ in range(_TRIES):
            drawn = self._draw(rng, prime, output, np.full(1, gates)).select(np.zeros(len(choices), dtype=np.int64))
            drawn, values = self._with_values(replace(drawn, signs=choices), output, len(choices))
            if drawn.choice.count == len(choices):
                parts.append(_both(drawn, values))
            if len(parts) == _POINTS:
                return _joined(parts)
        raise ExactnessError("no points were met at which the square roots of the network exist")


def branch_families(fields: VectorFields, original: VectorFields | None) -> Iterator[BranchFamily]:
    """Those with as many true roots as points have together, without and with gates of 0 and 1."""
    roots = fields.square_roots
    plain, nested = [k for k in range(roots.count) if k not in roots.nested], sorted(roots.nested)
    chosen = [(*plain, *nested[k : k + _MOST_NESTED]) for k in range(0, max(1, len(nested)), _MOST_NESTED)]
    for binary in (False,) if fields.potential.affine else (False, True):
        for some in chosen:
            family = BranchFamily(fields, original, tuple(sorted(some)), binary)
            if family.outputs if binary else some:
                yield family


def _differ(changed: IntArray, base: IntArray) -> BoolArray:
    return np.asarray((changed != base).any(axis=(0, 2)))


def _both(drawn: _Drawn, values: IntArray) -> Samples:
    """Points, each twice: what is zero in F_p[i] has two coefficients that are."""
    return np.concatenate([drawn.vector[0]] * 2), np.concatenate(list(values))


def _joined(parts: Sequence[Samples]) -> Samples:
    points, values = zip(*parts, strict=True)
    return np.concatenate(points), np.concatenate(values)
