"""Builds the record from what a discovery computed. Nothing here is needed to check one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np

from lielaws.architectures.base import Architecture
from lielaws.certificate.record import FORMAT, VERSION, Certificate
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.closure.growth import Growth
from lielaws.engine.flows.fields import Members
from lielaws.engine.flows.patterns import Patterns
from lielaws.engine.graph.node import ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.graph.steps import graph_spec
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.laws.verify import Verification
from lielaws.engine.linalg import EXPLORATION_PRIME, rank
from lielaws.engine.potential.potentials import Potential

_LIBRARIES = ("lielaws", "numpy", "python-flint", "scipy", "sympy")


def build_certificate(
    architecture: Architecture,
    potential: Potential,
    setting: Mapping[str, Any],
    growth: Growth,
    laws: Sequence[Polynomial],
    verifications: Sequence[Verification],
    hypotheses: Sequence[str],
    seed: int,
    patterns: Patterns | None = None,
) -> Certificate:
    """The certificate of one discovery; deterministic in all its arguments.

    hypotheses : in the words of the report; the certificate has those that the checker finds by itself
    """
    upper = len(growth.point) - growth.rank
    return Certificate(
        {
            "format": FORMAT,
            "version": VERSION,
            "architecture": _steps(architecture, potential),
            "setting": dict(setting),
            "dimension": len(growth.point),
            "upper_bound": upper,
            "lower_bound": len(laws),
            "status": "exact" if upper == len(laws) else "gap",
            "hypotheses": _hypotheses(potential, patterns),
            **_region(patterns),
            "upper": upper_modular(potential, growth),
            "lower": {
                "laws": [_law(law) for law in laws],
                "independence": _independence(laws, len(growth.point), seed),
                "verification": [_verification(verification) for verification in verifications],
            },
            "versions": {name: _version(name) for name in _LIBRARIES},
        }
    )


def _hypotheses(potential: Potential, patterns: Patterns | None) -> list[str]:
    """What the statement rests on, in the words that the checker finds by itself."""
    texts = []
    if patterns is not None:
        texts.append(
            f"realizable gates: the region of one integer point, with the {patterns.count} activation patterns that "
            "data were seen to show there; the laws found are laws of the region if it has no other pattern"
        )
    elif potential.gates:
        texts.append(
            "free gates: all activation patterns are taken together, whether or not data show each of them; a single "
            "region may have more laws"
        )
    if potential.constants:
        names = ", ".join(dict.fromkeys(node.static.name for node in potential.constants))
        texts.append(f"generic constants: the statement holds for all but special values of {names}")
    return texts


def _region(patterns: Patterns | None) -> dict[str, Any]:
    """The point of a region, and data that show each of its activation patterns."""
    if patterns is None:
        return {}
    point = [str(value) for entries in patterns.point.values() for value in np.ravel(entries).tolist()]
    samples = [
        {name: [str(value) for value in array[k].ravel().tolist()] for name, array in patterns.samples.items()}
        for k in range(patterns.count)
    ]
    return {"region": {"point": point, "samples": samples}}


def _steps(architecture: Architecture, potential: Potential) -> dict[str, Any]:
    """The network as the steps of its computation."""
    spec = graph_spec(architecture.name, potential.traced)
    return {key: spec[key] for key in ("name", "parameters", "data", "steps")}


def upper_modular(potential: Potential, growth: Growth) -> dict[str, Any]:
    """The brackets of a rational network at a point modulo a prime."""
    probes, brackets = _witnesses(potential, growth)
    return {
        "arithmetic": "modular",
        "prime": growth.prime,
        "point": growth.point.tolist(),
        **_constants(potential, growth),
        "probes": probes,
        "brackets": brackets,
        "rank": growth.rank,
    }


def _witnesses(potential: Potential, growth: Growth) -> tuple[list[Any], list[Any]]:
    """All probes, and each bracket as a nested word over them: 3 for X_3, [7, 3] for [X_7, X_3]."""
    probes: list[Any] = []
    brackets: list[Any] = []
    for witness in growth.witnesses:
        numbers = []
        for members in witness.words:
            numbers.append(range(len(probes), len(probes) + members.count))
            probes += _probes(potential, members, growth.prime)
        for choice in zip(*numbers, strict=True):
            word: Any = choice[0]
            for outer in choice[1:]:
                word = [outer, word]
            brackets.append(word)
    return probes, brackets


def _probes(potential: Potential, members: Members, prime: int) -> Iterator[dict[str, Any]]:
    data = list(potential.traced.data.items())
    nodes = [potential.cotangent, *(gate.value for gate in potential.gates)]
    cotangents, *values = Program.of(nodes).run(Modular(prime), members.values)
    gates = _gates(potential, values, members.count)
    drifts = next((values for leaf, values in members.values.items() if leaf.role == "flow"), None)
    for k in range(members.count):
        probe: dict[str, Any] = {
            "data": {name: members.values[leaf.static][0, k].ravel().tolist() for name, leaf in data},
            "cotangent": cotangents[0, k].ravel().tolist(),
            "gates": {f"gate{j}": value[0, k].ravel().tolist() for j, value in enumerate(gates)},
        }
        if drifts is not None:
            probe["drift"] = int(drifts[0, k])
        yield probe


def _gates(potential: Potential, values: Sequence[Any], count: int) -> list[Any]:
    """The gates of each piecewise linear function, also of those whose arguments have one sign."""
    written = [node for node in ancestors([potential.traced.output]) if node.op == "piecewise"]
    lowered = potential.lowered
    return [
        np.full((1, count, *node.shape), sign) if number is None else values[number]
        for node, number, sign in zip(written, lowered.pieces, lowered.signs, strict=True)
    ]


def _constants(potential: Potential, growth: Growth) -> dict[str, Any]:
    """The values of constants, for networks that have any."""
    leaves = growth.state.draw.leaves
    values = {node.static.name: leaves[node.static].ravel().tolist() for node in potential.constants}
    return {"constants": values} if values else {}


def _law(law: Polynomial) -> list[Any]:
    """Terms [coefficient, coordinates]; a coordinate is repeated for powers."""
    return [[coefficient, list(monomial)] for monomial, coefficient in law.terms]


def _independence(laws: Sequence[Polynomial], dimension: int, seed: int) -> dict[str, Any]:
    """A point and a prime at which the gradients of the laws have full rank."""
    rng = np.random.default_rng(seed)
    while True:
        point = rng.integers(0, 1000, dimension, dtype=np.int64)
        if not laws:
            break
        gradients = TermTable.of(laws, dimension).sparse_gradients(point, EXPLORATION_PRIME)
        if rank(gradients, EXPLORATION_PRIME) == len(laws):
            break
    return {"prime": EXPLORATION_PRIME, "point": point.tolist()}


def _verification(verification: Verification) -> dict[str, Any]:
    if verification.method == "expansion":
        return {"method": "expansion"}
    # Rounded towards zero, so that the bound stays one.
    return {"method": "evaluation", "rounds": verification.rounds, "error_log2": int(verification.error_log2)}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
