"""Exponentials, and points on the circle, as products of powers of generators.

The exponents are integer combinations of a few that are independent: modulo those that do not depend on data, and
modulo logarithms, whose exponentials are the arguments of the logarithms. Relations are found from values at random
states with two samples each, under every activation pattern; combinations without data are compared between the
patterns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import flint
import numpy as np
import numpy.typing as npt

from lielaws.engine.graph.node import Node
from lielaws.engine.values.lattice import Quotient, check_relations, quotient, relations
from lielaws.engine.values.plan import ExponentPlan, Plan, Powers, ProductRule, SumRule
from lielaws.engine.values.trial import PRIMES, SPARE, Pattern, Points, trials
from lielaws.errors import ExactnessError

IntArray = npt.NDArray[np.int64]
Integers = npt.NDArray[np.object_]

Product = tuple[int, ProductRule]


def plan_exponents(
    arguments: tuple[Node, ...], patterns: Sequence[Pattern], logarithms: bool
) -> list[tuple[ExponentPlan, tuple[Product, ...]]]:
    """For each pattern the powers of generators of each exponential, and products of arguments of logarithms.

    logarithms : whether the exponential of a logarithm is known, as it is not for points on the circle
    """
    if not arguments:
        return [(ExponentPlan(), ())] * len(patterns)
    runs = list(_evaluated(arguments, patterns, 0))
    samples = [_Sample(pattern.plan, points, logarithms) for pattern, points in zip(patterns, runs, strict=True)]
    state = _State.of(samples, runs, arguments, patterns, logarithms)
    return [
        _plan(arguments, sample, pattern.plan, state, number)
        for number, (sample, pattern) in enumerate(zip(samples, patterns, strict=True))
    ]


def _evaluated(arguments: tuple[Node, ...], patterns: Sequence[Pattern], more: int) -> Iterator[list[list[Points]]]:
    """For each pattern, two samples at the same states for each prime."""
    size = sum(node.size for node in arguments)
    known = max(sum(pattern.plan.log_values) for pattern in patterns)
    count = size + known + SPARE + more
    runs = [trials(arguments, patterns, prime, count, samples=2) for prime in PRIMES]
    for points in zip(*runs, strict=True):
        yield list(points)


class _Sample:
    """The exponents of one pattern modulo those without data and logarithms.

    quotient : coordinates of the exponents; those in `top` do not depend on data, up to logarithms
    logs : (combinations, logarithms): what to add to each of them
    """

    def __init__(self, plan: Plan, runs: Sequence[Sequence[Points]], logarithms: bool) -> None:
        self._logs = plan.log_values[0] if logarithms else 0
        changes = [(self._columns(first) - self._columns(second)) % first.prime for first, second in runs]
        self.size = changes[0].shape[1] - self._logs
        found = relations(changes[0], runs[0][0].prime)
        check_relations(found, changes[1], runs[1][0].prime)
        self.quotient, self.logs = _split(found, self.size)

    def _columns(self, points: Points) -> IntArray:
        return np.concatenate([points.values, points.sample.free.values["log"][0][:, : self._logs]], axis=1)

    def combinations(self, points: Points) -> IntArray:
        """The values of the combinations without data, (states, combinations)."""
        columns = self._columns(points)
        rows = np.concatenate([self.quotient.basis.T, self.logs], axis=1)
        return _combined(columns, rows, points.prime)


@dataclass(frozen=True, slots=True)
class _State:
    """All combinations without data, of all patterns, modulo logarithms and relations.

    place : the number of each combination of each pattern among the distinct ones
    quotient, logs : as for a sample; the columns are the distinct combinations and the number one
    """

    place: list[list[int]]
    quotient: Quotient
    logs: Integers

    @classmethod
    def of(
        cls,
        samples: Sequence[_Sample],
        runs: Sequence[list[list[Points]]],
        arguments: tuple[Node, ...],
        patterns: Sequence[Pattern],
        logarithms: bool,
    ) -> _State:
        total = sum(len(sample.logs) for sample in samples)
        if not total:
            nothing = np.zeros((0, 0), dtype=object)
            return cls([[] for _ in samples], Quotient(nothing, nothing, nothing), nothing)
        while True:
            first, second, known = cls._values(samples, runs, logarithms)
            place, distinct = _distinct(first)
            needed = len(distinct) + known.shape[2] + SPARE
            if needed <= len(first):
                break
            # As many combinations as there are states would all seem related.
            runs = list(_evaluated(arguments, patterns, needed))
        columns = [
            np.concatenate([values[:, distinct], np.ones((len(values), 1), dtype=np.int64), logs], axis=1)
            for values, logs in zip((first, second), known, strict=True)
        ]
        # The number one is an exponent too: exp(u + 1) and exp(u) differ by a constant.
        found = relations(columns[0], PRIMES[0])
        check_relations(found, columns[1], PRIMES[1])
        parts, logs = _split(found, len(distinct) + 1)
        used = parts.bottom[:, : len(distinct)].any(axis=1)
        parts = replace(parts, bottom=parts.bottom[used])
        ends = np.cumsum([len(sample.logs) for sample in samples])
        return cls([list(part) for part in np.split(place, ends[:-1])], parts, logs)

    @staticmethod
    def _values(
        samples: Sequence[_Sample], runs: Sequence[list[list[Points]]], logarithms: bool
    ) -> tuple[IntArray, IntArray, IntArray]:
        """All combinations modulo two primes, and the logarithms of the state."""
        rows: list[list[IntArray]] = [[], []]
        known: list[IntArray] = []
        for sample, points in zip(samples, runs, strict=True):
            for values, (first, _) in zip(rows, points, strict=True):
                values.append(sample.combinations(first))
            if not known:
                known = [_state_logs(first, logarithms) for first, _ in points]
        return np.concatenate(rows[0], axis=1), np.concatenate(rows[1], axis=1), np.stack(known)


def _state_logs(points: Points, logarithms: bool) -> IntArray:
    """Values of the logarithms of the state, then of those of prime numbers."""
    free = points.state.free.values
    parts = [free["log"][0], free["prime"][0]] if logarithms else [free["log"][0][:, :0]]
    return np.concatenate(parts, axis=1)


def _split(rows: Sequence[Sequence[int]], size: int) -> tuple[Quotient, Integers]:
    """Coordinates for the first columns modulo the relations, and what each basis vector has in the other columns.

    A basis vector x with b has x . u + b . L without data, or zero.
    """
    left, right = [list(row[:size]) for row in rows], [list(row[size:]) for row in rows]
    parts = quotient(left, size)
    width = len(right[0]) if right else 0
    logs = np.zeros((len(rows), width), dtype=object)
    if not any(map(any, right)):
        return parts, logs
    # The basis of the quotient in terms of the relations, with what these have in logarithms.
    matrix = flint.fmpq_mat(flint.fmpz_mat(left).transpose())
    gram = matrix.transpose() * matrix
    factors = gram.inv() * matrix.transpose() * flint.fmpq_mat(flint.fmpz_mat(parts.basis.tolist()))
    for k in range(len(rows)):
        weights = [factors[j, k] for j in range(len(rows))]
        if any(weight.q != 1 for weight in weights):
            raise ExactnessError("exp of a fraction of a logarithm is a root that cannot be resolved exactly so far")
        for column in range(width):
            logs[k, column] = sum(int(weight.p) * row[column] for weight, row in zip(weights, right, strict=True))
    return parts, logs


def _combined(columns: IntArray, rows: Integers, p: int) -> IntArray:
    """columns @ rows.T modulo p, for short rows."""
    result = np.zeros((len(columns), len(rows)), dtype=np.int64)
    for number, row in enumerate(rows):
        for k, entry in enumerate(row):
            if entry:
                result[:, number] = (result[:, number] + columns[:, k] * (int(entry) % p)) % p
    return result


def _distinct(columns: IntArray) -> tuple[IntArray, list[int]]:
    """For each column the number of the first that equals it among those, and their positions."""
    seen: dict[bytes, int] = {}
    distinct: list[int] = []
    place = []
    for k in range(columns.shape[1]):
        key = np.ascontiguousarray(columns[:, k]).tobytes()
        if key not in seen:
            seen[key] = len(distinct)
            distinct.append(k)
        place.append(seen[key])
    return np.array(place, dtype=np.int64), distinct


def _plan(
    arguments: tuple[Node, ...], sample: _Sample, plan: Plan, state: _State, number: int
) -> tuple[ExponentPlan, tuple[Product, ...]]:
    place = state.place[number]
    # An exponent is generators, and combinations without data; those are generators of the state, and logarithms.
    top, bottom = sample.quotient.top, sample.quotient.bottom
    parts = state.quotient.bottom[:, place] @ top if place else None
    of_sample = -(sample.logs.T @ top) if sample.logs.size else None
    of_state = -(state.logs.T @ state.quotient.top[:, place] @ top) if place and state.logs.size else None
    products = []
    for k in range(sample.size):
        rule = _product(
            plan,
            [] if of_sample is None else of_sample[:, k].tolist(),
            [] if of_state is None else of_state[:, k].tolist(),
        )
        if rule is not None:
            products.append((k, rule))
    group = ExponentPlan(
        arguments,
        tuple(_powers(bottom[:, k]) for k in range(sample.size)),
        tuple(() if parts is None else _powers(parts[:, k]) for k in range(sample.size)),
        len(bottom),
        len(state.quotient.bottom),
    )
    return group, tuple(products)


def _product(plan: Plan, of_sample: list[int], of_state: list[int]) -> ProductRule | None:
    """exp of integer multiples of the free logarithms of the sample and of the state, and of those of primes."""
    logs = {("sample", k): count for k, count in enumerate(of_sample) if count}
    fresh = plan.log_values[1]
    logs |= {("state", k): count for k, count in enumerate(of_state[:fresh]) if count}
    primes = {k: count for k, count in enumerate(of_state[fresh:]) if count}
    if not logs and not primes:
        return None
    factor = Fraction(1)
    for k, count in primes.items():
        factor *= Fraction(plan.constant_primes[k]) ** int(count)
    arguments: dict[int, int] = {}
    exponentials: dict[int, int] = {}
    for (scope, k), count in logs.items():
        entry, sign, own = _defining(plan, scope, k)
        arguments[entry] = arguments.get(entry, 0) + int(sign * count)
        for terms, total in ((own.logs, arguments), (own.exponents, exponentials)):
            for other, weight in terms:
                total[other] = total.get(other, 0) - _integer(weight * sign * count)
        for prime, weight in own.constants:
            factor /= Fraction(prime) ** _integer(weight * sign * count)
    return ProductRule(factor, _sorted(arguments), _sorted(exponentials))


def _defining(plan: Plan, scope: str, number: int) -> tuple[int, int, SumRule]:
    """The logarithm in which a free value occurs alone: its number, the sign of the free value, and its rule."""
    for entry, rule in enumerate(plan.log_rules):
        if scope == "sample" and rule.fresh == number and not rule.states:
            return entry, 1, rule
        if scope == "state" and rule.fresh is None and len(rule.states) == 1 and rule.states[0][0] == number:
            sign = rule.states[0][1]
            if abs(sign) == 1:
                return entry, int(sign), rule
    raise ExactnessError("exp of a combination of logarithms cannot be resolved exactly")


def _integer(weight: Fraction) -> int:
    if weight.denominator != 1:
        raise ExactnessError("exp of a fraction of a logarithm is a root that cannot be resolved exactly so far")
    return int(weight)


def _sorted(powers: dict[int, int]) -> Powers:
    return tuple(sorted((k, count) for k, count in powers.items() if count))


def _powers(column: Integers) -> Powers:
    return tuple((k, int(exponent)) for k, exponent in enumerate(column) if exponent)
