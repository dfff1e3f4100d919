"""The vector fields of a flow: what it makes of all potentials of an architecture, chosen, evaluated and bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import IntArray
from lielaws.engine.arithmetic.jets import JetArithmetic
from lielaws.engine.arithmetic.modular import Modular
from lielaws.engine.flows.dynamics import Flow
from lielaws.engine.flows.exact import Expansion
from lielaws.engine.flows.heights import FieldBounds, bound_fields
from lielaws.engine.flows.state import Shape, StateSpace
from lielaws.engine.graph.constants import is_generic
from lielaws.engine.graph.node import Constant, Leaf, Node, ancestors, leaves_of
from lielaws.engine.graph.program import Program
from lielaws.engine.linalg import EXPLORATION_PRIME, modular, random_prime
from lielaws.engine.linalg.centred import LARGEST_PRIME as CENTRED_PRIME
from lielaws.engine.potential.patterns import Patterns
from lielaws.engine.potential.potentials import Potential, build_potential
from lielaws.engine.values.branches import RootedModular, Roots
from lielaws.engine.values.free import FreeFunctions
from lielaws.engine.values.rules import simplified

# Expansions with more products than this for each coordinate take longer than evaluations.
_LARGEST_EXPANSION = 4000
# Each term has an exponent for each variable.
_MOST_VARIABLES = 5000


@dataclass(frozen=True, slots=True)
class Point:
    """Points of the state space modulo a prime.

    vector : (1, count, dimension)
    constants : values of the constants of the network, (1, count, *shape)
    functions : the values of functions there
    """

    prime: int
    vector: IntArray
    constants: Mapping[Leaf, IntArray]
    functions: FreeFunctions

    @property
    def arithmetic(self) -> Modular:
        return Modular(self.prime, self.functions)


@dataclass(frozen=True, slots=True)
class Choice:
    """What some vector fields of a family belong to: data, cotangent, gates, the factor of the drift; and constants.

    values : leaf -> (1, count, *shape), in any arithmetic; arrays of one sample stand for all
    patterns : the number of the activation pattern of each, where patterns are listed
    """

    values: Mapping[Leaf, Any]
    count: int
    patterns: IntArray | None = None

    def select(self, chosen: Any) -> Choice:
        count = len(np.arange(self.count)[chosen])
        picked = {leaf: a if a.shape[1] == 1 else a[:, chosen] for leaf, a in self.values.items()}
        return Choice(picked, count, None if self.patterns is None else self.patterns[chosen])

    def lifted(self, exact: Callable[[Any], Any]) -> Choice:
        """The same with values that are brought into an arithmetic."""
        return replace(self, values={leaf: exact(array) for leaf, array in self.values.items()})


def vector_fields(
    flow: Flow, potential: Potential, patterns: Patterns | None = None, theorem: Any = None
) -> VectorFields:
    """The family of a flow, for all activation patterns or for those of one region."""
    space, slopes = flow.dynamics(potential)
    return VectorFields(flow, potential, space, tuple(slopes.values()), patterns, theorem)


@dataclass(frozen=True, eq=False)
class VectorFields:
    """A family W of vector fields on a state space.

    slopes : the components of a vector field as nodes, one for each tensor of the state
    region : the activation patterns of the region to which the family is restricted, if it is
    theorem : what a network is of whose laws are known, if brackets are not needed; it has the `ranks` of these
    """

    flow: Flow
    potential: Potential
    space: StateSpace
    slopes: tuple[Node, ...]
    region: Patterns | None = None
    theorem: Any = None

    @cached_property
    def listed(self) -> Patterns | None:
        """Activation patterns from which those of vector fields are taken; None where gates may have any value."""
        return self.region if self.region is not None else self.potential.shown_patterns

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """The leaf of each tensor of the state."""
        graph = self.potential.traced.graph
        return tuple(graph.leaf("parameter", name, shape) for name, shape in self.space.shapes.items())

    @cached_property
    def outside(self) -> tuple[Node, ...]:
        """All other leaves: data, cotangent, gates, constants, and the factor of the drift."""
        potential = self.potential
        gates = [gate.leaf for gate in potential.gates]
        drift = [leaf for leaf in leaves_of(self.slopes) if leaf.static.role == "flow"]
        return (*potential.traced.data.values(), potential.free_cotangent, *gates, *potential.constants, *drift)

    @property
    def generic(self) -> bool:
        """Whether one random vector field meets every proper subspace with negligible probability."""
        return self.listed is None and self.potential.affine

    @cached_property
    def rational(self) -> bool:
        """Whether evaluations modulo a prime are true: no functions beyond field operations, no named constants."""
        named = [node for node in self.potential.constants if not is_generic(node.static)]
        return self.potential.is_rational and not named

    @cached_property
    def program(self) -> Program:
        return Program.of(self.slopes)

    @cached_property
    def bounds(self) -> FieldBounds:
        """Bounds on degrees and coefficients, for proofs by evaluation."""
        return bound_fields(self.slopes)

    def expansion(self, law_terms: int) -> Expansion | None:
        """The fields expanded over Q; None if that is not affordable for laws with that many terms together."""
        largest = _LARGEST_EXPANSION * self.space.dimension
        if self.region is not None or sum(leaf.size for leaf in (*self.leaves, *self.outside)) > _MOST_VARIABLES:
            return None
        return None if self.bounds.expanded_terms * law_terms > largest else self._expansion

    @cached_property
    def _expansion(self) -> Expansion:
        gates = {gate.leaf.static for gate in self.potential.gates}
        return Expansion(self.slopes, self.leaves, self.outside, gates)

    # Choices modulo a prime

    @cached_property
    def _denominators(self) -> frozenset[int]:
        """The denominators of all numbers of the network and its flow."""
        nodes = ancestors(self.slopes)
        constants = [node.static.denominator for node in nodes if isinstance(node.static, Constant)]
        return frozenset([*constants, *(node.static.denominator for node in nodes if node.op == "scale")])

    def prime(self, rng: np.random.Generator | None = None, bits: int = 31, *, small: bool = False) -> int:
        """A random prime of that size that divides no denominator; without `rng` a fixed one.

        small : whether a prime below 2^23 serves, with which elimination is faster
        """
        if small and all(number % CENTRED_PRIME for number in self._denominators):
            return CENTRED_PRIME
        prime = EXPLORATION_PRIME if rng is None else 0
        rng = rng or np.random.default_rng(0)
        while not prime or not all(number % prime for number in self._denominators):
            prime = random_prime(rng, 2**bits, 2 ** (bits - 1), with_roots=True)
        return prime

    def draw_points(self, rng: np.random.Generator, count: int, prime: int) -> Point:
        """Random points, each with its own constants and values of functions."""
        vector = modular.residues(rng, prime, (1, count, self.space.dimension))
        leaves = self.potential.constants
        constants = {leaf.static: modular.residues(rng, prime, (1, count, *leaf.shape)) for leaf in leaves}
        return Point(prime, vector, constants, FreeFunctions.draw(rng, prime, count))

    def point_at(self, vector: IntArray, prime: int) -> Point:
        """A given point."""
        return replace(self.draw_points(np.random.default_rng(0), 1, prime), vector=vector.reshape(1, 1, -1))

    def choose(
        self,
        rng: np.random.Generator,
        count: int,
        at: Point | Callable[[Shape], IntArray],
        *,
        unit: int = 1,
        free_gates: bool = False,
        numbers: IntArray | None = None,
    ) -> Choice:
        """Random vector fields, at one point or each at its own.

        at : points modulo a prime; or what gives numbers for a shape, for vector fields without constants
        unit : the number of an open gate
        free_gates : gates are any numbers. The vector fields then span more than the family if it is not affine in the
            gates: a law of them is a law, but their rank is no bound. For a region they are those of its patterns
        numbers : of the patterns, where they are listed
        """
        draw = partial(modular.residues, rng, at.prime) if isinstance(at, Point) else at
        constants: dict[Leaf, Any] = dict(at.constants) if isinstance(at, Point) else {}
        free_gates = free_gates and self.region is None
        gates = {gate.leaf.static: gate.leaf.shape for gate in self.potential.gates}
        given = [node for node in self.outside if node.static.role != "constant" and node.static not in gates]
        values = {node.static: draw((1, count, *node.shape)) for node in given}
        if not free_gates and self.listed is not None:
            if numbers is None:
                numbers = rng.integers(0, self.listed.count, count)
            values |= {leaf: unit * array for leaf, array in self.listed.choose(numbers).items()}
            return Choice(values | constants, count, numbers)
        for leaf, shape in gates.items():
            full = (1, count, *shape)
            values[leaf] = draw(full) if free_gates or self.potential.affine else unit * random_gates(rng, full)
        return Choice(values | constants, count)

    def evaluate(self, vector: npt.NDArray[Any], choice: Choice, arithmetic: JetArithmetic) -> npt.NDArray[Any]:
        """The vector fields at points of shape (.., jets, samples, dimension), in the same shape.

        Samples at which a denominator vanishes are marked in `arithmetic.undefined`.
        """
        computed = self.run(self.program, vector, choice.values, arithmetic)
        samples = max(vector.shape[-2], choice.count)
        return joined(computed, (*vector.shape[:-2], samples, self.space.dimension), arithmetic)

    def bracket(self, vector: npt.NDArray[Any], words: Sequence[Choice], arithmetic: JetArithmetic) -> npt.NDArray[Any]:
        """The left-normed brackets [X_k, [.., [X_2, X_1]]] at a point, for several choices of the X_i at once.

        Parameters
        ----------
        vector : the point as (.., jets, 1 or samples, dimension), in the arithmetic
        words : X_1, ..., X_k; each holds one vector field for each bracket

        With [X, Y] = DY.X - DX.Y, by nested dual numbers, so that nothing is expanded symbolically: the new nilpotent e
        carries a direction, and the half of the result that belongs to e is the derivative along it.
        """
        *inner, outer = words
        direction = self.evaluate(vector, outer, arithmetic)
        if not inner:
            return direction
        moved = self.bracket(arithmetic.joined(vector, direction), inner, arithmetic)
        value, derivative = arithmetic.halves(moved)
        back = self.evaluate(arithmetic.joined(vector, value), outer, arithmetic)
        return arithmetic.minus(derivative, arithmetic.halves(back)[1])

    def run(
        self, program: Program, vector: npt.NDArray[Any], values: Mapping[Leaf, Any], arithmetic: Any
    ) -> list[npt.NDArray[Any]]:
        """What a program computes from a point and from the values of all other leaves."""
        return program.run(arithmetic, {**values, **self.space.values(vector)})

    def meet_roots(self, program: Program, vector: IntArray, choice: Choice, arithmetic: RootedModular) -> None:
        """Evaluate a program at points modulo a prime, for what the arithmetic learns of the square roots in it."""
        self.run(program, arithmetic.exact(vector), choice.lifted(arithmetic.exact).values, arithmetic)

    @cached_property
    def square_roots(self) -> Roots:
        return Roots.of(self.slopes)

    @cached_property
    def rewritten(self) -> VectorFields:
        """The family of the same network with equal functions written alike; itself if nothing changes."""
        traced = simplified(self.potential.traced)
        if traced.output is self.potential.traced.output:
            return self
        return vector_fields(self.flow, build_potential(traced, self.potential.loss))


def joined(tensors: Iterable[npt.NDArray[Any]], shape: tuple[int, ...], arithmetic: JetArithmetic) -> npt.NDArray[Any]:
    """Vectors (.., jets, samples, dimension) of their tensors, each (.., jets or 1, samples or 1, *shape)."""
    result, start = arithmetic.zeros(shape), 0
    for tensor in tensors:
        # A gradient that is constant in theta has no infinitesimal part: its jets axis has length one.
        flat = tensor.reshape(*tensor.shape[: arithmetic.lead], -1)
        end = start + flat.shape[-1]
        arithmetic.part(result, slice(None, arithmetic.jets(flat)))[..., start:end] = flat
        start = end
    return result


def random_gates(rng: np.random.Generator, shape: Shape) -> IntArray:
    """Patterns of 0 and 1 of shape (1, count, ..).

    Each has its own share of open gates, so that deep networks are not closed by a single layer.
    """
    share = rng.random(shape[1]).reshape((1, shape[1]) + (1,) * (len(shape) - 2))
    return (rng.random(shape) < share).astype(np.int64)
