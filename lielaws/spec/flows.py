"""Flows as text and as tables: `heavy_ball:1/2`, or {kind = "heavy_ball", friction = 0.5}."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
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
    if isinstance(value, str):
        return _from_text(value, where)
    if not isinstance(value, Mapping):
        raise SpecError(where, value, f"a text is needed: {FORMS}; or a table with the key kind")
    table = {str(key): entry for key, entry in value.items()}
    name = table.pop("kind", None)
    if not isinstance(name, str):
        raise SpecError(where, dict(value), f"the key 'kind' is missing; known: {', '.join(_KINDS)}")
    keys = _keys(name, where)
    if unknown := [key for key in table if key not in keys]:
        remedy = nearest(unknown[0], keys) if keys else f"'{name}' has no further keys"
        raise SpecError(f"{where}.{unknown[0]}", table[unknown[0]], remedy)
    return _made(name, keys, table)


def _from_text(text: str, where: str) -> Flow:
    name, *parts = (part.strip() for part in text.split(":"))
    keys = _keys(name, where)
    if len(parts) > len(keys) or not all(parts):
        raise SpecError(where, text, f"it must have one of the forms {FORMS}")
    table: dict[str, Any] = dict(zip(keys, parts, strict=False))
    if "parameters" in table:
        table["parameters"] = [name.strip() for name in table["parameters"].split(",")]
    return _made(name, keys, table)


def _keys(name: str, where: str) -> tuple[str, ...]:
    """The keys that a kind of flow has, in the order of its texts."""
    if name not in _KINDS:
        raise SpecError(where, name, f"{nearest(name, _KINDS)}; the forms are {FORMS}")
    return tuple(inspect.signature(_KINDS[name]).parameters)


def _made(name: str, keys: Sequence[str], table: Mapping[str, Any]) -> Flow:
    if name in _NEEDED and keys[0] not in table:
        raise SpecError(f"flow.{keys[0]}", None, f"it is missing; write for example {_NEEDED[name]}")
    return _KINDS[name](**table)


def _heavy_ball(friction: Any, metric: Any = None) -> Flow:
    made: Any = metric
    if isinstance(metric, Mapping) and "kind" in metric:
        made = read_flow(metric, "flow.metric")
    elif metric is not None:
        named = isinstance(metric, str) and metric.isidentifier() and metric != "x"
        made = MirrorFlow(metric) if named else MetricFlow(metric)
    return HeavyBall(friction, made)


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
