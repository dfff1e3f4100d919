"""Flows as text and as tables: `heavy_ball:1/2`, or {kind = "heavy_ball", friction = 0.5}."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from lielaws.engine.flows.dynamics import Flow
from lielaws.engine.flows.gradient import GradientFlow, WeightDecay
from lielaws.engine.flows.metric import MetricFlow, MirrorFlow
from lielaws.engine.flows.momentum import HeavyBall, Nesterov
from lielaws.errors import SpecError, nearest

FORMS = (
    "gradient, weight_decay:RATE, heavy_ball:FRICTION, heavy_ball:FRICTION:entropic, nesterov, mirror:entropic, "
    "mirror:entropic:TENSOR,TENSOR, metric:EXPRESSION"
)


def read_flow(value: str | Mapping[str, Any], where: str = "flow") -> Flow:
    """The flow of a text or of a table. Raises SpecError for what is unknown, and the errors of the flow itself.

    Text: gradient, weight_decay:RATE, heavy_ball:FRICTION, nesterov, mirror:POTENTIAL, metric:EXPRESSION in x; tensors
    after a further colon. Tables have the key `kind` with one of these words, and rate, friction, potential, parameters
    or metric.
    """
    table: dict[str, Any] = {}
    if isinstance(value, str):
        name, *parts = (part.strip() for part in value.split(":"))
    elif isinstance(value, Mapping):
        table = {str(key): entry for key, entry in value.items()}
        name, parts = table.pop("kind", None), []
        if not isinstance(name, str):
            raise SpecError(where, dict(value), f"the key 'kind' is missing; known: {', '.join(_KINDS)}")
    else:
        raise SpecError(where, value, f"a text is needed: {FORMS}; or a table with the key kind")
    if name not in _KINDS:
        raise SpecError(where, name, f"{nearest(name, _KINDS)}; the forms are {FORMS}")
    keys = tuple(inspect.signature(_KINDS[name]).parameters)
    if len(parts) > len(keys) or not all(parts):
        raise SpecError(where, value, f"it must have one of the forms {FORMS}")
    for key, part in zip(keys, parts, strict=False):
        table[key] = [name.strip() for name in part.split(",")] if key == "parameters" else part
    if unknown := [key for key in table if key not in keys]:
        remedy = nearest(unknown[0], keys) if keys else f"'{name}' has no further keys"
        raise SpecError(f"{where}.{unknown[0]}", table[unknown[0]], remedy)
    if name in _NEEDED and keys[0] not in table:
        raise SpecError(f"flow.{keys[0]}", None, f"it is missing; write for example {_NEEDED[name]}")
    return _KINDS[name](**table)


def _heavy_ball(friction: Any, metric: Any = None) -> Flow:
    if isinstance(metric, Mapping) and "kind" in metric:
        metric = read_flow(metric, "flow.metric")
    elif metric is not None:
        named = isinstance(metric, str) and metric.isidentifier() and metric != "x"
        metric = MirrorFlow(metric) if named else MetricFlow(metric)
    return HeavyBall(friction, metric)


def _metric(metric: Any, parameters: Any = None) -> Flow:
    given = isinstance(parameters, list | tuple) and all(isinstance(name, str) for name in parameters)
    if parameters is not None and not given:
        raise SpecError("flow.parameters", parameters, "a list of names of tensors is needed")
    return MetricFlow(metric if parameters is None else dict.fromkeys(parameters, metric))


_KINDS: Mapping[str, Callable[..., Flow]] = {
    "gradient": GradientFlow,
    "weight_decay": WeightDecay,
    "heavy_ball": _heavy_ball,
    "nesterov": Nesterov,
    "mirror": MirrorFlow,
    "metric": _metric,
}
_NEEDED = {"weight_decay": "weight_decay:0.1", "heavy_ball": "heavy_ball:0.5", "metric": "metric:1/x"}
"""an example of each kind that needs its first key"""
