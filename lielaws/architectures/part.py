"""A part of the parameters as the state, the others as data: the setting of laws that involve some tensors only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lielaws.architectures.base import Architecture, check_architecture
from lielaws.checks import choice
from lielaws.engine.graph.network import Namespace
from lielaws.engine.graph.operations import Operations
from lielaws.engine.graph.trace import Array
from lielaws.errors import InvalidArgumentError


def part(block: Architecture, parameters: Iterable[str]) -> Architecture:
    """The architecture in which all tensors but the given ones are data.

    A function of theta_S is a law if it is constant along the S-components of all members, whatever the other
    parameters are; so they are redrawn for each member, as data are. Their number is
    |S| - dim Lie{ P_S X_z(theta_S, theta_c) }; see arXiv 2506.06194, Thm 4.6 and 4.7, for blocks of deep networks.
    """
    check_architecture("block", block)
    names = _checked(block, parameters)
    others = {name: shape for name, shape in block.parameters.items() if name not in names}
    count = len(block.data)

    def network(p: Namespace, *rest: Any) -> Array:
        data, given, ops = rest[:count], rest[count:-1], rest[-1]
        assert isinstance(ops, Operations)
        whole = p | dict(zip(others, given, strict=True))
        output: Array = block.function(whole, *data, ops)
        return output

    spec = None
    if block.spec is not None:
        spec = {"family": "part", "block": dict(block.spec), "parameters": list(names)}
    shapes = {name: block.parameters[name] for name in names}
    clash = set(others) & set(block.data)
    if clash:
        raise InvalidArgumentError("parameters", sorted(clash), "a parameter has the name of data; rename one")
    title = f"{block.name}, laws of {', '.join(names)}"
    return Architecture(title, shapes, {**block.data, **others}, network, spec)


def _checked(architecture: Architecture, parameters: Iterable[str]) -> tuple[str, ...]:
    names = (parameters,) if isinstance(parameters, str) else tuple(str(name) for name in parameters)
    if not names:
        raise InvalidArgumentError("parameters", names, "at least one tensor is needed")
    for name in names:
        choice("parameters", name, architecture.parameters)
    return tuple(name for name in architecture.parameters if name in names)
