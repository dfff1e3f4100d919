"""What is true of an architecture, by the library itself: the oracle for certificates that were tampered with."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

import lielaws
from lielaws.architectures.part import part
from lielaws.engine.flows.family import flow_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.flows.metrics import EntryMetric
from lielaws.engine.graph.node import ancestors
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.solve import Samples
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import dense, random_prime
from lielaws.engine.potential.potentials import build_potential
from tests.certificate.cases import graph_architecture

FREE_GATES = "free gates: the laws of all activation patterns together; a single region may have more"
FREE_FUNCTIONS = (
    "upper bound only: values of functions are algebraically independent beyond the relations that were resolved "
    "(theorem of Ax for exponentials and logarithms, assumed for other functions)"
)
PRIME = 2**31 - 19


def build(spec: dict[str, Any]) -> lielaws.Architecture:
    """The architecture of a spec, by the constructors of the library."""
    options = {key: value for key, value in spec.items() if key != "family"}
    match spec["family"]:
        case "mlp":
            return lielaws.mlp(**_with_slope(options))
        case "conv":
            return lielaws.conv(**_with_slope(options))
        case "residual":
            return lielaws.residual(build(options["block"]))
        case "sequential":
            return lielaws.sequential(*map(build, options["blocks"]))
        case "part":
            return part(build(options["block"]), options["parameters"])
        case "phi":
            # The texts come from a certificate that was accepted; tests may execute what the library must not.
            import sympy

            symbols = {name: sympy.Symbol(name) for name in options["symbols"]}
            texts = [sympy.sympify(text, locals=symbols) for text in options["expressions"]]
            used = {str(symbol) for text in texts for symbol in text.free_symbols}
            texts += [0 * symbols[name] for name in symbols if name not in used]
            return lielaws.from_phi([symbols[name] for name in options["symbols"]], texts)
        case "graph":
            return graph_architecture(spec)
    raise AssertionError(spec)


def _with_slope(options: dict[str, Any]) -> dict[str, Any]:
    return options | ({"slope": Fraction(options["slope"])} if "slope" in options else {})


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
            flow._set(_entry(plain["default"]), {name: _entry(value) for name, value in plain["tensors"].items()})
            return flow
    raise AssertionError(plain)


def _entry(plain: dict[str, Any]) -> EntryMetric:
    if "weights" in plain:
        weights = tuple(map(Fraction, plain["weights"]))
        return EntryMetric(weights=weights, shape=(2, len(weights) // 2))
    return EntryMetric(tuple(map(Fraction, plain["numerator"])), tuple(map(Fraction, plain["denominator"])))


@cache
def _known(spec: str, loss: str, flow: str) -> tuple[lielaws.Architecture, Any, int, int]:
    architecture, motion = build(json.loads(spec)), flow_of(json.loads(flow))
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
        "hypotheses": found["hypotheses"] == _hypotheses(architecture),
        "laws": _all_hold(laws, architecture, motion, loss),
        "independence": _independent(laws, dimension),
    }
    wrong = [name for name, holds in checks.items() if not holds]
    return wrong[0] if wrong else None


def _hypotheses(architecture: lielaws.Architecture) -> list[str]:
    nodes = ancestors([architecture.traced.output])
    texts = [FREE_GATES] if any(node.op == "piecewise" for node in nodes) else []
    if any(node.op in ("exp", "log", "gauss", "cos", "sin") for node in nodes):
        texts.append(FREE_FUNCTIONS)
    if names := dict.fromkeys(n.static.name for n in nodes if n.op == "leaf" and n.static.role == "constant"):
        texts.append(f"generic constants: the statement holds for all but special values of {', '.join(names)}")
    return texts


def _polynomial(terms: Any) -> Polynomial:
    collected: dict[tuple[int, ...], int] = {}
    for coefficient, coordinates in terms:
        monomial = tuple(sorted(coordinates))
        collected[monomial] = collected.get(monomial, 0) + coefficient
    return Polynomial.of(collected)


def _all_hold(laws: list[Polynomial], architecture: lielaws.Architecture, flow: Any, loss: str) -> bool:
    if not laws:
        return True
    rng = np.random.default_rng(len(laws))
    fields = flow_fields(flow, build_potential(architecture.traced, loss))
    samples = Samples(fields, rng, random_prime(rng, with_roots=True))
    table = TermTable.of(laws, fields.space.dimension)
    return not table.derivatives(*samples.take(50), samples.prime).any()


def _independent(laws: list[Polynomial], dimension: int) -> bool:
    if not laws:
        return True
    state = np.random.default_rng(2).integers(0, PRIME, dimension, dtype=np.int64)
    return dense.rank(TermTable.of(laws, dimension).gradients(state, PRIME), PRIME) == len(laws)
