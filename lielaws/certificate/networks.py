"""From a spec to the potential of its network on a tape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lielaws.certificate.blocks import MOST_PARAMETERS, Reader, ReadFamily
from lielaws.certificate.gates import Gates
from lielaws.certificate.layered import read_conv, read_mlp, read_residual, read_sequential
from lielaws.certificate.tape import Tape, Wire, too_large
from lielaws.certificate.written import read_graph, read_network, read_phi
from lielaws.errors import CertificateError

FAMILIES: Mapping[str, ReadFamily] = {
    "mlp": read_mlp,
    "conv": read_conv,
    "residual": read_residual,
    "sequential": read_sequential,
    "phi": read_phi,
    "network": read_network,
    "graph": read_graph,
}


@dataclass(frozen=True)
class Network:
    """The potential <cotangent, output> of a network as a wire, and the wires of all that it depends on.

    parameters : one wire for each coordinate of the state
    gates : see :class:`Gates`
    """

    tape: Tape
    parameters: Sequence[Wire]
    data: Mapping[str, Sequence[Wire]]
    cotangent: Sequence[Wire]
    gates: Gates
    potential: Wire


def build_network(spec: Any, dimension: int) -> Network:
    """The network of a spec with `dimension` parameters. Raises CertificateError."""
    reader = Reader(FAMILIES)
    block = reader.block(spec, "architecture")
    count = sum(map(math.prod, block.parameters.values()))
    if count != dimension:
        raise CertificateError("dimension", dimension, f"the architecture has {count} parameters")
    if count > MOST_PARAMETERS:
        raise too_large("parameters", MOST_PARAMETERS)
    parameters = {name: reader.leaves(shape) for name, shape in block.parameters.items()}
    data = {name: reader.leaves(shape) for name, shape in block.data.items()}
    output = block.apply(parameters, list(data.values()))
    cotangent = [reader.tape.leaf("cotangent") for _ in output.wires]
    return Network(
        reader.tape,
        [wire for array in parameters.values() for wire in array.wires],
        {name: array.wires for name, array in data.items()},
        cotangent,
        reader.gates,
        reader.tape.dot(zip(cotangent, output.wires, strict=True)),
    )
