"""A network as it was written: a function that is run once on traced arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lielaws.engine.graph.node import Graph, Node, Shape
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class Traced:
    """A network as it was written.

    output : its value for one sample
    parameters, data : leaves by name, in the order of the architecture
    """

    graph: Graph
    output: Node
    parameters: Mapping[str, Node]
    data: Mapping[str, Node]


class Namespace:
    """The parameters of a network, as attributes `p.W1` and as items `p["1.W1"]`.

    It has no methods but those of operators, so that a parameter may have any name.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.__arrays = dict(arrays)

    def __getattr__(self, name: str) -> Array:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Array:
        if name not in self.__arrays:
            raise InvalidArgumentError("parameter", name, "not declared; declared: " + ", ".join(self.__arrays))
        return self.__arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__arrays)

    def __or__(self, others: Mapping[str, Array]) -> Namespace:
        """With further arrays."""
        return Namespace(self.__arrays | dict(others))


def parameters_of(p: Namespace, prefix: str) -> Namespace:
    """The parameters of one block: those whose name starts with the prefix, without it."""
    return Namespace({name[len(prefix) :]: p[name] for name in p if name.startswith(prefix)})


def trace(function: Callable[..., Any], parameters: Mapping[str, Shape], data: Mapping[str, Shape]) -> Traced:
    """Run a network on traced arrays: `function(p, *data, ops)`, data in the order of the mapping."""
    graph = Graph()
    parameter_leaves = {name: graph.leaf("parameter", name, shape) for name, shape in parameters.items()}
    data_leaves = {name: graph.leaf("data", name, shape) for name, shape in data.items()}
    ops = Operations(graph)
    arrays = [Array(node) for node in data_leaves.values()]
    output = function(Namespace({name: Array(node) for name, node in parameter_leaves.items()}), *arrays, ops)
    return Traced(graph, ops.array(output).node, parameter_leaves, data_leaves)
