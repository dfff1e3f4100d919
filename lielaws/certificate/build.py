"""Builds the record from what a discovery computed. Nothing here is needed to check one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib import metadata
from typing import Any

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.certificate.record import FORMAT, VERSION, Certificate
from lielaws.certificate.witnesses import upper_section
from lielaws.engine.closure.growth import Growth
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.graph.steps import graph_spec
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.laws.verify import Verification
from lielaws.engine.linalg import EXPLORATION_PRIME, rank
from lielaws.engine.potential.patterns import DENOMINATOR, Patterns

_LIBRARIES = ("lielaws", "numpy", "python-flint", "scipy", "sympy")


def build_certificate(
    name: str,
    fields: VectorFields,
    setting: Mapping[str, Any],
    growth: Growth,
    laws: Sequence[Polynomial],
    verifications: Sequence[Verification],
    hypotheses: Sequence[str],
    seed: int,
) -> Certificate:
    """The certificate of one discovery; deterministic in all its arguments."""
    dimension = fields.space.dimension
    upper = dimension - growth.rank
    return Certificate(
        {
            "format": FORMAT,
            "version": VERSION,
            "architecture": graph_spec(name, fields.potential.traced),
            "setting": dict(setting),
            "dimension": dimension,
            "upper_bound": upper,
            "lower_bound": len(laws),
            "status": "exact" if upper == len(laws) else "gap",
            "hypotheses": list(hypotheses),
            **_region(fields.region),
            **upper_section(fields, growth),
            "lower": {
                "laws": [_law(law) for law in laws],
                "independence": _independence(laws, dimension, seed),
                "verification": [_verification(verification) for verification in verifications],
            },
            "versions": {name: _version(name) for name in _LIBRARIES},
        }
    )


def _region(patterns: Patterns | None) -> dict[str, Any]:
    """The point of a region, and data that show each of its activation patterns."""
    if patterns is None:
        return {}
    point = [number for array in patterns.points.values() for number in _written(array)]
    samples = [
        {name: _written(array[k : k + 1]) for name, array in patterns.samples.items()} for k in range(patterns.count)
    ]
    return {"region": {"point": point, "samples": samples}}


def _written(numerators: IntArray) -> list[str]:
    return [str(Fraction(number, DENOMINATOR)) for number in numerators.ravel().tolist()]


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
        gradients = TermTable.of(laws, dimension).gradients(point, EXPLORATION_PRIME)
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
