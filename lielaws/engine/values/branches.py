"""Square roots with r^2 = q modulo a prime p that is 3 modulo 4: true roots in F_p[i], i^2 = -1, with either sign.

Where roots are free values, what rests on r^2 = q is not seen, as the scale invariance of a norm without epsilon. With
true roots an identity holds only if it does for all choices of signs: the root of a square is one of two polynomials,
so that a point with one sign says nothing about the other.

Each number of F_p has its roots in F_p[i], so that a random point has all roots but for those whose arguments depend on
roots: these exist at every other point.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from lielaws.arraytypes import BoolArray, IntArray
from lielaws.engine.arithmetic.base import Shape
from lielaws.engine.arithmetic.modular import BadPrimeError, Modular
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

    real : whether its argument is in F_p at all of them
    square : whether the argument is a square: in F_p if it is always there, else in F_p[i]
    zero : whether the argument is zero
    constant : whether the argument is one number
    """

    real: bool
    square: BoolArray
    zero: BoolArray
    constant: bool


class RootedModular(Modular):
    """Jets over F_p[i], as arrays of shape (2, jets, samples, *shape): a + b i in the order a, b.

    The square roots of a network are numbered entry by entry. Functions have free values in F_p, and so have square
    roots that are no true ones. Arguments that are equal at all samples have equal roots.

    true : the numbers of the roots that are true ones
    signs : (samples, len(true)), which of the two roots is taken; None for the same one of each number
    mixed : (samples,), residues: functions of a + b i are those of a + mixed b, which are equal for equal arguments
    shifted : for each sample the number of a free root that is changed
    """

    lead = 3
    axis = 1

    def __init__(
        self,
        free: FreeFunctions,
        roots: Roots,
        *,
        true: Sequence[int] = (),
        signs: BoolArray | None = None,
        mixed: IntArray | None = None,
        shifted: IntArray | None = None,
    ) -> None:
        super().__init__(free.prime, free)
        self._all, self._true, self._signs, self._shifted = roots, true, signs, shifted
        self._mixed = np.zeros(1, dtype=np.int64) if mixed is None else mixed
        self._places: dict[Any, int] = {}
        self._roots: dict[int, _Root] = {}
        self._missing: Any = np.zeros(1, dtype=np.bool_)

    def rooted(self, count: int) -> BoolArray:
        """The samples at which all true roots exist and are not zero, and no denominator is, so far."""
        return np.asarray(self.defined(count) & ~self._missing)

    def independent(self, count: int, known: Collection[int] = (), *, at_a_point: bool = False) -> bool:
        """Whether the samples show that no argument is a constant times a square in the field of the other roots.

        Then all signs are conjugate: r^2 = q have one irreducible set of solutions, and a point with any signs stands
        for all. Of arguments that are in F_p everywhere no product of some is a constant times a square if the Legendre
        symbols of all, and ones, are independent over F_2. Another one that is such a square is one at all points in
        F_p[i] at which the earlier roots exist, as constants of F_p have roots there. (What depends on roots that are
        in F_p at all samples counts as if it were in F_p everywhere; the symbols of these roots are ones then.)

        known : the roots of which that is known, which exist at all samples
        at_a_point : whether samples differ in data alone, so that the roots of constant numbers are constants as well
        """
        roots = {number: root for number, root in self._roots.items() if not (at_a_point and root.constant)}
        left = self.defined(count) & ~np.logical_or.reduce([root.zero for root in roots.values()], initial=False)
        plain = [number for number, root in roots.items() if root.real]
        others = [number for number, root in roots.items() if not root.real]
        if not plain or not set(plain) <= set(known):
            rows = left & np.logical_and.reduce([roots[k].square for k in others], initial=True)
            symbols = np.array([*(roots[k].square[rows] for k in plain), np.ones(rows.sum(), dtype=np.bool_)])
            if flint.nmod_mat(symbols.astype(np.int64).tolist(), 2).rank() < len(symbols):
                return False
        for number in others:
            square = roots[number].square
            if number not in known and square[left].all():
                return False
            left = left & square
        return True

    # Numbers

    def exact(self, residues: IntArray) -> IntArray:
        """Residues of shape (jets, samples, *shape)."""
        return np.stack([residues, np.zeros_like(residues)])

    def constant(self, constant: Any, shape: Shape) -> IntArray:
        return self.exact(super().constant(constant, shape))

    def times(self, a: IntArray, b: IntArray) -> IntArray:
        return self._product(super().times, a, b)

    def matrix_product(self, a: IntArray, b: IntArray) -> IntArray:
        return self._product(super().matrix_product, a, b)

    def _product(self, product: Callable[[IntArray, IntArray], IntArray], a: IntArray, b: IntArray) -> IntArray:
        (x, y), (u, v) = a, b
        return np.stack([product(x, u) - product(y, v), product(x, v) + product(y, u)]) % self.prime

    def grouped(self, terms: IntArray, starts: IntArray) -> IntArray:
        return np.asarray(np.add.reduceat(terms, starts, axis=self.axis) % self.prime)

    def inverse(self, a: IntArray) -> IntArray:
        norm = (a[0] * a[0] + a[1] * a[1]) % self.prime
        zero = norm == 0
        if zero.any():
            if norm.shape[1] == 1:
                raise BadPrimeError("a denominator vanishes at the chosen point")
            self.mark(zero[None])
        inverse = modular.inverse(np.where(zero, 1, norm), self.prime)
        return np.stack([a[0], self.prime - a[1]]) * inverse % self.prime

    # Functions

    def value(self, kind: str, a: IntArray) -> IntArray:
        return self.exact(super().value(kind, self._key(a)))

    def circle(self, a: IntArray) -> tuple[IntArray, IntArray]:
        cos, sin = super().circle(self._key(a))
        return self.exact(cos), self.exact(sin)

    def _key(self, a: IntArray) -> IntArray:
        mixed = self._mixed.reshape(1, -1, *[1] * (a.ndim - 3))
        return np.asarray((a[0] + mixed * a[1]) % self.prime)

    def sqrt(self, a: IntArray, node: Any) -> IntArray:
        base = self._all_roots(self._base(a), node)
        return self._lift(a, base, lambda value, _: self.reciprocal(self.scale(Fraction(2), value)))

    def _all_roots(self, a: IntArray, node: Any) -> IntArray:
        """True ones and free ones, of numbers without infinitesimal part."""
        given = [len(array) for array in (self._signs, self._shifted) if array is not None]
        samples, shape, first = max([a.shape[2], *given]), a.shape[3:], self._all.first[node]
        size = int(np.prod(shape, dtype=np.int64))
        values = np.array(np.broadcast_to(self.value("sqrt", a), (2, 1, samples, *shape))).reshape(2, samples, size)
        if self._shifted is not None:
            changed = np.flatnonzero((self._shifted >= first) & (self._shifted < first + size))
            columns = self._shifted[changed] - first
            values[0, changed, columns] = 1 + (values[0, changed, columns] * 5 + 7) % (self.prime - 1)
        places = [place for place, number in enumerate(self._true) if first <= number < first + size]
        if places:
            columns = np.array([self._true[place] - first for place in places])
            arguments = np.broadcast_to(a, (2, 1, samples, *shape)).reshape(2, samples, size)[:, :, columns]
            values[:, :, columns] = self._true_roots(arguments, places)
        return values.reshape(2, 1, samples, *shape)

    def _true_roots(self, arguments: IntArray, places: Sequence[int]) -> IntArray:
        """With their signs; (2, samples, len(places))."""
        real = ~arguments[1].any(axis=0)
        roots, square = _roots_of_residues(arguments[0], self.prime)
        if not real.all():
            roots, exists = _roots_in_the_field(arguments, roots, self.prime)
            square = np.where(real, square, exists)
        zero, constant = np.asarray(~arguments.any(axis=0)), (arguments == arguments[:, :1]).all(axis=(0, 1))
        self._missing = self._missing | (zero | ~(real | square)).any(axis=1)
        for k, place in enumerate(places):
            known = self._places.setdefault(tuple(arguments[:, :, k].ravel().tolist()), place)
            if known == place:
                self._roots[self._true[place]] = _Root(bool(real[k]), square[:, k], zero[:, k], bool(constant[k]))
            if self._signs is not None:
                negative = self._signs[:, known]
                roots[:, negative, k] = (self.prime - roots[:, negative, k]) % self.prime
        return roots


def _roots_of_residues(a: IntArray, p: int) -> tuple[IntArray, BoolArray]:
    """Roots in F_p[i], and which residues are squares: the others have the root i s, as -1 is no square."""
    s = modular.power(a, (p + 1) // 4, p)
    square = np.asarray((s * s - a) % p == 0, dtype=np.bool_)
    return np.stack([np.where(square, s, 0), np.where(square, 0, s)]), square


def _roots_in_the_field(a: IntArray, plain: IntArray, p: int) -> tuple[IntArray, BoolArray]:
    """Of x + i y, and which exist. plain : the roots of x."""
    (x, y), half = a, (p + 1) // 2
    norm = (x * x + y * y) % p
    (d, _), exists = _roots_of_residues(norm, p)
    # u^2 is that one of (x + d) / 2 and (x - d) / 2 which is a square: their product is -y^2 / 4.
    (first, _), is_square = _roots_of_residues((x + d) * half % p, p)
    (second, _), _ = _roots_of_residues((x - d) * half % p, p)
    u = np.where(is_square, first, second)
    v = y * modular.inverse(np.where(u, 2 * u % p, 1), p) % p
    real = np.asarray(y == 0, dtype=np.bool_)
    return np.where(real, plain, np.stack([u, v])), real | exists
