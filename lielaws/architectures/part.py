"""A part of the parameters as the state, the others as data: the setting of laws that involve some tensors only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lielaws.architectures.base import Architecture, check_architecture, spec_around
from lielaws.architectures.family import Array, Namespace
from lielaws.checks import choice
from lielaws.errors import InvalidArgumentError


def part(block: Architecture, parameters: Iterable[str]) -> Architecture:
    """The architecture in which all tensors but the given ones are data.

    A function of theta_S is a law if it is constant along the S-components of all members, whatever the other
    parameters are; so they are redrawn for each member, as data are. Their number is
    |S| - dim Lie{ P_S X_z(theta_S, theta_c) }; see arXiv 2506.06194, Thm 4.6 and 4.7, for blocks of deep networks.
    """
    check_architecture("block", block)
    given = (parameters,) if isinstance(parameters, str) else tuple(str(name) for name in parameters)
    if not given:
        raise InvalidArgumentError("parameters", given, "at least one tensor is needed")
    for name in given:
        choice("parameters", name, block.parameters)
    shapes = {name: shape for name, shape in block.parameters.items() if name in given}
    others = {name: shape for name, shape in block.parameters.items() if name not in given}
    if clash := sorted(set(others) & set(block.data)):
        raise InvalidArgumentError("parameters", clash, "a parameter has the name of data; rename one")
    count = len(block.data)

    def network(p: Namespace, *rest: Any) -> Array:
        data, values, ops = rest[:count], rest[count:-1], rest[-1]
        output: Array = block.function(p | dict(zip(others, values, strict=True)), *data, ops)
        return output

    title = f"{block.name}, laws of {', '.join(shapes)}"
    spec = spec_around("part", block, parameters=list(shapes))
    return Architecture(title, shapes, {**block.data, **others}, network, spec)
