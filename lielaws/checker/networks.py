"""From a spec to the potential of its network on a tape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lielaws.checker.arrays import Shape
from lielaws.checker.blocks import MOST_PARAMETERS, Reader, ReadFamily
from lielaws.checker.gates import Gates
from lielaws.checker.layered import read_conv, read_mlp, read_part, read_residual, read_sequential
from lielaws.checker.mixed import check_gates, gates_in_functions
from lielaws.checker.motions import Motion, read_motion
from lielaws.checker.roots import check_roots
from lielaws.checker.sharing import Sharing
from lielaws.checker.tape import Tape, Wire, too_large
from lielaws.checker.written import read_graph, read_network, read_phi
from lielaws.errors import CertificateError

GRADIENT = {"kind": "gradient"}

FAMILIES: Mapping[str, ReadFamily] = {
    "mlp": read_mlp,
    "conv": read_conv,
    "residual": read_residual,
    "sequential": read_sequential,
    "part": read_part,
    "phi": read_phi,
    "network": read_network,
    "graph": read_graph,
}


@dataclass(frozen=True)
class Network:
    """The potential <cotangent, output> of a network as a wire, and the wires of all that it depends on.

    parameters : one wire for each entry of the parameters
    state : one wire for each coordinate of the state of the flow: parameters, and for some flows time and velocities
    drift : the wire of the factor of the drift, for flows that have one
    motion : the flow
    cotangent : the wires of its independent entries
    row : with cross-entropy the length of the last axis of the output, over which cotangents sum to zero; otherwise 0
    constants : the wires of numbers that are the same in all samples, by name
    functions : kind and wires of each function beyond field operations, in the order of evaluation
    sharing : how these are related, with arbitrary numbers in place of gates
    gates : see :class:`Gates`
    state_leaves : the wires of parameters and constants
    inner_gates : the wires of the gates that functions depend on
    """

    tape: Tape
    parameters: Sequence[Wire]
    state: Sequence[Wire]
    drift: Sequence[Wire]
    motion: Motion
    data: Mapping[str, Sequence[Wire]]
    cotangent: Sequence[Wire]
    row: int
    gates: Gates
    constants: Mapping[str, Sequence[Wire]]
    functions: Sequence[tuple[str, Sequence[Wire]]]
    sharing: Sharing
    potential: Wire
    state_leaves: Sequence[Wire]
    inner_gates: Sequence[Wire]


def build_network(spec: Any, dimension: int, loss: str = "any", flow: Any = GRADIENT) -> Network:
    """The network of a spec, whose flow has a state of the given dimension. Raises CertificateError."""
    reader = Reader(FAMILIES)
    block = reader.block(spec, "architecture")
    count = sum(map(math.prod, block.parameters.values()))
    motion = read_motion(flow, {name: math.prod(shape) for name, shape in block.parameters.items()})
    if motion.dimension(count) != dimension:
        remedy = f"the architecture has {count} parameters, the state of its flow dimension {motion.dimension(count)}"
        raise CertificateError("dimension", dimension, remedy)
    if count > MOST_PARAMETERS:
        raise too_large("parameters", MOST_PARAMETERS)
    parameters = {name: reader.leaves(shape) for name, shape in block.parameters.items()}
    data = {name: reader.leaves(shape) for name, shape in block.data.items()}
    output = block.apply(parameters, list(data.values()))
    row = _row(output.shape) if loss == "cross_entropy" else 0
    free, cotangent = _cotangent(reader.tape, len(output.wires), row)
    potential = reader.tape.dot(zip(cotangent, output.wires, strict=True))
    constants = {name: array.wires for name, array in reader.constants.items()}
    own = [wire for array in parameters.values() for wire in array.wires]
    time = [reader.tape.leaf("time")] if motion.has_time else []
    velocities = [reader.tape.leaf("velocity") for _ in own] if motion.has_velocities else []
    drift = [reader.tape.leaf("drift")] if motion.has_time else []
    state_leaves = [*own, *(wire for wires in constants.values() for wire in wires)]
    sharing = Sharing(reader.tape, potential, state_leaves)
    check_roots(sharing)
    check_gates(reader.gates, sharing)
    return Network(
        reader.tape,
        own,
        [*time, *own, *velocities],
        drift,
        motion,
        {name: array.wires for name, array in data.items()},
        free,
        row,
        reader.gates,
        constants,
        reader.functions,
        sharing,
        potential,
        state_leaves,
        gates_in_functions(reader.tape, potential, reader.gates),
    )


def _row(shape: Shape) -> int:
    if not shape or shape[-1] < 2:
        raise CertificateError("setting.loss", "cross_entropy", f"an output of shape {shape} has no classes")
    return shape[-1]


def _cotangent(tape: Tape, count: int, row: int) -> tuple[list[Wire], list[Wire]]:
    """The independent entries of the cotangent, and all of them: the last one of each row is minus their sum."""
    free: list[Wire] = []
    entries: list[Wire] = []
    for k in range(count):
        if row and k % row == row - 1:
            entries.append(tape.linear((-1, wire) for wire in entries[k - row + 1 : k]))
            continue
        free.append(tape.leaf("cotangent"))
        entries.append(free[-1])
    return free, entries
