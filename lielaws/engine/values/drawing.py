"""Base values: one run of a graph at the base point, in which every function gets its value from the generators."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import Modular, circle_key
from lielaws.engine.graph.functions import ROOT, TRANSCENDENTAL
from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import modular
from lielaws.engine.values.draws import Draw, StuckError
from lielaws.engine.values.plan import ExponentPlan, Plan, entry_start

IntArray = npt.NDArray[np.int64]


class Drawing(Modular):
    """Arithmetic of residues (no jets) that determines base values and keeps them in `drawn`.

    failed : where a root does not exist modulo the prime: (samples, entries) for each sqrt node
    vanished : samples in which a denominator, or the argument of a logarithm or of a root, is zero
    """

    def __init__(self, prime: int, plan: Plan, state: Draw, sample: Draw) -> None:
        super().__init__(prime, {})
        self.plan = plan
        self.drawn: dict[int, Any] = {}
        self.failed: dict[int, npt.NDArray[np.bool_]] = {}
        self.vanished: npt.NDArray[np.bool_] = np.zeros(1, dtype=bool)
        self._draws = (state, sample)
        self._state, self._sample = state.free.values, sample.free.values
        self._products = dict(plan.products)
        self._entries: dict[tuple[str, int], IntArray] = {}

    @cached_property
    def leaves(self) -> dict[Leaf, IntArray]:
        state, sample = self._draws
        return {**state.leaves, **sample.leaves}

    def generator(self, scope: str, number: int) -> IntArray:
        """A free value of exponentials, (1, samples)."""
        values: IntArray = (self._sample if scope == "sample" else self._state)["exp"][..., number]
        return values

    def values_of(self, nodes: Iterable[Node]) -> list[IntArray]:
        """Further nodes at the same base point."""
        return _program(tuple(nodes)).run(self, self.leaves)

    # Exponentials

    def exp(self, a: IntArray, node: Any) -> IntArray:
        if node.serial in self.drawn:
            return self.drawn[node.serial]  # type: ignore[no-any-return]
        start = self.plan.exponentials.start(node.inputs[0])
        self._known("exponent", start, a)
        return self._keep(node, [self._exponential(start + k) for k in range(node.size)])

    def _exponential(self, number: int) -> IntArray:
        value = self._powers(self.plan.exponentials, "exp", number)
        if number not in self._products:
            return value
        rule = self._products[number]
        value = value * self.number(rule.factor) % self.prime
        for argument, exponent in rule.arguments:
            value = value * self._raised(self._value("argument", argument), exponent) % self.prime
        for other, exponent in rule.exponentials:
            value = value * self._raised(self._exponential(other), exponent) % self.prime
        return value

    def _powers(self, plan: ExponentPlan, kind: str, number: int) -> IntArray:
        value = self.number(Fraction(1))
        for powers, source in ((plan.sample_powers, self._sample), (plan.state_powers, self._state)):
            for generator, exponent in powers[number]:
                value = value * self._raised(source[kind][..., generator], exponent) % self.prime
        return value

    def _raised(self, base: IntArray, exponent: int) -> IntArray:
        if exponent < 0:
            base, exponent = self.reciprocal(base), -exponent
        return modular.power(base, exponent, self.prime)

    # Logarithms

    def log(self, a: IntArray, node: Any) -> IntArray:
        if node.serial in self.drawn:
            return self.drawn[node.serial]  # type: ignore[no-any-return]
        self._note(a == 0)
        start = entry_start(self.plan.logs, node)
        self._known("argument", start, a)
        return self._keep(node, [self._logarithm(start + k) for k in range(node.size)])

    def _logarithm(self, number: int) -> IntArray:
        rule = self.plan.log_rules[number]
        total = self.number(Fraction(0)) if rule.fresh is None else self._sample["log"][..., rule.fresh]
        for other, factor in rule.logs:
            total = (total + self._logarithm(other) * self.residue(factor)) % self.prime
        for other, factor in rule.exponents:
            total = (total + self._value("exponent", other) * self.residue(factor)) % self.prime
        for state, factor in rule.states:
            total = (total + self._state["log"][..., state] * self.residue(factor)) % self.prime
        for prime, factor in rule.constants:
            value = self._state["prime"][..., self.plan.constant_primes.index(prime)]
            total = (total + value * self.residue(factor)) % self.prime
        return total

    # Gaussian integrals

    def gauss(self, a: IntArray, density: IntArray, node: Any) -> IntArray:
        if node.serial in self.drawn:
            return self.drawn[node.serial]  # type: ignore[no-any-return]
        start = entry_start(self.plan.gausses, node)
        return self._keep(node, [self._integral(start + k) for k in range(node.size)])

    def _integral(self, number: int) -> IntArray:
        rule = self.plan.gauss_rules[number]
        if not rule.sign:
            return self.number(Fraction(0))
        if rule.original is not None:
            return self._integral(rule.original) * rule.sign % self.prime
        source = self._sample if rule.scope == "sample" else self._state
        return source["gauss"][..., rule.number] * rule.sign % self.prime

    # Roots

    def sqrt(self, a: IntArray, node: Any) -> IntArray:
        if node.serial in self.drawn:
            return self.drawn[node.serial]  # type: ignore[no-any-return]
        # For p = 3 mod 4 this is multiplicative, so roots of products are products of roots.
        root = modular.power(a, (self.prime + 1) // 4, self.prime)
        self.failed[node.serial] = _flat((root * root - a) % self.prime != 0)[0]
        self._note(a == 0)
        signs = self._signs(node)
        if signs:
            count = max(root.shape[1], *(sign.shape[1] for sign in signs.values()))
            root = np.array(np.broadcast_to(root, (1, count, *root.shape[2:])))
            flat = root.reshape(1, count, -1)
            for entry, sign in signs.items():
                flat[..., entry] = flat[..., entry] * sign % self.prime
        self.drawn[node.serial] = root
        return root

    def _signs(self, node: Node) -> dict[int, IntArray]:
        """The signs of roots that are not canonical, by entry."""
        leaves = self.leaves.keys()
        rules = [rule for rule in self.plan.roots if rule.node.serial == node.serial and rule.sign.leaves <= leaves]
        needed = {other.serial: other for rule in rules for other in rule.sign.nodes}
        values = dict(zip(needed, self.values_of(needed.values()), strict=True))
        numbers = [rule.sign.residues(self, values) for rule in rules]
        if numbers:
            stacked = np.stack(np.broadcast_arrays(*numbers))
            numbers = list(modular.power(stacked, (self.prime - 1) // 2, self.prime))
        signs = {rule.entry: number for rule, number in zip(rules, numbers, strict=True)}
        for serial, entry in self.plan.negated:
            if serial == node.serial:
                signs[entry] = -signs.get(entry, self.number(Fraction(1))) % self.prime
        return signs

    def check_roots(self) -> None:
        """Raises StuckError unless all roots exist: those that depend on the state alone may not."""
        failed = np.zeros(1, dtype=bool)
        for entries in self.failed.values():
            failed = failed | entries.any(axis=1)
        if failed.any():
            raise StuckError("a square root does not exist at this state", np.flatnonzero(failed))

    # The circle

    def _circle(self, a: IntArray, node: Any) -> tuple[IntArray, IntArray]:
        argument, key = node.inputs[0], circle_key(node)
        if key not in self.drawn:
            start = self.plan.angles.start(argument)
            points = [self._turn(start + k) for k in range(argument.size)]
            cos, sin = (self._stack([point[part] for point in points], argument.shape) for part in (0, 1))
            self.drawn[key] = (cos, sin)
            if argument.op not in TRANSCENDENTAL and argument.op != ROOT:
                self.drawn[argument.serial] = (cos, sin)
        cos, sin = self.drawn[key]
        return cos, sin

    def _turn(self, number: int) -> tuple[IntArray, IntArray]:
        """The product of powers of points on the circle, as a complex number."""
        plan, total = self.plan.angles, (self.number(Fraction(1)), self.number(Fraction(0)))
        for powers, source in ((plan.sample_powers, self._sample), (plan.state_powers, self._state)):
            for generator, exponent in powers[number]:
                c, s = self._point(source["angle"][..., generator])
                total = self._rotated(total, self._rotation((c, s if exponent > 0 else -s % self.prime), abs(exponent)))
        return total

    def _rotation(self, point: tuple[IntArray, IntArray], exponent: int) -> tuple[IntArray, IntArray]:
        total = (np.ones_like(point[0]), np.zeros_like(point[1]))
        while exponent:
            if exponent & 1:
                total = self._rotated(total, point)
            exponent >>= 1
            point = self._rotated(point, point) if exponent else point
        return total

    def _rotated(self, a: tuple[IntArray, IntArray], b: tuple[IntArray, IntArray]) -> tuple[IntArray, IntArray]:
        p = self.prime
        return (a[0] * b[0] % p - a[1] * b[1] % p) % p, (a[0] * b[1] % p + a[1] * b[0] % p) % p

    def _point(self, t: IntArray) -> tuple[IntArray, IntArray]:
        square = t * t % self.prime
        below = self.reciprocal((1 + square)[None] % self.prime)[0]
        return (1 - square) % self.prime * below % self.prime, 2 * t % self.prime * below % self.prime

    # Values

    def reciprocal(self, a: IntArray) -> IntArray:
        """Inverses; samples in which a denominator vanishes are noted in `vanished` and get any value."""
        if a.ndim < self.lead:
            inverse: IntArray = super().reciprocal(a[None])[0]
            return inverse
        zero = a == 0
        if np.any(zero):
            self._note(zero)
            a = np.where(zero, 1, a)
        return super().reciprocal(a)

    def _note(self, zero: npt.NDArray[np.bool_]) -> None:
        if np.any(zero):
            self.vanished = self.vanished | _flat(zero)[0].any(axis=1)

    def number(self, number: Fraction) -> IntArray:
        """One number for all samples, (1, 1)."""
        dtype = np.int64 if modular.fits_words(self.prime) else object
        return np.array([[self.residue(number)]], dtype=dtype)

    def _known(self, kind: str, start: int, a: IntArray) -> None:
        """Keep the entries of an argument: exponents, or arguments of logarithms."""
        flat = _flat(a)
        for k in range(flat.shape[2]):
            self._entries[(kind, start + k)] = flat[..., k]

    def _value(self, kind: str, number: int) -> IntArray:
        """An entry of an argument, computed now if this run has not come to it, or never does."""
        if (kind, number) not in self._entries:
            arguments = self.plan.exponentials.arguments
            if kind == "argument":
                arguments = tuple(node.inputs[0] for node in self.plan.logs)
            start = 0
            for argument in arguments:
                if start <= number < start + argument.size:
                    self._known(kind, start, self.values_of([argument])[0])
                start += argument.size
        return self._entries[(kind, number)]

    def _keep(self, node: Node, entries: list[IntArray]) -> IntArray:
        self.drawn[node.serial] = self._stack(entries, node.shape)
        return self.drawn[node.serial]  # type: ignore[no-any-return]

    @staticmethod
    def _stack(entries: list[IntArray], shape: tuple[int, ...]) -> IntArray:
        count = max(entry.shape[1] for entry in entries)
        wide = [np.broadcast_to(entry, (1, count)) for entry in entries]
        return np.stack(wide, axis=-1).reshape(1, count, *shape)


@lru_cache(maxsize=256)
def _program(nodes: tuple[Node, ...]) -> Program:
    return Program.of(nodes)


def _flat(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(1, samples, entries)"""
    return a[:1].reshape(1, a.shape[1], -1)
