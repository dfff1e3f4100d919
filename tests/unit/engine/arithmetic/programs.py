"""Networks of one output, and their values in several arithmetics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from lielaws.engine.arithmetic.balls import Balls
from lielaws.engine.arithmetic.enclosures import NUMBERS, Enclosures, as_arb, of_fractions
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.node import Leaf, Node, ancestors
from lielaws.engine.graph.program import Program
from lielaws.engine.potential.patterns import constant_value

Network = Callable[..., Any]
Numbers = Mapping[str, Any]
"""parameters and data: arrays of Fractions, one sample"""


def traced(network: Network, values: Numbers) -> Any:
    shapes = {name: np.shape(value) for name, value in values.items()}
    return trace(network, {n: s for n, s in shapes.items() if n != "x"}, {"x": shapes["x"]})


def run(network: Network, values: Numbers, arithmetic: Any, lift: Callable[[Any], Any]) -> Any:
    found = traced(network, values)
    leaves = {**found.parameters, **found.data}
    lifted = {leaf.static: lift(np.asarray(values[name], dtype=object)) for name, leaf in leaves.items()}
    lifted |= constants(found.output, arithmetic)
    with np.errstate(all="ignore"):
        (result,) = Program.of([found.output]).run(arithmetic, lifted)
    return result


def constants(output: Node, arithmetic: Any) -> dict[Leaf, Any]:
    """The true values of the named constants of a network."""
    named = [node for node in ancestors([output]) if node.op == "leaf" and node.static.role == "constant"]
    if isinstance(arithmetic, Enclosures):
        return {node.static: constant_value(node, Enclosures()) for node in named}
    return {node.static: np.array([[NUMBERS[node.static.name]()]], dtype=object) for node in named}


def enclosed(network: Network, values: Numbers) -> tuple[np.ndarray, np.ndarray, bool]:
    """Midpoints, radii, and whether there is a value."""
    arithmetic = Enclosures()
    result = run(network, values, arithmetic, lambda a: of_fractions(a.ravel().tolist(), (1, 1, *a.shape)))
    return result[0, 0, 0, ...], result[1, 0, 0, ...], arithmetic.undefined is None or not arithmetic.undefined.any()


def in_balls(network: Network, values: Numbers, bits: int = 400) -> tuple[np.ndarray, bool]:
    """Values as `arb`, and whether there are any."""

    def lift(a: np.ndarray) -> np.ndarray:
        entries = np.empty(a.size, dtype=object)
        entries[:] = [as_arb(Fraction(number)) for number in a.ravel().tolist()]
        return entries.reshape(1, 1, *a.shape)

    with flint.ctx.workprec(bits):
        arithmetic = Balls()
        result = run(network, values, arithmetic, lift)
    return result[0, 0, ...], arithmetic.undefined is None or not arithmetic.undefined.any()


def contains(mid: np.ndarray, rad: np.ndarray, true: np.ndarray) -> bool:
    """Whether enclosures in floats meet those in `arb`, entry by entry: both contain the true value."""
    with flint.ctx.workprec(400):
        triples = zip(mid.ravel().tolist(), rad.ravel().tolist(), np.asarray(true).ravel().tolist(), strict=True)
        return all(r == np.inf or flint.arb(m, r).overlaps(value) for m, r, value in triples)
