"""Finds the relations between the functions of a graph, and from them the plan of free values.

Functions are resolved in the order of the graph, each against all earlier ones. Exponents: integer relations between
them, and integer combinations that do not depend on data, from their values at random states with two samples each.
Logarithms: rational relations between logarithmic derivatives of their arguments and derivatives of exponents.
Gaussian integrals: arguments that are equal up to sign. That nothing else relates the values is the theorem of Ax
(Schanuel's conjecture for functions) for exponentials and logarithms, and a hypothesis of the upper bound beyond that.

Where arguments contain gates, all of this is done for each of some activation patterns: exp(relu(u)) is 1 or exp(u).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lielaws.engine.graph.functions import ROOT, TRANSCENDENTAL
from lielaws.engine.graph.node import Node, ancestors, nesting
from lielaws.engine.values.exponents import plan_exponents
from lielaws.engine.values.logarithms import plan_logarithms
from lielaws.engine.values.plan import PATTERN, GatePatterns, GaussRule, PatternPlans, Plan
from lielaws.engine.values.signcheck import Surroundings, impossible_patterns
from lielaws.engine.values.signs import plan_roots
from lielaws.engine.values.trial import PRIMES, SPARE, Pattern, UndefinedPatternError, trials
from lielaws.errors import ExactnessError

IntArray = npt.NDArray[np.int64]

FUNCTIONS = TRANSCENDENTAL

_MOST_PATTERNS = 33

_MOST_CONDITIONAL = 4


class NoPatternError(ExactnessError):
    """No activation pattern is left for which functions are resolved."""


def plan_functions(outputs: Sequence[Node], gates: GatePatterns | None = None) -> Plan:
    """The plan for all functions below some nodes, for arbitrary gates and for some activation patterns.

    Patterns at which a function is not defined are left out. Raises ExactnessError, naming what cannot be resolved.
    """
    levels = _levels(outputs)
    gated = () if gates is None else gates.arguments
    patterns = [Pattern()]
    if gates is not None:
        patterns += [Pattern(gates=gates.choose([number]), number=number) for number in range(gates.count)]
    patterns = _possible(patterns, _surroundings([], [], gated).gated)
    complete = gates is None or gates.complete
    for depth, level in enumerate(levels):
        around = _surroundings(levels[: depth + 1], levels[:depth], gated)
        while True:
            try:
                resolved = _resolve(level, patterns, around)
                break
            except UndefinedPatternError as undefined:
                if 0 in undefined.numbers:
                    raise ExactnessError("an argument of a logarithm or of a root is zero at all data") from None
                patterns = _without(patterns, undefined)
                complete = False
        if len(resolved) > len(patterns):
            # Signs of roots were chosen without regard to gates further up.
            resolved = _possible(resolved, _surroundings([], levels[: depth + 1], gated).gated)
        patterns = _few(resolved)
    free, *others = _possible(patterns, gated)
    if gates is not None:
        _check_rest([free, *others])
    return replace(free.plan, patterns=_pattern_plans(others, gates, complete) if others else None)


def _without(patterns: list[Pattern], undefined: UndefinedPatternError) -> list[Pattern]:
    """The patterns without some that are not defined; a few are kept if they are, at some states, and no others are."""
    rest = [pattern for k, pattern in enumerate(patterns) if k not in undefined.numbers]
    if len(rest) < 2 and undefined.still:
        return [patterns[0], *(replace(patterns[k], conditional=True) for k in undefined.numbers[:_MOST_CONDITIONAL])]
    _check_rest(rest)
    return rest


def _few(patterns: list[Pattern]) -> list[Pattern]:
    """The first pattern, and some random ones if there are too many."""
    if len(patterns) <= _MOST_PATTERNS:
        return patterns
    rng = np.random.default_rng(len(patterns))
    chosen = np.sort(rng.choice(np.arange(1, len(patterns)), _MOST_PATTERNS - 1, replace=False))
    return [patterns[0], *(replace(patterns[k], partial=True) for k in chosen)]


def _check_rest(patterns: Sequence[Pattern]) -> None:
    if len(patterns) < 2:
        raise NoPatternError("at every activation pattern that was tried, some function is not defined or resolved")


def _pattern_plans(patterns: Sequence[Pattern], gates: GatePatterns | None, complete: bool) -> PatternPlans:
    numbers = [pattern.number for pattern in patterns]
    values = {} if gates is None else {leaf: array[numbers] for leaf, array in gates.values.items()}
    values[PATTERN] = np.arange(len(patterns))
    chosen = GatePatterns(values, len(patterns), complete and not any(pattern.partial for pattern in patterns))
    return PatternPlans.of(chosen, [pattern.plan for pattern in patterns])


def _possible(patterns: Sequence[Pattern], gated: Sequence[tuple[Node, Node]]) -> list[Pattern]:
    impossible = impossible_patterns(patterns, gated)
    return [pattern for number, pattern in enumerate(patterns) if number not in impossible]


def _levels(outputs: Sequence[Node]) -> list[list[Node]]:
    """Functions and roots by how many others are nested in them."""
    level = nesting(outputs, (*FUNCTIONS, ROOT))
    functions = [node for node in ancestors(outputs) if node.op in (*FUNCTIONS, ROOT)]
    depth = max((level[node.serial] for node in functions), default=0)
    return [[node for node in functions if level[node.serial] == k] for k in range(1, depth + 1)]


def _surroundings(
    levels: Sequence[Sequence[Node]], known: Sequence[Sequence[Node]], gated: Sequence[tuple[Node, Node]]
) -> Surroundings:
    """The roots and logarithms of some levels, and the gates whose arguments have no functions but known ones."""
    resolved = {node.serial for level in known for node in level}
    return Surroundings(
        [node for level in levels for node in level if node.op in (ROOT, "log")],
        [
            (argument, value)
            for argument, value in gated
            if all(node.serial in resolved for node in ancestors([argument]) if node.op in (*FUNCTIONS, ROOT))
        ],
    )


def _resolve(nodes: Sequence[Node], patterns: Sequence[Pattern], around: Surroundings) -> list[Pattern]:
    """The patterns with plans for the functions of one more level; those of the levels before keep their numbers."""
    plans = [pattern.plan for pattern in patterns]
    known, kinds = plans[0], {node.op for node in nodes}
    if "exp" in kinds:
        arguments = _arguments(known.exponentials.arguments, nodes, ("exp",))
        groups = plan_exponents(arguments, patterns, True)
        plans = [
            replace(plan, exponentials=group, products=products)
            for plan, (group, products) in zip(plans, groups, strict=True)
        ]
    if kinds & {"cos", "sin"}:
        groups = plan_exponents(_arguments(known.angles.arguments, nodes, ("cos", "sin")), patterns, False)
        plans = [replace(plan, angles=group) for plan, (group, _) in zip(plans, groups, strict=True)]
    if "gauss" in kinds:
        gausses = (*known.gausses, *(node for node in nodes if node.op == "gauss"))
        plans = _plan_gausses(gausses, patterns, plans)
    if "log" in kinds:
        logs = (*known.logs, *(node for node in nodes if node.op == "log"))
        plans = _plan_logs(logs, patterns, plans)
    resolved = [pattern.with_plan(plan) for pattern, plan in zip(patterns, plans, strict=True)]
    roots = [node for node in nodes if node.op == ROOT]
    return plan_roots(roots, resolved, around) if roots else resolved


def _arguments(known: Iterable[Node], nodes: Iterable[Node], ops: tuple[str, ...]) -> tuple[Node, ...]:
    new = (node.inputs[0] for node in nodes if node.op in ops)
    return tuple({argument.serial: argument for argument in (*known, *new)}.values())


def _plan_logs(logs: tuple[Node, ...], patterns: Sequence[Pattern], plans: Sequence[Plan]) -> list[Plan]:
    found = plan_logarithms(logs, patterns, plans)
    primes = tuple(dict.fromkeys(prime for rules in found for prime in rules.primes))
    return [
        replace(plan, logs=logs, log_rules=rules.rules, log_values=rules.values, constant_primes=primes)
        for plan, rules in zip(plans, found, strict=True)
    ]


def _plan_gausses(nodes: tuple[Node, ...], patterns: Sequence[Pattern], plans: Sequence[Plan]) -> list[Plan]:
    """Arguments that are equal up to sign have the same value up to sign; those of the state in all patterns."""
    of_state: dict[bytes, tuple[int, int]] = {}
    rules: list[tuple[GaussRule, ...]] = []
    fresh: list[int] = []
    p = PRIMES[0]
    for first, second in trials([node.inputs[0] for node in nodes], patterns, p, SPARE, samples=2):
        seen: dict[bytes, tuple[int, int]] = {}
        found: list[GaussRule] = []
        count = 0
        for k in range(first.values.shape[1]):
            column = np.ascontiguousarray(first.values[:, k])
            key, opposite = column.tobytes(), (-column % p).tobytes()
            fixed = np.array_equal(column, second.values[:, k])
            if not column.any():
                found.append(GaussRule(0))
            elif fixed:
                number, sign = of_state.setdefault(key, (len(of_state) // 2, 1))
                of_state.setdefault(opposite, (number, -sign))
                found.append(GaussRule(sign, scope="state", number=number))
            elif key in seen:
                original, sign = seen[key]
                found.append(GaussRule(sign, original))
            else:
                seen[key], seen[opposite] = (k, 1), (k, -1)
                found.append(GaussRule(1, scope="sample", number=count))
                count += 1
        rules.append(tuple(found))
        fresh.append(count)
    return [
        replace(plan, gausses=nodes, gauss_rules=own, gauss_values=(count, len(of_state) // 2))
        for plan, own, count in zip(plans, rules, fresh, strict=True)
    ]
