"""Gradient flow in a diagonal metric, mirror flow among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from lielaws.engine.flows.dynamics import Dynamics, Flow, gradients, shapes_of
from lielaws.engine.flows.entry_metrics import IDENTITY, EntryMetric, read_metric, read_mirror
from lielaws.engine.flows.state import Shape, StateSpace
from lielaws.engine.graph.trace import Array
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import InvalidArgumentError, nearest


@dataclass(frozen=True)
class MetricFlow(Flow):
    """theta' = -M(theta)^{-1} grad L(theta) with a diagonal metric M.

    Parameters
    ----------
    metric : a mapping of tensor names to metrics, all other tensors being Euclidean; or one metric for all tensors. A
        metric is a positive number, an array of positive numbers of the shape of the tensor, or the diagonal entry as a
        rational function of the parameter at the same place: an expression in x such as "1/x" or "1/(x*(1-x))", a
        sympy expression in one symbol, or a function such as `lambda x: 1/x`

    It must be positive for some positive x. Raises InvalidArgumentError otherwise. Source: arXiv 2405.12888, sec. 4.
    """

    metric: Any
    tensors: Mapping[str | None, EntryMetric] = field(init=False, repr=False)
    """by name; under None the metric of all others, if it is not the Euclidean one"""

    def __post_init__(self) -> None:
        if not isinstance(self.metric, Mapping):
            self._set({None: read_metric(self.metric, "metric")})
        elif self.metric:
            self._set({str(name): read_metric(value, f"metric['{name}']") for name, value in self.metric.items()})
        else:
            raise InvalidArgumentError("metric", self.metric, "it names no tensor; give at least one")

    def _set(self, tensors: Mapping[str | None, EntryMetric]) -> None:
        object.__setattr__(self, "tensors", tensors)

    def metric_of(self, name: str | None) -> EntryMetric:
        return self.tensors.get(name, self.tensors.get(None, IDENTITY))

    def check(self, parameters: Mapping[str, Shape]) -> None:
        """Refuse tensors that are not there, and arrays of another shape."""
        for name in self.tensors:
            if name is not None and name not in parameters:
                raise InvalidArgumentError("metric", name, nearest(name, parameters))
        for name, shape in parameters.items():
            found = self.metric_of(name)
            if found.weights is not None and found.shape != shape:
                text = f"array of shape {found.shape}"
                raise InvalidArgumentError(f"metric['{name}']", text, f"shape {shape} is needed")

    def dynamics(self, potential: Potential) -> Dynamics:
        """The family span{ M^{-1} grad f_z } on the space of parameters."""
        slopes = gradients(potential)
        for name, leaf in potential.traced.parameters.items():
            if (metric := self.metric_of(name)) != IDENTITY:
                slopes[name] = (metric.inverse(Array(leaf)) * Array(slopes[name])).node
        return StateSpace(shapes_of(slopes), euclidean=False), slopes

    def describe(self) -> dict[str, Any]:
        """With the inverse metric of each tensor."""
        tensors = {name: metric.describe() for name, metric in self.tensors.items() if name is not None}
        return {"kind": "metric", "default": self.metric_of(None).describe(), "tensors": tensors}

    @property
    def text(self) -> str:
        return f"metric {_shown(self.metric)}"

    def __str__(self) -> str:
        return f"gradient flow in the {self.text}"


class MirrorFlow(MetricFlow):
    """(grad Phi(theta))' = -grad L(theta): the metric flow with the Hessian of a separable mirror potential.

    Parameters
    ----------
    potential : "entropic" (x log x - x, the metric 1/x), "burg" (-log x), "fermi_dirac" (x log x + (1-x) log(1-x)),
        "euclidean" (x^2 / 2), or a sympy expression in one symbol, or a function of x, whose second derivative is
        rational
    parameters : names of the tensors that have this metric, the others being Euclidean; all by default

    Raises InvalidArgumentError for what cannot be used. Source: arXiv 2405.12888, sec. 4.
    """

    def __init__(self, potential: Any = "entropic", parameters: Any = None) -> None:
        entry = read_mirror(potential)
        names = None if parameters is None else _names(parameters)
        object.__setattr__(self, "potential", potential)
        object.__setattr__(self, "parameters", names)
        object.__setattr__(self, "metric", potential if names is None else dict.fromkeys(names, potential))
        self._set(dict.fromkeys(names or (None,), entry))

    potential: Any
    parameters: tuple[str, ...] | None

    def __repr__(self) -> str:
        return f"MirrorFlow({self.potential!r}, parameters={self.parameters!r})"

    @property
    def text(self) -> str:
        """The metric in words."""
        where = "" if self.parameters is None else f" on {', '.join(self.parameters)}"
        name = self.potential if isinstance(self.potential, str) else f"of the potential {_shown(self.potential)}"
        return f"metric {name}{where}" if name.startswith("of") else f"{name} metric{where}"

    def __str__(self) -> str:
        return f"mirror flow in the {self.text}"


def _names(parameters: Any) -> tuple[str, ...]:
    names = [parameters] if isinstance(parameters, str) else parameters
    found = tuple(names) if isinstance(names, Iterable) else ()
    if not found or not all(isinstance(name, str) for name in found) or len(set(found)) < len(found):
        raise InvalidArgumentError("parameters", parameters, "a list of different tensor names is needed")
    return found


def _shown(metric: Any) -> str:
    if isinstance(metric, Mapping):
        return ", ".join(f"{_shown(value)} on {name}" for name, value in metric.items())
    return str(metric) if isinstance(metric, str | int | float | Fraction) or hasattr(metric, "args") else "given"
