"""What is true of an architecture, by the library itself: the oracle for certificates that were tampered with."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

import lielaws
from lielaws.engine.flows.entry_metrics import EntryMetric
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.graph.node import ancestors
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.refutation import changing, polynomial_gradients
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import rank
from lielaws.engine.potential.potentials import build_potential
from tests.certificate.cases import graph_architecture

GATES = (
    (
        "free gates: all activation patterns are taken together, whether or not data show each of them; a single "
        "region may have more laws"
    ),
    (
        "free gates: the laws of all activation patterns that data show at some parameters, taken together; a single "
        "region may have more"
    ),
)
PRIME = 2**31 - 19


def flow_of(plain: dict[str, Any]) -> Any:
    """The flow of a description, by the constructors of the library."""
    match plain["kind"]:
        case "gradient":
            return GradientFlow()
        case "weight_decay":
            return lielaws.WeightDecay(plain["rate"])
        case "nesterov":
            return lielaws.Nesterov()
        case "heavy_ball":
            metric = flow_of(plain["metric"]) if "metric" in plain else None
            return lielaws.HeavyBall(plain["friction"], metric)
        case "metric":
            flow = lielaws.MirrorFlow("euclidean")
            flow._set({None: _entry(plain["default"])} | {name: _entry(v) for name, v in plain["tensors"].items()})
            return flow
    raise AssertionError(plain)


def _entry(plain: dict[str, Any]) -> EntryMetric:
    if "weights" in plain:
        weights = tuple(map(Fraction, plain["weights"]))
        return EntryMetric(weights=weights, shape=(2, len(weights) // 2))
    return EntryMetric(tuple(map(Fraction, plain["numerator"])), tuple(map(Fraction, plain["denominator"])))


@cache
def _known(spec: str, loss: str, flow: str) -> tuple[lielaws.Architecture, Any, int, int]:
    architecture, motion = graph_architecture(json.loads(spec)), flow_of(json.loads(flow))
    report = lielaws.discover_laws(architecture, flow=motion, loss=loss, find_laws=False)
    return architecture, motion, report.dimension, report.n_laws


def falsehood(found: dict[str, Any]) -> str | None:
    """What a certificate that was accepted states wrongly, if anything."""
    loss = found["setting"]["loss"]
    flow = found["setting"]["flow"]
    architecture, motion, dimension, most = _known(json.dumps(found["architecture"]), loss, json.dumps(flow))
    laws = [_polynomial(terms) for terms in found["lower"]["laws"]]
    checks = {
        "setting": found["setting"] == {"flow": flow, "loss": loss, "gates": "free"},
        "dimension": found["dimension"] == dimension,
        "upper bound": found["upper_bound"] >= most,
        "rank": found["upper"]["rank"] == dimension - found["upper_bound"],
        "lower bound": found["lower_bound"] == len(laws) <= most,
        "status": found["status"] == ("exact" if found["lower_bound"] == found["upper_bound"] else "gap"),
        "hypotheses": _are_hypotheses(found, architecture),
        "laws": _all_hold(laws, architecture, motion, loss),
        "independence": _independent(laws, dimension),
    }
    wrong = [name for name, holds in checks.items() if not holds]
    return wrong[0] if wrong else None


def _are_hypotheses(found: dict[str, Any], architecture: lielaws.Architecture) -> bool:
    """Gates and generic constants are named if there are any, as they are used, and nothing else is."""
    texts, probes = found["hypotheses"], found["upper"]["probes"]
    about_gates, rest = [text for text in texts if text in GATES], [text for text in texts if text not in GATES]
    keys = {key for probe in probes for key in probe} | ({"gates"} if "sparse" in found["upper"] else set())
    used = [text for text, key in zip(GATES, ("gates", "pattern"), strict=True) if key in keys]
    nodes = ancestors([architecture.traced.output])
    if architecture.potential.gates and used:
        if about_gates != used:
            return False
    elif about_gates and not any(node.op == "piecewise" for node in nodes):
        return False
    names = dict.fromkeys(n.static.name for n in nodes if n.op == "leaf" and n.static.role == "constant")
    generic = [name for name in names if not name.startswith("sqrt_two")]
    text = f"generic constants: the statement holds for all but special values of {', '.join(generic)}"
    return rest == ([text] if generic else [])


def _polynomial(terms: Any) -> Polynomial:
    collected: dict[tuple[int, ...], int] = {}
    for coefficient, coordinates in terms:
        monomial = tuple(sorted(coordinates))
        collected[monomial] = collected.get(monomial, 0) + coefficient
    return Polynomial.of(collected)


def _all_hold(laws: list[Polynomial], architecture: lielaws.Architecture, flow: Any, loss: str) -> bool:
    if not laws:
        return True
    fields = vector_fields(flow, build_potential(architecture.traced, loss))
    return not changing(polynomial_gradients(laws), fields, np.random.default_rng(len(laws))).any()


def _independent(laws: list[Polynomial], dimension: int) -> bool:
    if not laws:
        return True
    state = np.random.default_rng(2).integers(0, PRIME, dimension, dtype=np.int64)
    return rank(TermTable.of(laws, dimension).gradients(state, PRIME), PRIME) == len(laws)
