"""Architectures made of architectures: blocks in a row or beside the identity, and a part of the parameters."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from lielaws.architectures.base import Architecture, check_architecture, spec_around
from lielaws.architectures.family import Array, Namespace, Operations
from lielaws.checks import choice
from lielaws.engine.graph.network import parameters_of
from lielaws.errors import InvalidArgumentError


def residual(block: Architecture) -> Architecture:
    """x + block(x). Its laws are those of the block: arXiv 2506.06194, Prop. 3.2."""
    _check_block("block", block)
    shape = next(iter(block.data.values()))
    if block.output_shape != shape:
        remedy = f"its output shape {block.output_shape} must equal its input shape {shape} to be added to it"
        raise InvalidArgumentError("block", block.name, remedy)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        inner: Array = block.function(p, x, ops)
        return x + inner

    spec, name = spec_around("residual", block), f"residual({block.name})"
    return Architecture(name, block.parameters, block.data, network, spec, block.patterns)


def sequential(*blocks: Architecture) -> Architecture:
    """The blocks one after the other; their parameters and frozen tensors are prefixed with "1.", "2.", ...

    Laws: arXiv 2506.06194, Thm 4.6 and 4.7.
    """
    if len(blocks) == 1 and isinstance(blocks[0], list | tuple):
        blocks = tuple(blocks[0])
    if not blocks:
        raise InvalidArgumentError("blocks", blocks, "at least one block is needed")
    for number, block in enumerate(blocks, start=1):
        _check_block(f"blocks[{number}]", block)
        if block.patterns is not None:
            remedy = "its discrete choices stack its outputs, so it can only be used alone"
            raise InvalidArgumentError(f"blocks[{number}]", block.name, remedy)
    for number, (first, second) in enumerate(pairwise(blocks), start=1):
        needed = next(iter(second.data.values()))
        if first.output_shape != needed:
            remedy = f"its output shape {first.output_shape} must be the input shape {needed} of the next block"
            raise InvalidArgumentError(f"blocks[{number}]", first.name, remedy)

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        for number, block in enumerate(blocks, start=1):
            x = block.function(parameters_of(p, f"{number}."), x, ops.within(f"{number}."))
        return x

    parameters = {
        f"{number}.{name}": shape
        for number, block in enumerate(blocks, start=1)
        for name, shape in block.parameters.items()
    }
    specs = [block.spec for block in blocks]
    spec = {"family": "sequential", "blocks": [dict(s) for s in specs if s is not None]} if all(specs) else None
    name = f"sequential({', '.join(block.name for block in blocks)})"
    return Architecture(name, parameters, blocks[0].data, network, spec)


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


def _check_block(argument: str, block: Any) -> None:
    check_architecture(argument, block)
    if len(block.data) != 1:
        raise InvalidArgumentError(argument, block.name, f"a block takes one input, this one has {len(block.data)}")
