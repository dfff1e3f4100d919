"""Base values: one run of a graph at the base point, in which every function gets its value from the generators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.graph.plan import ExponentPlan, Plan, entry_start
from lielaws.linalg import modular
from lielaws.numbers.modular import Modular

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FreeValues:
    """Residues for the generators: kind -> (1, count, generators); an angle is a parameter of the circle."""

    values: Mapping[str, IntArray]

    @classmethod
    def draw(cls, plan: Plan, scope: int, rng: np.random.Generator, count: int, prime: int) -> FreeValues:
        """scope : 0 for a sample, 1 for a state"""
        sizes = {kind: numbers[scope] for kind, numbers in plan.free_values.items()}
        # Exponentials are invertible, so zero is left out; for the others one residue less does no harm.
        return cls({kind: modular.residues(rng, prime, (1, count, size), 1) for kind, size in sizes.items()})

    def select(self, chosen: Any) -> FreeValues:
        return FreeValues({kind: array[:, chosen] for kind, array in self.values.items()})


class Drawing(Modular):
    """Arithmetic of residues (no jets) that determines base values and keeps them in `bases`.

    failed : where a root does not exist modulo the prime: (samples, entries) for each sqrt node
    vanished : samples in which a denominator is zero
    """

    def __init__(self, prime: int, plan: Plan, state: FreeValues, sample: FreeValues) -> None:
        super().__init__(prime, {})
        self.plan = plan
        self.drawn: dict[int, Any] = {}
        self.failed: dict[int, npt.NDArray[np.bool_]] = {}
        self.vanished: npt.NDArray[np.bool_] = np.zeros(1, dtype=bool)
        self._state, self._sample = state.values, sample.values
        self._exponents: dict[int, IntArray] = {}
        self._exponentials: dict[int, IntArray] = {}
        self._log_arguments: dict[int, IntArray] = {}
        self._logs: dict[int, IntArray] = {}
        self._gausses: dict[int, IntArray] = {}

    def exp(self, a: IntArray, node: Any) -> IntArray:
        argument = node.inputs[0]
        start = self.plan.exponentials.start(argument)
        products = dict(self.plan.products)
        flat, entries = _flat(a), []
        for k in range(argument.size):
            number = start + k
            self._exponents[number] = flat[..., k]
            value = (
                self._product(products[number])
                if number in products
                else self._powers(self.plan.exponentials, "exp", number)
            )
            self._exponentials[number] = value
            entries.append(value)
        return self._keep(node.serial, entries, node.shape)

    def _powers(self, plan: ExponentPlan, kind: str, number: int) -> IntArray:
        value = np.ones((1, 1), dtype=np.int64)
        for powers, source in ((plan.sample_powers, self._sample), (plan.state_powers, self._state)):
            for generator, exponent in powers[number]:
                value = value * self._power(source[kind][..., generator], exponent) % self.prime
        return value

    def _power(self, base: IntArray, exponent: int) -> IntArray:
        if exponent < 0:
            base, exponent = self.reciprocal(base), -exponent
        return modular.power(base, exponent, self.prime)

    def _product(self, rule: Any) -> IntArray:
        value = np.full((1, 1), self.residue(rule.factor), dtype=np.int64)
        for powers, source in ((rule.arguments, self._log_arguments), (rule.exponentials, self._exponentials)):
            for number, exponent in powers:
                value = value * self._power(source[number], exponent) % self.prime
        return value

    def log(self, a: IntArray, node: Any) -> IntArray:
        start = entry_start(self.plan.logs, node)
        flat, entries = _flat(a), []
        for k in range(node.size):
            self._log_arguments[start + k] = flat[..., k]
            self._logs[start + k] = self._sum(start + k)
            entries.append(self._logs[start + k])
        return self._keep(node.serial, entries, node.shape)

    def _sum(self, number: int) -> IntArray:
        rules = self.plan.log_rules
        rule = rules[number]
        total = np.zeros((1, 1), dtype=np.int64)
        if rule.fresh:
            source = self._sample if rule.fresh == "sample" else self._state
            total = source["log"][..., sum(other.fresh == rule.fresh for other in rules[:number])]
        for terms, values in ((rule.logs, self._logs), (rule.exponents, self._exponents)):
            for other, factor in terms:
                total = (total + values[other] * self.residue(factor)) % self.prime
        for prime, factor in rule.constants:
            value = self._state["prime"][..., self.plan.constant_primes.index(prime)]
            total = (total + value * self.residue(factor)) % self.prime
        return total

    def gauss(self, a: IntArray, density: IntArray, node: Any) -> IntArray:
        start, rules, entries = entry_start(self.plan.gausses, node), self.plan.gauss_rules, []
        for number in range(start, start + node.size):
            rule = rules[number]
            if rule.fresh:
                source = self._sample if rule.fresh == "sample" else self._state
                value = source["gauss"][..., sum(other.fresh == rule.fresh for other in rules[:number])]
            elif rule.sign == 0:
                value = np.zeros((1, 1), dtype=np.int64)
            else:
                value = self._gausses[rule.original] * rule.sign % self.prime
            self._gausses[number] = value
            entries.append(value)
        return self._keep(node.serial, entries, node.shape)

    def sqrt(self, a: IntArray, node: Any) -> IntArray:
        # For p = 3 mod 4 this is multiplicative, so roots of products are products of roots.
        root = modular.power(a, (self.prime + 1) // 4, self.prime)
        self.failed[node.serial] = _flat((root * root - a) % self.prime != 0)[0]
        self.drawn[node.serial] = root
        return root

    def _circle(self, a: IntArray, node: Any) -> tuple[IntArray, IntArray]:
        argument = node.inputs[0]
        if argument.serial not in self.drawn:
            start = self.plan.angles.start(argument)
            points = [self._turn(start + k) for k in range(argument.size)]
            cos, sin = (self._stack([point[part] for point in points], argument.shape) for part in (0, 1))
            self.drawn[argument.serial] = (cos, sin)
        cos, sin = self.drawn[argument.serial]
        return cos, sin

    def _turn(self, number: int) -> tuple[IntArray, IntArray]:
        """The product of powers of points on the circle, as a complex number."""
        plan, total = self.plan.angles, (np.ones((1, 1), dtype=np.int64), np.zeros((1, 1), dtype=np.int64))
        for powers, source in ((plan.sample_powers, self._sample), (plan.state_powers, self._state)):
            for generator, exponent in powers[number]:
                c, s = self._point(source["angle"][..., generator])
                s = s if exponent > 0 else -s % self.prime
                for _ in range(abs(exponent)):
                    total = (
                        (total[0] * c - total[1] * s % self.prime) % self.prime,
                        (total[0] * s + total[1] * c % self.prime) % self.prime,
                    )
        return total

    def _point(self, t: IntArray) -> tuple[IntArray, IntArray]:
        square = t * t % self.prime
        below = self.reciprocal((1 + square)[None] % self.prime)[0]
        return (1 - square) % self.prime * below % self.prime, 2 * t % self.prime * below % self.prime

    def reciprocal(self, a: IntArray) -> IntArray:
        """Inverses; samples in which a denominator vanishes are noted in `vanished` and get any value."""
        if a.ndim < self.lead:
            inverse: IntArray = super().reciprocal(a[None])[0]
            return inverse
        zero = a == 0
        if np.any(zero):
            self.vanished = self.vanished | _flat(zero)[0].any(axis=1)
            a = np.where(zero, 1, a)
        return super().reciprocal(a)

    def _keep(self, serial: int, entries: list[IntArray], shape: tuple[int, ...]) -> IntArray:
        self.drawn[serial] = self._stack(entries, shape)
        return self.drawn[serial]  # type: ignore[no-any-return]

    @staticmethod
    def _stack(entries: list[IntArray], shape: tuple[int, ...]) -> IntArray:
        count = max(entry.shape[1] for entry in entries)
        wide = [np.broadcast_to(entry, (1, count)) for entry in entries]
        return np.stack(wide, axis=-1).reshape(1, count, *shape)


def _flat(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(1, samples, entries)"""
    return a[:1].reshape(1, a.shape[1], -1)
