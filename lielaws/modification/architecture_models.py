"""Models of lielaws architectures: features, units and rows of layers are read from the graph and the spec."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.architectures.activations import find_activation
from lielaws.architectures.base import Architecture
from lielaws.architectures.running import Runner
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.potential.potentials import build_potential
from lielaws.errors import InvalidArgumentError
from lielaws.modification.model import Layers, Model
from lielaws.modification.structure import BOUNDED, Feedforward, UnitLayer

_PLAIN = {"reshape", "gather", "permute", "scatter", "broadcast"}


def architecture_model(architecture: Architecture, params: Mapping[str, Any] | None) -> Model:
    """A model of an architecture at given parameters.

    Its layers are what each tensor of parameters multiplies: "input of W2" is the first hidden layer of an mlp.
    """
    if params is None:
        remedy = f"parameters are needed: arrays for {', '.join(architecture.parameters)}"
        raise InvalidArgumentError("params", None, remedy)
    if not isinstance(params, Mapping):
        raise InvalidArgumentError("params", params, "a mapping of names to arrays is needed")
    for name, shape in architecture.parameters.items():
        if name not in params:
            raise InvalidArgumentError("params", list(params), f"the array '{name}' of shape {shape} is missing")
        if np.shape(params[name]) != tuple(shape):
            text = f"array of shape {np.shape(params[name])}"
            raise InvalidArgumentError(f"params['{name}']", text, f"the shape {tuple(shape)} is needed")
    for name in params:
        # A bias that were left out silently would make it another network.
        if name not in architecture.parameters:
            remedy = f"'{architecture.name}' has no such parameter; known: {', '.join(architecture.parameters)}"
            raise InvalidArgumentError("params", name, remedy)
    return Model(
        {name: params[name] for name in architecture.parameters},
        architecture.forward,
        layers=_layers(architecture),
        pullback=architecture.pullback,
        units=_units(architecture),
        feedforward=_feedforward(architecture),
        samplewise=True,
        name=architecture.name,
    )


def _layers(architecture: Architecture) -> Layers | None:
    if architecture.patterns is not None:
        return None
    traced = architecture.traced
    runners: dict[str, Runner] = {}
    for name, node in _read_nodes(traced).items():
        inner = Traced(traced.graph, node, traced.parameters, traced.data)
        runners[f"input of {name}"] = Runner(build_potential(inner))
    if not runners:
        return None
    return lambda params, x: {name: runner.forward(params, x, None) for name, runner in runners.items()}


def _read_nodes(traced: Traced) -> dict[str, Node]:
    """For each tensor, what it is multiplied with first, unless that is data as it came in."""
    found: dict[str, Node] = {}
    for node in ancestors([traced.output]):
        if node.op != "contract":
            continue
        for one, two in (node.inputs, node.inputs[::-1]):
            tensor = _tensor(one)
            other = _stripped(two)
            if tensor is not None and other.op != "leaf" and _tensor(two) is None:
                found.setdefault(tensor, other)
    return found


def _stripped(node: Node) -> Node:
    while node.op in _PLAIN and len(node.inputs) == 1:
        node = node.inputs[0]
    return node


def _tensor(node: Node) -> str | None:
    """The name of the parameter that a node is a rearrangement of."""
    leaf = _stripped(node)
    return leaf.static.name if leaf.op == "leaf" and leaf.static.role == "parameter" else None


def _units(architecture: Architecture) -> tuple[UnitLayer, ...]:
    spec = architecture.spec or {}
    if spec.get("family") in ("mlp", "conv"):
        return _layered_units(spec, architecture)
    if spec.get("family") == "glu":
        return (UnitLayer("hidden", (("A", 0), ("B", 0)), (("C", 1),), None),)
    return ()


def _layered_units(spec: Mapping[str, Any], architecture: Architecture) -> tuple[UnitLayer, ...]:
    names, degree = architecture.parameters, _degree(spec)
    layers = []
    depth = sum(name.startswith("W") for name in names)
    for layer in range(1, depth):
        incoming = [(f"{kind}{layer}", 0) for kind in ("W", "b", "gain", "shift") if f"{kind}{layer}" in names]
        layers.append(UnitLayer(f"hidden {layer}", tuple(incoming), ((f"W{layer + 1}", 1),), degree))
    return tuple(layers)


def _degree(spec: Mapping[str, Any]) -> int | None:
    if spec.get("norm") is not None:
        return None
    return find_activation(spec.get("activation", "relu")).degree


def _feedforward(architecture: Architecture) -> Feedforward | None:
    spec = architecture.spec or {}
    activation = str(spec.get("activation"))
    if spec.get("family") != "mlp" or spec.get("norm") is not None:
        return None
    if activation not in BOUNDED:
        return None
    depth = len(spec["widths"]) - 1
    biases = tuple(f"b{k}" if f"b{k}" in architecture.parameters else None for k in range(1, depth + 1))
    slope = float(Fraction(str(spec.get("slope", "1/100"))))
    return Feedforward(tuple(f"W{k}" for k in range(1, depth + 1)), biases, activation, slope)
