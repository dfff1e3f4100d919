"""The check of a certificate that rests on units: the theorem's hypotheses, and the network's own backward pass.

The bounds follow from the theorem in `classes`. That the steps were read rightly is tested in a way of its own: at a
random point the laws are constant along a vector field of the network, and for paths that are drawn at random the
gradient is that of the product of the parameters on it.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from lielaws.checker import reading
from lielaws.checker.networks.network import Network
from lielaws.checker.networks.steps import Budget
from lielaws.checker.numbers.jets import Jets
from lielaws.checker.numbers.residues import Residues, random_prime
from lielaws.checker.units.classes import find_classes, summed_axes, unit_sums
from lielaws.checker.units.routes import Block, Layer, Routes, read_routes
from lielaws.errors import CertificateError

_PATHS = 2
"""paths that are followed; a wrong reading would have to be right on all of them, and each takes a backward pass"""
_SORTED = 1000
"""products that take as long as all that is done with an entry of an array, which is sorted again and again"""
_WAYS = 8
"""ways among which one is drawn for each block, so that units that come by no parameter have their turn"""
_TRIES = 1000
"""paths that are drawn until one comes from the data: some end where a window has nothing but padding"""
_BITS = 30
"""of primes: residues are words, so that large networks are evaluated on arrays of these"""


def check_units(record: dict[str, Any], network: Network, budget: Budget) -> Iterator[str]:
    """The statements that fail. Raises CertificateError if the network is of another kind."""
    upper = reading.table(record["upper"], "upper", {"arithmetic", "rank"})
    lower = reading.table(record["lower"], "lower", {"laws", "units", "sums"})
    reading.choice(lower["laws"], "lower.laws", {"units"})
    if network.flow.kind != "gradient":
        raise CertificateError("setting.flow", network.flow.kind, "units are counted for gradient flow")
    if not network.is_rational or network.generic:
        raise CertificateError("upper.arithmetic", "units", "the network has functions or constants")
    budget.charge((2 + _PATHS) * network.program.work * Residues.fast, "architecture", "its steps")
    budget.charge(_SORTED * network.steps.entries, "architecture", "its arrays")
    routes = read_routes(network)
    classes = find_classes(routes)
    sums = list(summed_axes(routes, network.row)) if network.row else []
    count = sum(math.prod(network.parameters[name]) // network.parameters[name][axis] for name, axis in sums)
    if reading.integer(lower["units"], "lower.units", 0) != classes.count:
        yield f"lower.units = {lower['units']}: the network has {classes.count} classes of units"
    true_sums = sorted(list(some) for some in sums)
    if sorted(reading.items(lower["sums"], "lower.sums"), key=str) != sorted(true_sums, key=str):
        yield f"lower.sums = {lower['sums']}: sums over outputs are {true_sums}"
    rank = network.dimension - classes.count - count
    if reading.integer(upper["rank"], "upper.rank", 0) != rank:
        yield f"upper.rank = {upper['rank']}: the gradients of paths have rank {rank}"
    if record["lower_bound"] != classes.count + count:
        yield f"lower_bound = {record['lower_bound']}: there are {classes.count + count} laws"
    evaluation = _Evaluation(network, routes)
    point, slopes = evaluation.at_random()
    products = {name: array * slopes[name] % evaluation.prime for name, array in point.items()}
    if unit_sums(classes, products, evaluation.prime).any():
        yield "lower.laws: they change along the flow"
    for name, axis in sums:
        if (slopes[name].sum(axis=axis) % evaluation.prime).any():
            yield f"lower.sums: those of {name!r} change along the flow"
    for _ in range(_PATHS if routes.n_inputs else 0):
        evaluation.follow_a_path()


class _Evaluation:
    """Gradients of the network modulo a prime that nobody could foresee."""

    def __init__(self, network: Network, routes: Routes) -> None:
        self._network, self._routes = network, routes
        self.prime = random_prime(_BITS)
        self._ring = Residues(self.prime)
        self._rng = np.random.default_rng(secrets.randbits(256))

    def _random(self, shape: tuple[int, ...]) -> Any:
        return self._rng.integers(1, self.prime, (1, *shape), dtype=np.int64)

    def _gradient(self, point: dict[str, Any], data: dict[str, Any], gates: dict[int, Any], w: Any) -> dict[str, Any]:
        """By name. gates : by the step of the gate"""
        network, jets = self._network, Jets(self._ring)
        leaves = {("data", name): array for name, array in data.items()}
        by_number = {number: gates[step] for step, number in network.program.gates.items()}
        state = [point[name] for name in network.parameters]
        values = network.values(jets, state, leaves, lambda number, _: by_number[number])
        slopes = network.program.gradient(jets, values, w)
        found = {}
        for name, shape in network.parameters.items():
            slope = slopes.get(network.program.parameter_steps.get(name, -1))
            found[name] = np.zeros(shape, dtype=np.int64) if slope is None else np.broadcast_to(slope, (1, *shape))[0]
        return found

    def _gates(self) -> dict[int, tuple[int, ...]]:
        return {step: self._network.steps.shape(step) for step in self._network.program.gates}

    def at_random(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters and a vector field there, by name."""
        network = self._network
        point = {name: self._random(shape) for name, shape in network.parameters.items()}
        data = {name: self._random(shape) for name, shape in network.data.items()}
        gates = {step: self._random(shape) for step, shape in self._gates().items()}
        w = self._random(network.output_shape)
        if network.row:
            w[..., -1] = -w[..., :-1].sum(axis=-1) % self.prime
        slopes = self._gradient(point, data, gates, w)
        return {name: array[0] for name, array in point.items()}, slopes

    def follow_a_path(self) -> None:
        """Raises CertificateError unless the gradient is that of the product of the parameters on a random path.

        All biases are zero. Where all units on the path have a factor s, and others are zero, that is the leading
        coefficient: some of these units alone may make a path as well.
        """
        path = _Path(self._network, self._routes)
        point = {name: self._random(shape) for name, shape in self._network.parameters.items()}
        blocks = [block for layer in self._routes.layers for block, _ in layer.argument.parts]
        for name in (block.name for block in blocks if block.is_bias):
            point[name][...] = 0
        w = np.zeros((1, *self._network.output_shape), dtype=np.int64)
        w.reshape(-1)[path.output] = 1
        slopes = {name: np.zeros(shape, dtype=np.int64) for name, shape in self._network.parameters.items()}
        leading = self._leading(len(path.units))
        for factor, weight in leading:
            some = self._gradient(point, self._data(path, factor), path.gates(self._ring, factor), w)
            slopes = {name: (slope + weight * some[name]) % self.prime for name, slope in slopes.items()}
        expected = path.weights | (path.biases if len(leading) == 1 else {})
        found = {name: np.flatnonzero(slope).tolist() for name, slope in slopes.items()}
        products = {point[name].ravel()[k] * slopes[name].ravel()[k] % self.prime for name, k in path.weights.items()}
        if {name: some for name, some in found.items() if some} != {name: [k] for name, k in expected.items()}:
            raise CertificateError(
                "architecture.steps", sorted(expected), "a gradient is not that of a path with these"
            )
        if len(products) > 1:
            raise CertificateError(
                "architecture.steps", sorted(expected), "a path has different products of parameters"
            )

    def _data(self, path: _Path, factor: int) -> dict[str, Any]:
        data = {name: np.zeros((1, *shape), dtype=np.int64) for name, shape in self._network.data.items()}
        for name, start in self._routes.inputs.items():
            if path.units and start <= path.units[-1] < start + data[name].size:
                data[name].reshape(-1)[path.units[-1] - start] = factor
        return data

    def _is_chain(self) -> bool:
        """Whether all units come from the layer before, so that all paths have the same number of them."""
        start = 0
        for layer in self._routes.layers:
            sums = layer.argument
            for units in (sums.units.units, *(block.unit for block, _ in sums.parts)):
                if len(units) and units.min() < start:
                    return False
            start = layer.start
        return True

    def _leading(self, degree: int) -> list[tuple[int, int]]:
        """Values of s, and weights by which the leading coefficient of a polynomial follows from its values there."""
        if self._is_chain():
            return [(1, 1)]
        below = pow(math.factorial(degree), -1, self.prime)
        return [(k, (-1) ** (degree - k) * math.comb(degree, k) * below % self.prime) for k in range(degree + 1)]


class _Path:
    """A random path from an output back to an entry of the data.

    weights : the entry that it passes of each tensor; biases : those that are added to its units
    units : from the last to the first; output : its entry
    """

    def __init__(self, network: Network, routes: Routes) -> None:
        self._network, self._routes = network, routes
        for _ in range(_TRIES):
            self.weights: dict[str, int] = {}
            self.biases: dict[str, int] = {}
            self.units: list[int] = []
            self.output = secrets.randbelow(routes.layers[-1].size)
            if self._reaches_data(routes.layers[-1], self.output):
                return
        raise CertificateError("architecture.steps", "paths", "none was met that comes from the data")

    def _reaches_data(self, layer: Layer, entry: int) -> bool:
        """Draws unit after unit, back from an entry of a layer."""
        while (drawn := self._before(layer, entry)) is not None:
            block, unit, place = drawn
            if block is not None:
                self.weights[block.name] = place
            self.units.append(unit)
            if unit < self._routes.n_inputs:
                return True
            layer = next(some for some in self._routes.layers if some.start <= unit < some.start + some.size)
            entry = unit - layer.start
        return False

    def _before(self, layer: Layer, entry: int) -> tuple[Block | None, int, int] | None:
        """A random way to an entry: the block, if it comes by one, the unit, and the entry of the tensor."""
        ways: list[tuple[Block | None, int, int]] = []
        sums = layer.argument
        ways += [(None, int(unit), 0) for unit in sums.units.units[sums.units.rows == entry]]
        for block, place in sums.parts:
            if place[entry] >= 0 and block.is_bias:
                self.biases[block.name] = int(place[entry])
            elif place[entry] >= 0:
                met = np.flatnonzero(block.tail_group == block.group[place[entry]])
                chosen = secrets.SystemRandom().sample(met.tolist(), min(_WAYS, len(met)))
                ways += [(block, int(block.unit[k]), _place(block, place[entry], k)) for k in chosen]
        return secrets.choice(ways) if ways else None

    def gates(self, ring: Residues, factor: int) -> dict[int, Any]:
        """Values of gates, by their steps, with which units on the path have a factor and all others are zero."""
        steps, found = self._network.steps, {}
        starts = {layer.piece: layer.start for layer in self._routes.layers}
        for piece in (k for k in self._network.program.needed if steps[k].op == "gated"):
            gate, (below, above) = steps[piece].inputs[1], steps[piece].fixed
            if piece in starts:
                # The factor below + (above - below) gate is 0, or the given one on the path.
                values = np.full(steps[piece].size, ring.residue(-below / Fraction(above - below)))
                own = [unit - starts[piece] for unit in self.units if 0 <= unit - starts[piece] < len(values)]
                values[own] = ring.residue((factor - below) / Fraction(above - below))
            else:
                values = self._winners(piece)
            found[gate] = values.reshape(1, *steps.shape(gate))
        return found

    def _winners(self, piece: int) -> Any:
        """The gates of a maximum: 1 where the path comes by the first argument."""
        first = next(a for some, a, _ in self._routes.maxima.values() if some == piece)
        units = self._routes.values[first].units
        values = np.zeros(units.size, dtype=np.int64)
        values[units.rows[np.isin(units.units, self.units)]] = 1
        return values


def _place(block: Block, result: int, tail: int) -> int:
    """The entry of a tensor by which a unit comes to a result."""
    heads = np.unravel_index(block.cell[result], block.sizes(block.heads))
    tails = np.unravel_index(block.tail_cell[tail], block.sizes(block.tails)) if block.tails else ()
    index = dict(zip(block.tails, tails, strict=True)) | dict(zip(block.heads, heads, strict=True))
    return int(np.ravel_multi_index([index[x] for x in block.letters], block.shape))
