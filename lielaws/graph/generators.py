"""Finds the relations between the functions of a graph, and from them the plan of free values.

Functions are resolved in the order of the graph, each against all earlier ones. Exponents: integer relations between
them, and integer combinations that do not depend on data, from their values at random states with two samples each.
Logarithms: rational relations between logarithmic derivatives of their arguments and derivatives of exponents.
Gaussian integrals: arguments that are equal up to sign. That nothing else relates the values is the theorem of Ax
(Schanuel's conjecture for functions) for exponentials and logarithms, and a hypothesis of the upper bound beyond that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lielaws.graph.lattice import check_relations, quotient, relations
from lielaws.graph.logarithms import plan_logarithms, plan_products
from lielaws.graph.node import Node, ancestors
from lielaws.graph.plan import ExponentPlan, GaussRule, Plan, Powers
from lielaws.graph.sampling import Sampler

IntArray = npt.NDArray[np.int64]

FUNCTIONS = ("exp", "log", "gauss", "cos", "sin")
PRIMES = (2**31 - 1, 2**31 - 61)
_SPARE = 12


def plan_functions(outputs: Sequence[Node]) -> Plan:
    """The plan for all functions below some nodes. Raises ExactnessError, naming what cannot be resolved."""
    nodes = [node for node in ancestors(outputs) if node.op in FUNCTIONS]
    level: dict[int, int] = {}
    for node in ancestors(outputs):
        below = max((level[source.serial] for source in node.inputs), default=0)
        level[node.serial] = below + (node.op in FUNCTIONS)
    plan = Plan()
    for depth in sorted({level[node.serial] for node in nodes}):
        plan = _resolve([node for node in nodes if level[node.serial] <= depth], plan)
    return plan


@dataclass(frozen=True, slots=True)
class Values:
    """Values of the entries of some nodes modulo one prime: at the same states, with two samples each."""

    prime: int
    first: IntArray
    second: IntArray


def _resolve(nodes: Sequence[Node], known: Plan) -> Plan:
    """The plan for some functions, given one for those below the last of them."""
    exponents = _arguments(node for node in nodes if node.op == "exp")
    angles = _arguments(node for node in nodes if node.op in ("cos", "sin"))
    gausses = tuple(node for node in nodes if node.op == "gauss")
    logs = tuple(node for node in nodes if node.op == "log")
    plan = replace(
        known,
        exponentials=_plan_exponents(exponents, known),
        angles=_plan_exponents(angles, known),
        gausses=gausses,
        gauss_rules=_plan_gausses(gausses, known),
    )
    plan = plan_products(plan, nodes, known)
    return plan_logarithms(logs, plan, known)


def _arguments(nodes) -> tuple[Node, ...]:  # type: ignore[no-untyped-def]
    distinct = {node.inputs[0].serial: node.inputs[0] for node in nodes}
    return tuple(distinct.values())


def evaluate(arguments: Sequence[Node], plan: Plan, prime: int, count: int | None = None) -> Values:
    """The entries of the arguments, with base values from a plan for the functions below them."""
    sampler = Sampler(arguments, plan)
    entries = sum(node.size for node in arguments)
    count = entries + _SPARE if count is None else count
    rng = np.random.default_rng(prime)
    state = sampler.draw_state(rng, count, prime)
    both = []
    for _ in range(2):
        sample = sampler.draw_sample(rng, count, prime, state)
        values, _drawing = sampler.run(state, sample, prime)
        flat = [
            np.broadcast_to(value[0].reshape(value.shape[1], -1), (count, node.size))
            for value, node in zip(values, arguments, strict=True)
        ]
        both.append(np.concatenate(flat, axis=1))
    return Values(prime, both[0], both[1])


def _plan_exponents(arguments: tuple[Node, ...], known: Plan) -> ExponentPlan:
    """Powers of generators for each exponential: of a basis of exponents modulo those without data, and of those."""
    if not arguments:
        return ExponentPlan()
    values, again = (evaluate(arguments, known, prime) for prime in PRIMES)
    size = values.first.shape[1]
    constant = relations((values.first - values.second) % values.prime, values.prime)
    check_relations(constant, (again.first - again.second) % again.prime, again.prime)
    data = quotient(constant, size)
    # The number one is an exponent too: exp(u + 1) and exp(u) differ by a constant.
    of_state = [_with_one(value, data.basis) for value in (values, again)]
    equal = relations(of_state[0], values.prime)
    check_relations(equal, of_state[1], again.prime)
    inner = quotient(equal, len(constant) + 1)
    state_matrix = inner.bottom[:, : len(constant)] @ data.top if len(constant) else np.zeros((0, size), dtype=object)
    return ExponentPlan(
        arguments,
        tuple(_powers(data.bottom[:, k]) for k in range(size)),
        tuple(_powers(state_matrix[:, k]) for k in range(size)),
        len(data.bottom),
        len(state_matrix),
    )


def _with_one(values: Values, basis: npt.NDArray[np.object_]) -> IntArray:
    """Values of the exponents without data, and the column of the number one."""
    columns = [
        sum(
            (
                values.first[:, k] * (int(entry) % values.prime) % values.prime
                for k, entry in enumerate(column)
                if entry
            ),
            np.int64(0),
        )
        % values.prime
        for column in basis.T
    ]
    return np.stack([*columns, np.ones(len(values.first), dtype=np.int64)], axis=1)


def _powers(column: npt.NDArray[np.object_]) -> Powers:
    return tuple((k, int(exponent)) for k, exponent in enumerate(column) if exponent)


def _plan_gausses(nodes: tuple[Node, ...], known: Plan) -> tuple[GaussRule, ...]:
    if not nodes:
        return ()
    values = evaluate([node.inputs[0] for node in nodes], known, PRIMES[0], _SPARE)
    seen: dict[bytes, tuple[int, int]] = {}
    rules = []
    for k in range(values.first.shape[1]):
        column = values.first[:, k]
        opposite = -column % values.prime
        if not column.any():
            rules.append(GaussRule(k, 0, ""))
        elif column.tobytes() in seen:
            original, sign = seen[column.tobytes()]
            rules.append(GaussRule(original, sign, ""))
        else:
            seen[column.tobytes()], seen[opposite.tobytes()] = (k, 1), (k, -1)
            fixed = np.array_equal(values.first[:, k], values.second[:, k])
            rules.append(GaussRule(k, 1, "state" if fixed else "sample"))
    return tuple(rules)
