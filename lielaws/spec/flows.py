"""Flows as text and as tables: `heavy_ball:1/2`, or {kind = "heavy_ball", friction = 0.5}."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lielaws.engine.flows.decay import WeightDecay
from lielaws.engine.flows.dynamics import Flow
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.flows.metric import MetricFlow, MirrorFlow
from lielaws.engine.flows.momentum import HeavyBall, Nesterov
from lielaws.errors import SpecError, nearest

FORMS = (
    "gradient, weight_decay:RATE, heavy_ball:FRICTION, heavy_ball:FRICTION:entropic, nesterov, mirror:entropic, "
    "mirror:entropic:TENSOR,TENSOR, metric:EXPRESSION"
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of flow is made from the keys of a table, and which of them stand in a text, in order."""

    make: Callable[[Mapping[str, Any]], Flow]
    keys: tuple[str, ...] = ()


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
    table = dict(value)
    name = table.pop("kind", None)
    if not isinstance(name, str):
        raise SpecError(where, dict(value), f"the key 'kind' is missing; known: {', '.join(_KINDS)}")
    kind = _kind(name, where)
    if unknown := [(str(key), entry) for key, entry in table.items() if key not in kind.keys]:
        remedy = nearest(unknown[0][0], kind.keys) if kind.keys else f"'{name}' has no further keys"
        raise SpecError(f"{where}.{unknown[0][0]}", unknown[0][1], remedy)
    return kind.make(table)


def _from_text(text: str, where: str) -> Flow:
    name, *parts = (part.strip() for part in text.split(":"))
    kind = _kind(name, where)
    if len(parts) > len(kind.keys) or not all(parts):
        raise SpecError(where, text, f"it must have one of the forms {FORMS}")
    table: dict[str, Any] = dict(zip(kind.keys, parts, strict=False))
    if "parameters" in table:
        table["parameters"] = [name.strip() for name in table["parameters"].split(",")]
    return kind.make(table)


def _kind(name: str, where: str) -> _Kind:
    if name not in _KINDS:
        raise SpecError(where, name, f"{nearest(name, _KINDS)}; the forms are {FORMS}")
    return _KINDS[name]


def _heavy_ball(table: Mapping[str, Any]) -> Flow:
    metric: Any = table.get("metric")
    named = isinstance(metric, str) and metric.isidentifier() and metric != "x"
    if isinstance(metric, Mapping) and "kind" in metric:
        metric = read_flow(metric, "flow.metric")
    elif metric is not None:
        metric = MirrorFlow(metric) if named else MetricFlow(metric)
    return HeavyBall(_needed(table, "friction", "heavy_ball:0.5"), metric)


def _metric(table: Mapping[str, Any]) -> Flow:
    metric, names = _needed(table, "metric", "metric:1/x"), table.get("parameters")
    if names is not None and not (isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)):
        raise SpecError("flow.parameters", names, "a list of names of tensors is needed")
    return MetricFlow(metric if names is None else dict.fromkeys(names, metric))


def _needed(table: Mapping[str, Any], key: str, example: str) -> Any:
    if key not in table:
        raise SpecError(f"flow.{key}", None, f"it is missing; write for example {example}")
    return table[key]


_KINDS: Mapping[str, _Kind] = {
    "gradient": _Kind(lambda table: GradientFlow()),
    "weight_decay": _Kind(lambda table: WeightDecay(_needed(table, "rate", "weight_decay:0.1")), ("rate",)),
    "heavy_ball": _Kind(_heavy_ball, ("friction", "metric")),
    "nesterov": _Kind(lambda table: Nesterov()),
    "mirror": _Kind(
        lambda table: MirrorFlow(table.get("potential", "entropic"), table.get("parameters")),
        ("potential", "parameters"),
    ),
    "metric": _Kind(_metric, ("metric", "parameters")),
}
