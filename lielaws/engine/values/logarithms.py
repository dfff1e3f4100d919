"""Logarithms as combinations of earlier ones, found through differentials.

A product of powers of arguments of logarithms and of exponentials is constant exactly if the sum of their logarithmic
derivatives vanishes: sum q_k dv_k / v_k + sum r_i du_i = 0. So log v_k is a rational combination of earlier
logarithms and exponents, plus a constant, if its logarithmic derivative is one of theirs. If that holds along the data
only, it is such a combination plus a value that belongs to the state; those are compared between activation patterns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import flint
import numpy as np
import numpy.typing as npt

from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.graph.functions import ROOT, TRANSCENDENTAL, exp
from lielaws.engine.graph.node import Leaf, Node, nesting
from lielaws.engine.linalg import dense, lift_rows, modular, rational_reconstruction
from lielaws.engine.values.plan import Plan, SumRule, Terms
from lielaws.engine.values.trial import PRIMES, SPARE, Pattern, Points, UndefinedPatternError, flattened, trials
from lielaws.errors import ExactnessError

IntArray = npt.NDArray[np.int64]

Combination = dict[int, Fraction]
"""number of a column -> factor"""


@dataclass(frozen=True, slots=True)
class LogPlan:
    """The rules for the logarithms of one pattern, with the numbers of free values of a sample and of a state."""

    rules: tuple[SumRule, ...] = ()
    values: tuple[int, int] = (0, 0)
    primes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Columns:
    """Logarithms and exponents of one pattern at common states, modulo one prime: (states, columns) each.

    total, data : derivatives along random directions, of everything and of the data alone
    powers : values, of the exponentials in place of exponents
    """

    prime: int
    total: IntArray
    data: IntArray
    powers: IntArray


@dataclass(slots=True)
class _Remainders:
    """What logarithms have that does not depend on data: one free value of the state each.

    terms : each as a combination of columns, by (pattern, column)
    slopes : its derivatives at the states, for each prime
    """

    terms: list[dict[tuple[int, int], Fraction]] = field(default_factory=list)
    slopes: list[tuple[IntArray, ...]] = field(default_factory=list)


class _TooFewStatesError(Exception):
    """More remainders than the states tell apart."""


def plan_logarithms(logs: tuple[Node, ...], patterns: Sequence[Pattern], plans: Sequence[Plan]) -> list[LogPlan]:
    """Rules for the logarithms, each against all earlier ones and all exponents of lower levels.

    patterns : with the plans of lower levels; plans : with the numbers of the exponents of this level
    """
    if not logs:
        return [LogPlan()] * len(patterns)
    more = 2 * SPARE
    while True:
        try:
            return _Planner(logs, patterns, plans, more).plan()
        except _TooFewStatesError:
            more *= 2


class _Planner:
    def __init__(self, logs: tuple[Node, ...], patterns: Sequence[Pattern], plans: Sequence[Plan], more: int) -> None:
        self._arguments = [node.inputs[0] for node in logs]
        self._count = sum(node.size for node in self._arguments)
        exponents = patterns[0].plan.exponentials.arguments
        self._spare = more
        # Values are found from those of lower levels, so that none is needed for itself.
        level = nesting([*self._arguments, *exponents], (*TRANSCENDENTAL, ROOT))
        inner = [level[argument.serial] for argument in exponents for _ in range(argument.size)]
        self._lower = [
            [column for column, below in enumerate(inner) if below < level[argument.serial]]
            for argument in self._arguments
            for _ in range(argument.size)
        ]
        self._numbers = [
            [plan.exponentials.start(argument) + k for argument in exponents for k in range(argument.size)]
            for plan in plans
        ]
        self._runs = [
            list(columns)
            for columns in zip(*(_columns(self._arguments, exponents, patterns, p, more) for p in PRIMES), strict=True)
        ]
        self._remainders = _Remainders()

    def plan(self) -> list[LogPlan]:
        plans = [self._of_pattern(number) for number in range(len(self._runs))]
        primes = tuple(dict.fromkeys(prime for rules in plans for rule in rules for prime, _ in rule.constants))
        return [LogPlan(tuple(rules), (_fresh(rules), len(self._remainders.terms)), primes) for rules in plans]

    def _of_pattern(self, number: int) -> list[SumRule]:
        rules: list[SumRule] = []
        for k in range(self._count):
            rules.append(self._rule(number, k, _fresh(rules)))
        return rules

    def _rule(self, pattern: int, k: int, fresh: int) -> SumRule:
        # Columns: logarithms first, then exponents; a logarithm may use those before it.
        own = [*range(k), *(self._count + column for column in self._lower[k])]
        width = self._count + len(self._numbers[pattern])
        states = list(range(width, width + len(self._remainders.slopes)))
        whole = [
            np.concatenate([run.total, *(slopes[j][:, None] for slopes in self._remainders.slopes)], axis=1)
            for j, run in enumerate(self._runs[pattern])
        ]
        found = _related(whole, own + states, k)
        if found is not None:
            terms = {column: factor for column, factor in found.items() if column < width}
            used = tuple((column - width, factor) for column, factor in found.items() if column >= width)
            return self._sum(pattern, terms, used, self._constants(pattern, k, terms, used))
        found = _related([run.data for run in self._runs[pattern]], own, k)
        if found is None:
            return SumRule(fresh=fresh)
        self._remember(pattern, k, found)
        return self._sum(pattern, found, ((len(self._remainders.terms) - 1, Fraction(1)),), ())

    def _sum(self, pattern: int, terms: Combination, states: Terms, constants: Terms) -> SumRule:
        logs = tuple((column, factor) for column, factor in terms.items() if column < self._count)
        numbers = self._numbers[pattern]
        exponents = tuple(
            (numbers[column - self._count], factor) for column, factor in terms.items() if column >= self._count
        )
        return SumRule(logs, exponents, None, states, constants)

    def _remember(self, pattern: int, k: int, found: Combination) -> None:
        terms = {(pattern, k): Fraction(1)} | {(pattern, column): -factor for column, factor in found.items()}
        slopes = []
        for run in self._runs[pattern]:
            total = run.total[:, k].copy()
            for column, factor in found.items():
                total = (total - run.total[:, column] * _residue(factor, run.prime)) % run.prime
            slopes.append(total)
        self._remainders.terms.append(terms)
        self._remainders.slopes.append(tuple(slopes))
        if len(self._remainders.terms) > self._spare - SPARE:
            raise _TooFewStatesError

    def _constants(self, pattern: int, k: int, terms: Combination, states: Terms) -> Terms:
        """The constant in log v = sum q_k log v_k + sum r_i u_i + .., as logarithms of prime numbers."""
        total = {(pattern, k): Fraction(1)}
        for column, factor in terms.items():
            total[(pattern, column)] = total.get((pattern, column), Fraction(0)) - factor
        for state, factor in states:
            for key, weight in self._remainders.terms[state].items():
                total[key] = total.get(key, Fraction(0)) - factor * weight
        denominator = int(np.lcm.reduce([factor.denominator for factor in total.values()]))
        ratios = []
        for j in range(len(PRIMES)):
            prime = PRIMES[j]
            value = np.ones(len(self._runs[pattern][j].powers), dtype=np.int64)
            for (other, column), factor in total.items():
                base = self._runs[other][j].powers[:, column]
                value = value * modular.power(base, int(factor * denominator), prime) % prime
            lifted = rational_reconstruction(int(value[0]), prime) if np.all(value == value[0]) else None
            ratios.append(lifted)
        if ratios[0] is None or ratios[0] != ratios[1] or ratios[0] <= 0:
            raise ExactnessError("two logarithms differ by a constant that is no logarithm of a rational number")
        return _prime_powers(ratios[0], denominator)


def _prime_powers(ratio: Fraction, denominator: int) -> Terms:
    powers = {int(prime): int(e) for prime, e in flint.fmpz(ratio.numerator).factor()}
    powers |= {int(prime): -int(e) for prime, e in flint.fmpz(ratio.denominator).factor()}
    return tuple((prime, Fraction(e, denominator)) for prime, e in powers.items())


def _fresh(rules: Sequence[SumRule]) -> int:
    return sum(rule.fresh is not None for rule in rules)


def _residue(factor: Fraction, p: int) -> int:
    return factor.numerator * pow(factor.denominator, -1, p) % p


def _related(matrices: Sequence[IntArray], columns: Sequence[int], target: int) -> Combination | None:
    """The target column as a rational combination of an independent set of the others; None if it is none."""
    found = _combination(matrices[0], columns, target, PRIMES[0])
    if found is None:
        return None
    p, total = PRIMES[1], -matrices[1][:, target]
    for column, factor in found.items():
        total = total + matrices[1][:, column] * _residue(factor, p) % p
    if np.any(total % p):
        raise ExactnessError("a relation between logarithms could not be confirmed; this cannot be resolved exactly")
    return found


def _combination(matrix: IntArray, columns: Sequence[int], target: int, p: int) -> Combination | None:
    basis = [columns[k] for k in dense.rref(np.ascontiguousarray(matrix[:, columns]), p)[1]] if columns else []
    kernel = dense.nullspace(np.ascontiguousarray(matrix[:, [target, *basis]]), p)
    if not len(kernel):
        return None
    lifted = lift_rows(kernel.tolist(), p)
    if lifted is None or len(lifted) != 1 or not lifted[0][0]:
        raise ExactnessError("logarithms are related by unusual rational numbers; this cannot be resolved exactly")
    row = lifted[0]
    return {column: -entry / row[0] for column, entry in zip(basis, row[1:], strict=True) if entry}


def _columns(
    arguments: Sequence[Node], exponents: Sequence[Node], patterns: Sequence[Pattern], prime: int, more: int
) -> list[_Columns]:
    logs = sum(node.size for node in arguments)
    count = logs + sum(node.size for node in exponents) + more
    nodes = [*arguments, *exponents, *map(exp, exponents)]
    found = []
    for number, (points,) in enumerate(trials(nodes, patterns, prime, count)):
        if not points.values[:, :logs].all():
            raise UndefinedPatternError(number)
        # The same directions of the state for all patterns.
        state = _directions(points.state.leaves, np.random.default_rng(prime), prime)
        sample = _directions(points.sample.leaves, np.random.default_rng(prime + 1), prime)
        still = {leaf: np.zeros_like(value) for leaf, value in state.items()}
        gates = {leaf: np.zeros_like(value) for leaf, value in points.sampler.gates.items()}
        width = logs + sum(node.size for node in exponents)
        base = points.values
        slopes = []
        for directions in (state | sample | gates, still | sample | gates):
            slope = _slopes(points, directions)[:, :width]
            slope[:, :logs] = slope[:, :logs] * modular.inverse(base[:, :logs], prime) % prime
            slopes.append(slope)
        powers = np.concatenate([base[:, :logs], base[:, width:]], axis=1)
        found.append(_Columns(prime, slopes[0], slopes[1], powers))
    return found


def _directions(leaves: Mapping[Leaf, IntArray], rng: np.random.Generator, prime: int) -> dict[Leaf, IntArray]:
    ordered = sorted(leaves.items(), key=lambda item: (item[0].role, item[0].name))
    return {leaf: rng.integers(0, prime, value.shape, dtype=np.int64) for leaf, value in ordered}


def _slopes(points: Points, directions: dict[Leaf, IntArray]) -> IntArray:
    """The derivatives of the entries along the directions, (samples, entries)."""
    moved = {
        leaf: np.concatenate([value, np.broadcast_to(directions[leaf], value.shape)])
        for leaf, value in points.drawing.leaves.items()
    }
    values = points.sampler.program.run(Modular(points.prime, points.drawing.drawn), moved)
    jets = flattened(values, points.sampler.outputs, points.count)
    return jets[1] if len(jets) > 1 else np.zeros_like(jets[0])
