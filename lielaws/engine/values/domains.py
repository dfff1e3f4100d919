"""What is nowhere negative where a network is defined: arguments of its logarithms and roots, and what follows.

Entries that do not reach the output are left out: log((u, -u))[0] says nothing about -u.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
import numpy.typing as npt

from lielaws.engine.graph.contraction import parse_subscripts
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.primitives import multiply
from lielaws.engine.values.readings import Reading
from lielaws.engine.values.signs_of_nodes import Signs
from lielaws.engine.values.views import MOVES, look_through, place, sources, whole

Bools = npt.NDArray[np.bool_]


def domain(output: Node) -> list[Node]:
    """What is nowhere negative where the network is defined: arguments of logarithms and of roots."""
    live, found = _live_entries(output), []
    for node in ancestors([output]):
        if node.op in ("log", "sqrt") and (mine := live[node.serial]).any():
            argument, entries = node.inputs[0], np.flatnonzero(mine.ravel())
            found.append(argument if mine.all() else place(argument, entries, (len(entries),)))
    return found


def assumptions(output: Node) -> dict[tuple[int, int], int]:
    """The signs of entries that follow from where the network is defined: (node, entry) -> 1 or -1."""
    assumed: dict[tuple[int, int], int] = {}
    positive = domain(output)
    for _ in range(2):  # what is known of one argument may help with another
        signs = Signs(dict(assumed))
        for node in positive:
            assumed |= entries_of(node, 1)
            for reading in signs.readings(node):
                assumed |= _of_last_factor(signs, reading)
    return assumed


def _of_last_factor(signs: Signs, reading: Reading) -> dict[tuple[int, int], int]:
    """The sign of the one factor of a nowhere negative product whose sign is not known yet."""
    if reading.value.above == 0:
        return {}
    constant, factors = reading.factors(reading.value)
    sign, unknown = 1 if constant > 0 else -1, []
    for polynomial, exponent in factors:
        known = 1 if exponent % 2 == 0 else signs.of_polynomial(reading, polynomial)
        sign *= known or 1
        if known and signs.may_vanish(reading, polynomial):
            # relu(x) u is nowhere negative for any u where x is.
            return {}
        unknown += [] if known else [polynomial]
    if not unknown:
        return {}
    if len(unknown) > 1:
        # Roots of squares have them as a product too.
        return entries_of(reduce(multiply, map(reading.build, unknown)), sign)
    return entries_of(reading.build(unknown[0]), sign) | entries_of(reading.build(-unknown[0]), -sign)


def entries_of(node: Node, sign: int) -> dict[tuple[int, int], int]:
    """The same sign for all entries, where they come from."""
    base, index = look_through(node, whole(node))
    return {(base.serial, int(entry)): sign for entry in index}


def _live_entries(output: Node) -> Mapping[int, Bools]:
    """Which entries of each node reach the output, so that this is not defined where they are not."""
    nodes = ancestors([output])
    live = {node.serial: np.zeros(node.shape, dtype=np.bool_) for node in nodes}
    live[output.serial][...] = True
    for node in reversed(nodes):
        for number, source in enumerate(node.inputs):
            live[source.serial] |= _reached(node, number, live[node.serial])
    return live


def _reached(node: Node, number: int, live: Bools) -> Bools:
    """Which entries of an input the live entries of a node are made of."""
    source = node.inputs[number]
    if node.op == "contract":
        left, right, output = parse_subscripts(node.static)
        mine, others = (left, right) if number == 0 else (right, left)
        ones = np.ones(node.inputs[1 - number].shape)
        return np.asarray(np.einsum(f"{output},{others}->{mine}", live.astype(np.float64), ones) > 0)
    if node.op == "sum":
        return np.broadcast_to(np.expand_dims(live, node.static), source.shape)
    if node.op == "scatter":
        return np.asarray(live.ravel()[node.static.values].reshape(source.shape))
    if node.op in MOVES:
        reached = np.zeros(source.size, dtype=np.bool_)
        reached[sources(node)[live.ravel()]] = True
        return reached.reshape(source.shape)
    return live
