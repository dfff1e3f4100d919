"""Relations that involve logarithms, through differentials.

A product of powers of arguments of logarithms and of exponentials is constant exactly if the sum of their logarithmic
derivatives vanishes: sum q_k dv_k / v_k + sum r_i du_i = 0. So log v_k is a rational combination of earlier
logarithms and exponents, plus a constant, if its logarithmic derivative is one of theirs; and exp of a combination of
logarithms is a product of powers of their arguments, as (1 + e^x)^2 = exp(2 softplus(x)) in the Mish activation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from lielaws.errors import ExactnessError
from lielaws.graph.functions import exp
from lielaws.graph.node import Leaf, Node, ancestors
from lielaws.graph.plan import Plan, ProductRule, SumRule
from lielaws.graph.sampling import STATE_ROLES, Sampler
from lielaws.linalg import dense, lift_rows, modular, rational_reconstruction
from lielaws.numbers.modular import Modular

IntArray = npt.NDArray[np.int64]

_PRIMES = (2**31 - 1, 2**31 - 61)
_SPARE = 12


@dataclass(frozen=True, slots=True)
class _Differentials:
    """Derivatives along random directions: of everything, and of the data alone.

    powers : values at the base points, of the exponentials in place of exponents
    """

    prime: int
    total: IntArray
    data: IntArray
    powers: IntArray


def plan_logarithms(logs: tuple[Node, ...], plan: Plan, known: Plan) -> Plan:
    """Rules for the logarithms, each against all earlier ones and all exponents that do not contain it."""
    if not logs:
        return plan
    arguments = [node.inputs[0] for node in logs]
    # Exponentials of the level of the logarithms themselves are not in their arguments.
    free = [argument for argument in known.exponentials.arguments if not _contains_log(argument)]
    count = sum(node.size for node in arguments)
    runs = [_differentials([*arguments, *free], count, known, prime, free) for prime in _PRIMES]
    numbers = [plan.exponentials.start(argument) + k for argument in free for k in range(argument.size)]
    rules: list[SumRule] = []
    primes: list[int] = []
    for k in range(count):
        rule = _log_rule(k, count, numbers, runs, rules)
        primes += [prime for prime, _ in rule.constants if prime not in primes]
        rules.append(rule)
    return replace(plan, logs=logs, log_rules=tuple(rules), constant_primes=tuple(primes))


def _log_rule(
    k: int, count: int, numbers: Sequence[int], runs: Sequence[_Differentials], rules: Sequence[SumRule]
) -> SumRule:
    # Columns: logarithms first, then exponents; a logarithm may use those before it.
    earlier = [*range(k), *range(count, count + len(numbers))]
    for scope in ("total", "data"):
        found = _combination(getattr(runs[0], scope), earlier, k, runs[0].prime)
        if found is None:
            continue
        if not _confirms(getattr(runs[1], scope), found, k, runs[1].prime):
            raise ExactnessError(
                "a relation between logarithms could not be confirmed; this cannot be resolved exactly"
            )
        logs = tuple((column, factor) for column, factor in found.items() if column < count)
        exponents = tuple((numbers[column - count], factor) for column, factor in found.items() if column >= count)
        if scope == "data":
            return SumRule(logs, exponents, "state")
        return SumRule(logs, exponents, "", _constants(found, k, count, runs))
    return SumRule(fresh="sample")


def _combination(matrix: IntArray, columns: Sequence[int], target: int, p: int) -> dict[int, Fraction] | None:
    """The target column as a rational combination of an independent set of the others; None if it is none."""
    basis = [columns[k] for k in dense.rref(np.ascontiguousarray(matrix[:, columns]), p)[1]] if columns else []
    kernel = dense.nullspace(np.ascontiguousarray(matrix[:, [target, *basis]]), p)
    if not len(kernel):
        return None
    lifted = lift_rows(kernel.tolist(), p)
    if lifted is None or len(lifted) != 1 or not lifted[0][0]:
        raise ExactnessError("logarithms are related by unusual rational numbers; this cannot be resolved exactly")
    row = lifted[0]
    return {column: -entry / row[0] for column, entry in zip(basis, row[1:], strict=True) if entry}


def _confirms(matrix: IntArray, combination: dict[int, Fraction], target: int, p: int) -> bool:
    total = -matrix[:, target]
    for column, factor in combination.items():
        total = total + matrix[:, column] * (factor.numerator * pow(factor.denominator, -1, p) % p) % p
    return not np.any(total % p)


def _constants(
    combination: dict[int, Fraction], target: int, count: int, runs: Sequence[_Differentials]
) -> tuple[tuple[int, Fraction], ...]:
    """The constant in log v = sum q_k log v_k + sum r_i u_i + c, as logarithms of prime numbers."""
    denominator = int(np.lcm.reduce([factor.denominator for factor in combination.values()] or [1]))
    ratios = []
    for run in runs:
        value = modular.power(run.powers[:, target], denominator, run.prime)
        for column, factor in combination.items():
            exponent = -int(factor * denominator)
            base = run.powers[:, column] if exponent > 0 else modular.inverse(run.powers[:, column], run.prime)
            value = value * modular.power(base, abs(exponent), run.prime) % run.prime
        lifted = rational_reconstruction(int(value[0]), run.prime) if np.all(value == value[0]) else None
        ratios.append(lifted)
    if ratios[0] is None or ratios[0] != ratios[1] or ratios[0] <= 0:
        raise ExactnessError("two logarithms differ by a constant that is no logarithm of a rational number")
    from sympy import factorint

    powers = factorint(ratios[0].numerator)
    for prime, exponent in factorint(ratios[0].denominator).items():
        powers[prime] = powers.get(prime, 0) - exponent
    return tuple((int(prime), Fraction(int(e), denominator)) for prime, e in powers.items() if prime > 1)


def plan_products(plan: Plan, nodes: Sequence[Node], known: Plan) -> Plan:
    """Exponentials whose exponent is a combination of logarithms and earlier exponents become products of powers."""
    rules = dict(known.products)
    for argument in plan.exponentials.arguments:
        if not _contains_log(argument):
            continue
        logs = tuple(node for node in known.logs if node.serial <= argument.serial)
        start = plan.exponentials.start(argument)
        for k in range(argument.size):
            if start + k not in rules and (rule := _product_rule(argument, k, logs, plan, known)) is not None:
                rules[start + k] = rule
    return replace(plan, products=tuple(rules.items()))


def _product_rule(argument: Node, entry: int, logs: tuple[Node, ...], plan: Plan, known: Plan) -> ProductRule | None:
    free = [other for other in known.exponentials.arguments if not _contains_log(other)]
    count = sum(node.size for node in logs)
    arguments = [*(node.inputs[0] for node in logs), *free, argument]
    runs = [_differentials(arguments, count, known, prime) for prime in _PRIMES]
    target = runs[0].total.shape[1] - argument.size + entry
    others = list(range(runs[0].total.shape[1] - argument.size))
    found = _combination(runs[0].total, others, target, runs[0].prime)
    if found is None or all(column >= count for column in found):
        return None
    if any(factor.denominator != 1 for factor in found.values()):
        raise ExactnessError("exp of a fraction of a logarithm is a root that cannot be resolved exactly so far")
    numbers = [plan.exponentials.start(other) + k for other in free for k in range(other.size)]
    if not _vanishes(found, target, [*logs, *free, argument], known):
        raise ExactnessError("exp of a logarithm plus a constant cannot be resolved exactly so far")
    powers = tuple((column, int(factor)) for column, factor in found.items() if column < count)
    exponentials = tuple((numbers[column - count], int(factor)) for column, factor in found.items() if column >= count)
    return ProductRule(Fraction(1), powers, exponentials)


def _vanishes(combination: dict[int, Fraction], target: int, nodes: Sequence[Node], known: Plan) -> bool:
    """Whether the exponent equals the combination of logarithms and exponents itself, without a constant."""
    for prime in _PRIMES:
        sampler, rng = Sampler(nodes, known), np.random.default_rng(prime)
        state = sampler.draw_state(rng, _SPARE, prime)
        values = sampler.run(state, sampler.draw_sample(rng, _SPARE, prime, state), prime)[0]
        if not _confirms(_columns(values, nodes, _SPARE)[0], combination, target, prime):
            return False
    return True


def _contains_log(node: Node) -> bool:
    return any(other.op == "log" for other in ancestors([node]))


def _differentials(
    nodes: Sequence[Node], logs: int, plan: Plan, prime: int, exponents: Sequence[Node] = ()
) -> _Differentials:
    """Differentials of the entries; the first `logs` of them divided by their values."""
    sampler = Sampler(nodes, plan)
    count = sum(node.size for node in nodes) + _SPARE
    rng = np.random.default_rng(prime)
    state = sampler.draw_state(rng, count, prime)
    sample = sampler.draw_sample(rng, count, prime, state)
    values, drawing = sampler.run(state, sample, prime)
    base = _columns(values, nodes, count)[0]
    slopes = []
    for frozen in ((), STATE_ROLES):
        moved = {
            leaf: _move(leaf, value, frozen, rng, prime) for leaf, value in {**state.leaves, **sample.leaves}.items()
        }
        jets = _columns(sampler.program.run(Modular(prime, drawing.drawn), moved), nodes, count)
        slope = jets[1] if len(jets) > 1 else np.zeros_like(base)
        slope[:, :logs] = slope[:, :logs] * modular.inverse(base[:, :logs], prime) % prime
        slopes.append(slope)
    powers = base.copy()
    if exponents:
        values, _ = Sampler([*nodes, *map(exp, exponents)], plan).run(state, sample, prime)
        powers[:, logs:] = _columns(values[len(nodes) :], [exp(node) for node in exponents], count)[0]
    return _Differentials(prime, slopes[0], slopes[1], powers)


def _move(leaf: Leaf, value: IntArray, frozen: Sequence[str], rng: np.random.Generator, prime: int) -> IntArray:
    direction = np.zeros_like(value) if leaf.role in frozen else rng.integers(0, prime, value.shape, dtype=np.int64)
    return np.concatenate([value, direction])


def _columns(values: Sequence[IntArray], nodes: Sequence[Node], count: int) -> IntArray:
    """(jets, samples, entries)"""
    jets = max(value.shape[0] for value in values)
    result = []
    for value, node in zip(values, nodes, strict=True):
        flat = np.zeros((jets, count, node.size), dtype=np.int64)
        flat[: value.shape[0]] = value.reshape(*value.shape[:2], -1)
        result.append(flat)
    return np.concatenate(result, axis=2)
