"""Statements on discrete steps: a law at theta - eta g as a polynomial in eta, at random points modulo a prime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from lielaws.architectures.gated import glu
from lielaws.architectures.mlp import linear, mlp
from lielaws.arraytypes import IntArray
from lielaws.audit.statement import Finding, Probe, Statement
from lielaws.discover import discover_laws
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.proof_families import families
from lielaws.engine.laws.solve import Samples
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import EXPLORATION_PRIME

_POINTS = 6


@dataclass(frozen=True)
class _Step:
    """States theta and gradients g at random points modulo a prime, and the laws of the network."""

    theta: IntArray
    gradient: IntArray
    laws: tuple[Polynomial, ...]
    prime: int

    @classmethod
    def of(cls, build: Callable[[], Any]) -> _Step:
        report = discover_laws(build())
        laws = tuple(law.polynomial for law in report.laws)
        fields = vector_fields(GradientFlow(), report.architecture.potential)
        table, rng = TermTable.of(laws, fields.space.dimension), np.random.default_rng(0)
        for family in families(fields):
            states, values = Samples(family, rng, EXPLORATION_PRIME).take(_POINTS)
            # Where roots are free values, what rests on r^2 = q does not hold.
            if not table.derivatives(states, values, EXPLORATION_PRIME).any():
                break
        return cls(states, values, laws, EXPLORATION_PRIME)

    def along(self, law: Polynomial, decay: int = 0) -> IntArray:
        """Coefficients of h(theta - eta (g + decay theta)) in eta, (points, degree + 1)."""
        p, total = self.prime, np.zeros((_POINTS, law.degree + 1), dtype=np.int64)
        moving = -(self.gradient + decay * self.theta) % p
        for monomial, coefficient in law.terms:
            product = np.zeros_like(total)
            product[:, 0] = coefficient % p
            for k in monomial:
                shifted = np.roll(product, 1, axis=1)
                product = (product * self.theta[:, [k]] + shifted * moving[:, [k]]) % p
            total = (total + product) % p
        return total

    def value(self, law: Polynomial, points: IntArray) -> IntArray:
        """h at some points."""
        total = np.zeros(len(points), dtype=np.int64)
        for monomial, coefficient in law.terms:
            product = np.full(len(points), coefficient % self.prime, dtype=np.int64)
            for k in monomial:
                product = product * points[:, k] % self.prime
            total = (total + product) % self.prime
        return total


def _second_order(label: str, build: Callable[[], Any], *, squared: bool = False) -> Probe:
    """Whether all laws, or their squares, change by a multiple of eta^2."""

    def run() -> Finding:
        step = _Step.of(build)
        laws = [_square(law) for law in step.laws] if squared else step.laws
        slopes = [step.along(law)[:, 1] for law in laws]
        good = bool(laws) and not any(slope.any() for slope in slopes)
        return Finding(good, f"{len(laws)} laws, their first order in the step is {'zero' if good else 'not zero'}")

    return Probe(label, "no change to first order in the step", run)


def _square(law: Polynomial) -> Polynomial:
    terms: dict[tuple[int, ...], int] = {}
    for a, c in law.terms:
        for b, d in law.terms:
            monomial = tuple(sorted((*a, *b)))
            terms[monomial] = terms.get(monomial, 0) + c * d
    return Polynomial.of(terms)


def _exact_change(label: str, build: Callable[[], Any]) -> Probe:
    """Whether h(theta - eta g) - h(theta) = eta^2 h(g)."""

    def run() -> Finding:
        step = _Step.of(build)
        differences = []
        for law in step.laws:
            coefficients = step.along(law)
            differences.append(coefficients[:, 1:2].any() or coefficients[:, 3:].any())
            if law.degree > 1:
                differences.append(((coefficients[:, 2] - step.value(law, step.gradient)) % step.prime).any())
        good = bool(step.laws) and not any(differences)
        text = (
            "the change is step^2 h(gradient)" if good else "the change is step^2 times the quadratic part at gradient"
        )
        return Finding(good, f"{len(step.laws)} laws, {text}")

    return Probe(label, "change of step^2 h(gradient)", run)


def _scale_invariant(decay: int, norm: str = "rms") -> Probe:
    """Whether one step changes y = |W1|^2 by eta (-2 decay y + eta |g|^2) exactly; else what remains."""

    def run() -> Finding:
        step = _Step.of(partial(mlp, [2, 3, 2], "linear", norm=norm, affine=False, epsilon=False))
        p, size = step.prime, 6
        law = Polynomial.of({(k, k): 1 for k in range(size)})
        coefficients = step.along(law, decay)
        theta, gradient = (array[:, :size] for array in (step.theta, step.gradient))
        y, force = ((array * array % p).sum(axis=1) % p for array in (theta, gradient))
        first = (coefficients[:, 1] + 2 * decay * y) % p
        second = (coefficients[:, 2] - force) % p
        remainder = (second - decay * decay * y) % p
        if first.any() or remainder.any():
            return Finding(False, "neither as claimed nor up to eta decay^2 y")
        exact = not second.any()
        return Finding(exact, "exact" if exact else "there is a further term + eta decay^2 y")

    decays = "no decay" if not decay else f"decay {decay}"
    return Probe(f"first layer before {norm} norm, {decays}", "y' = -2 decay y + eta |g|^2 for each step", run)


def step_statements() -> tuple[Statement, ...]:
    """S1 to S3."""
    exponential = partial(mlp, [2, 2, 2], "exp", bias=True)
    return (
        Statement(
            "S1",
            "SGD changes a law by O(step^2) per step",
            "arXiv 2506.06194 Prop. 5.1",
            (
                _second_order("relu 2-3-2", partial(mlp, [2, 3, 2], bias=True)),
                _second_order("linear 2-2-2-2", partial(linear, [2, 2, 2, 2])),
                _second_order("exp 2-2-2 with bias", exponential),
                _second_order("SwiGLU, squares of its laws", partial(glu, 2, 2), squared=True),
            ),
        ),
        Statement(
            "S2",
            "for a quadratic law the change in one step is exactly step^2 h(gradient)",
            "elementary",
            (
                _exact_change("relu 2-3-2", partial(mlp, [2, 3, 2], bias=True)),
                _exact_change("linear 2-2-2-2", partial(linear, [2, 2, 2, 2])),
                _exact_change("SwiGLU", partial(glu, 2, 2)),
                _exact_change("exp 2-2-2 with bias, laws with a linear part", exponential),
            ),
        ),
        Statement(
            "S3",
            "|theta|^2 of scale-invariant weights: y' = -2 lambda y + eta |g|^2",
            "arXiv 2012.04728",
            (_scale_invariant(0), _scale_invariant(0, "layer"), _scale_invariant(3)),
        ),
    )
