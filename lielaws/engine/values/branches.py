"""Square roots with r^2 = q modulo a prime p that is 3 modulo 4: true roots in F_p[i], i^2 = -1, with either sign.

Where roots are free values, what rests on r^2 = q is not seen, as the scale invariance of a norm without epsilon. With
true roots an identity holds only if it does for all choices of signs: the root of a square is one of two polynomials,
so that a point with one sign says nothing about the other.

Each number of F_p has its roots in F_p[i], so that a random point has all roots but for those whose arguments depend on
roots: these exist at every other point.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import modular
from lielaws.engine.values.free import FreeFunctions


@dataclass(frozen=True)
class Roots:
    """The square roots of a network, numbered entry by entry.

    first : the number of the first entry of each node of square roots
    nested : the numbers of the roots of what depends on roots
    stages : programs of those that depend on none, then of these and the next node, and so on, with what is new in each
    """

    first: Mapping[Node, int]
    nested: frozenset[int]
    stages: tuple[tuple[Program, list[int]], ...]

    @classmethod
    def of(cls, outputs: Sequence[Node]) -> Roots:
        nodes = [node for node in ancestors(outputs) if node.op == "sqrt"]
        starts = np.cumsum([0, *(node.size for node in nodes)]).tolist()
        first = dict(zip(nodes, starts, strict=False))
        numbers = {node: range(start, start + node.size) for node, start in first.items()}
        later = [node for node in nodes if any(below.op == "sqrt" for below in ancestors(node.inputs))]
        early = [node for node in nodes if node not in later]
        stages = [(Program.of(early), [k for node in early for k in numbers[node]])] if early else []
        stages += [(Program.of([*early, *later[: k + 1]]), list(numbers[node])) for k, node in enumerate(later)]
        return cls(first, frozenset(k for node in later for k in numbers[node]), tuple(stages))

    @property
    def count(self) -> int:
        return sum(len(numbers) for _, numbers in self.stages)


@dataclass(frozen=True)
class _Root:
    """What is known of a true root, by samples.

    square : whether the argument is a square: in F_p, or in F_p[i] if it is nested
    zero : whether the argument is zero
    """

    square: BoolArray
    zero: BoolArray


class RootedModular(Modular):
    """Arithmetic in F_p[i]: a value has one coefficient, or two along the axis that is that of jets elsewhere.

    The square roots of a network are numbered entry by entry. Arguments that are equal at all samples have equal roots.
    Functions have free values in F_p, and so have the other square roots.

    first : the number of the first entry, for each node of square roots
    true : the numbers of the roots that are true ones
    nested : the numbers of those whose arguments depend on roots, which may have values that are not in F_p
    signs : (samples, len(true)), which of the two roots is taken
    mixed : (samples,), residues: functions of a + i b are those of a + mixed b, which are equal for equal arguments
    shifted : for each sample the number of a free root that is changed
    """

    def __init__(
        self,
        free: FreeFunctions,
        signs: BoolArray,
        first: Mapping[Any, int],
        *,
        true: Sequence[int] = (),
        nested: Collection[int] = (),
        mixed: IntArray | None = None,
        shifted: IntArray | None = None,
    ) -> None:
        super().__init__(free.prime, free)
        self._first, self._true, self._nested = first, true, nested
        self._signs, self._mixed, self._shifted = signs, mixed, shifted
        self._places: dict[Any, int] = {}
        self._roots: dict[int, _Root] = {}

    @property
    def rooted(self) -> BoolArray:
        """The samples at which all true roots exist and are not zero, and no denominator is."""
        good = self._regular(self._roots)
        for number, root in self._roots.items():
            good &= root.square if number in self._nested else True
        return good

    def independent(self, known: Collection[int] = ()) -> bool:
        """Whether the samples show that no argument is a constant times a square in the field of the other roots.

        known : the roots of which that is known, which exist at all samples; all those in F_p if any

        Then all signs are conjugate: r^2 = q have one irreducible set of solutions, and a point with any signs stands
        for all. Of arguments in F_p no product of some is a constant times a square if the Legendre symbols of all,
        and ones, are independent over F_2. A nested one that is such a square is one at all points in F_p[i] at which
        the earlier roots exist, as constants of F_p have roots there.
        """
        plain = [number for number in self._roots if number not in self._nested and number not in known]
        left = self._regular(plain)
        symbols = np.array([*(self._roots[k].square[left] for k in plain), np.ones(left.sum(), dtype=np.bool_)])
        if flint.nmod_mat(symbols.astype(np.int64).tolist(), 2).rank() < len(symbols):
            return False
        for number, root in self._roots.items():
            if number in self._nested and number not in known:
                left = left & ~root.zero
                if root.square[left].all():
                    return False
                left = left & root.square
        return True

    def _regular(self, roots: Iterable[int]) -> BoolArray:
        """The samples at which none of some roots is zero, and no denominator."""
        good = self.defined(len(self._signs)).copy()
        for number in roots:
            good &= ~self._roots[number].zero
        return good

    # Products and quotients

    def _bilinear(self, product: Callable[[Any, Any], Any], a: IntArray, b: IntArray) -> IntArray:
        if min(self.jets(a), self.jets(b)) == 1:
            return np.asarray(product(a, b))
        (x, y), (u, v) = self.halves(a), self.halves(b)
        real, imaginary = self.minus(product(x, u), product(y, v)), self.plus(product(x, v), product(y, u))
        return self.joined(real, imaginary)

    def reciprocal(self, a: IntArray) -> IntArray:
        if self.jets(a) == 1:
            return self.inverse(a)
        x, y = self.halves(a)
        inverse = self.inverse(self.plus(self.times(x, x), self.times(y, y)))
        return self.joined(self.times(x, inverse), self.times(self.prime - y, inverse))

    # Functions have no derivatives here: vector fields are evaluated, and no brackets.

    def _base(self, a: IntArray) -> IntArray:
        if self.jets(a) == 1:
            return a
        assert self._mixed is not None
        x, y = self.halves(a)
        return self.plus(x, self.times(self._mixed.reshape(1, -1, *[1] * (a.ndim - 2)), y))

    def _lift(self, a: IntArray, base: IntArray, slope: Any) -> IntArray:
        return base

    def _circle(self, a: IntArray, cos: IntArray, sin: IntArray) -> tuple[IntArray, IntArray]:
        return cos, sin

    # Square roots

    def sqrt(self, a: IntArray, node: Any) -> IntArray:
        shape = (max(a.shape[1], len(self._signs)), *a.shape[2:])
        size = int(np.prod(shape[1:], dtype=np.int64))
        values = np.array(np.broadcast_to(self.value("sqrt", self._base(a)), (1, *shape))).reshape(1, -1, size)
        first = self._first[node]
        if self._shifted is not None:
            samples = np.flatnonzero((self._shifted >= first) & (self._shifted < first + size))
            columns = self._shifted[samples] - first
            values[0, samples, columns] = 1 + (values[0, samples, columns] * 5 + 7) % (self.prime - 1)
        chosen = [place for place, number in enumerate(self._true) if first <= number < first + size]
        if chosen:
            values = self.joined(values, np.zeros_like(values))
            columns = np.array([self._true[place] - first for place in chosen])
            arguments = np.broadcast_to(a, (self.jets(a), *shape)).reshape(self.jets(a), -1, size)[:, :, columns]
            values[:, :, columns] = self._true_roots(arguments, chosen)
        return values.reshape(-1, *shape)

    def _true_roots(self, arguments: IntArray, places: Sequence[int]) -> IntArray:
        """With their signs."""
        roots, square = (self._roots_of_residues if len(arguments) == 1 else self._nested_roots)(*arguments)
        for k, place in enumerate(places):
            known = self._places.setdefault(tuple(arguments[:, :, k].ravel().tolist()), place)
            if known == place:
                self._roots[self._true[place]] = _Root(square[:, k], np.asarray(~arguments[:, :, k].any(axis=0)))
            negative = self._signs[:, known]
            roots[:, negative, k] = (self.prime - roots[:, negative, k]) % self.prime
        return roots

    def _roots_of_residues(self, a: IntArray) -> tuple[IntArray, BoolArray]:
        """Of residues, and which of them are squares: the others have the root i s, as -1 is no square."""
        p = self.prime
        s = modular.power(a, (p + 1) // 4, p)
        square = np.asarray((s * s - a) % p == 0, dtype=np.bool_)
        return np.stack([np.where(square, s, 0), np.where(square, 0, s)]), square

    def _nested_roots(self, x: IntArray, y: IntArray) -> tuple[IntArray, BoolArray]:
        """Of x + i y, and which of them exist."""
        p, half = self.prime, (self.prime + 1) // 2
        plain, _ = self._roots_of_residues(x)
        norm = (x * x + y * y) % p
        (d, _), exists = self._roots_of_residues(norm)
        # u^2 is that one of (x + d) / 2 and (x - d) / 2 which is a square: their product is -y^2 / 4.
        (first, _), is_square = self._roots_of_residues((x + d) * half % p)
        (second, _), _ = self._roots_of_residues((x - d) * half % p)
        u = np.where(is_square, first, second)
        v = y * modular.inverse(np.where(u, 2 * u % p, 1), p) % p
        real = np.asarray(y == 0, dtype=np.bool_)
        return np.where(real, plain, np.stack([u, v])), real | exists
