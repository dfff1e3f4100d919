"""Local rules that identify equal functions, for proofs of laws alone.

Values of functions are free residues there, equal where arguments are equal. So an identity that holds for free values
holds for the functions, and relations between functions of different arguments are missed unless a rule shows them:
exp(a + b) = exp(a) exp(b), sqrt(q^2 r) = |q| sqrt(r), and so on. Each rule is true for real numbers, wherever the
network is defined. A relation that no rule shows costs proofs of laws and never truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce

import numpy as np

from lielaws.engine.graph import functions
from lielaws.engine.graph.network import Traced
from lielaws.engine.graph.node import Node, ancestors
from lielaws.engine.graph.primitives import add, contract, multiply, permute, power, reshape, scale, scatter
from lielaws.engine.values.domains import assumptions
from lielaws.engine.values.factoring import Factoring
from lielaws.engine.values.readings import raised
from lielaws.engine.values.relations import is_related, reduced
from lielaws.engine.values.signs_of_nodes import Signs
from lielaws.engine.values.splitting import Part, split_arguments
from lielaws.engine.values.views import MOVES, look_through, parts_of_concatenation, sources

Assumed = Mapping[tuple[int, int], int]

_MOST_TURNS = 24
"""above, nothing changes any more but for networks that are nested deeper; below, nested functions are missed"""
_LARGEST_MULTIPLE = 16
"""above, cosines of multiples have too many terms; below, multiples of one angle are not related"""
_MOST_TERMS = 24
"""above, products that are written out make networks larger than is gained; below, squares of long sums are missed"""


def simplified(traced: Traced) -> Traced:
    """The same function of real numbers, wherever it is defined, with equal functions written alike."""
    output = traced.output
    signs = Signs(assumptions(output))
    # Roots see squares best before these are written out, so products come last.
    products = False
    for _ in range(_MOST_TURNS):
        new = _Turn.of(output, signs, products=products).run(output)
        if new[output.serial] is output and products:
            break
        products = new[output.serial] is output
        signs = Signs(_carried(signs.assumed, output, new), signs.read)
        output = new[output.serial]
    return replace(traced, output=output)


def _carried(assumed: Assumed, output: Node, new: Mapping[int, Node]) -> Assumed:
    """Assumptions for what nodes have become, beside those for what they were."""
    changed = {node.serial for node in ancestors([output]) if new[node.serial] is not node}
    result = dict(assumed)
    for (serial, entry), sign in assumed.items():
        if serial in changed:
            base, index = look_through(new[serial], np.array([entry]))
            result[base.serial, int(index[0])] = sign
    return result


@dataclass(frozen=True, slots=True)
class _Turn:
    """All rules, once for each node from the leaves to the output.

    parts : of the arguments of exponentials and of the circle, by kind and serial
    related : the nodes that depend on something whose square is simpler, if products are to be rewritten
    """

    factoring: Factoring
    parts: Mapping[str, Mapping[int, tuple[Part, ...]]]
    related: frozenset[int]

    @classmethod
    def of(cls, output: Node, signs: Signs, *, products: bool) -> _Turn:
        nodes = ancestors([output])
        exponents = {below.serial: below for node in nodes if node.op == "exp" and (below := _unmoved(node.inputs[0]))}
        angles = {
            below.serial: below for node in nodes if node.op in ("cos", "sin") and (below := _unmoved(node.inputs[0]))
        }
        parts = {
            "exp": split_arguments(list(exponents.values()), signs.readings, powers=True),
            "circle": split_arguments(list(angles.values()), signs.readings, powers=False),
        }
        related: set[int] = set()
        for node in nodes if products else ():
            if is_related(node) or any(source.serial in related for source in node.inputs):
                related.add(node.serial)
        return cls(Factoring.of(output, signs), parts, frozenset(related))

    def run(self, output: Node) -> dict[int, Node]:
        """What each node becomes, by serial."""
        new: dict[int, Node] = {}
        for node in ancestors([output]):
            new[node.serial] = self._rewritten(node, tuple(new[source.serial] for source in node.inputs))
        return new

    def _rewritten(self, node: Node, inputs: tuple[Node, ...]) -> Node:
        match node.op:
            case "exp":
                return _pushed(self._exponential, inputs[0], entire=True)
            case "cos":
                return _pushed(lambda argument: self._circle(argument)[0], inputs[0], entire=True)
            case "sin":
                return _pushed(lambda argument: self._circle(argument)[1], inputs[0], entire=True)
            case "log":
                return _pushed(self.factoring.logarithm, inputs[0])
            case "sqrt":
                return _pushed(self.factoring.root, inputs[0])
            case "gauss":
                return self._gauss(node, inputs[0], inputs[1])
            case "piecewise":
                return _pushed(lambda argument: self.factoring.piecewise(argument, *node.static), inputs[0])
            case "contract" | "power" if node.serial in self.related and not _is_power_of_piecewise(node):
                return self._product(_again(node, inputs))
        return _again(node, inputs)

    def _exponential(self, argument: Node) -> Node:
        """exp(m a + n b + c log v) = exp(a)^m exp(b)^n v^c; v is positive where its logarithm is defined."""
        factors = []
        for part in self.parts["exp"].get(argument.serial, (Part(argument, Fraction(1)),)):
            if part.power_of is not None:
                factors.append(_rational_power(part.power_of, part.multiple))
            else:
                factors.append(raised(functions.exp(self.factoring.signs.canonical(part.node)), int(part.multiple)))
        return reduce(multiply, factors) if factors else _ones(argument)

    def _circle(self, argument: Node) -> tuple[Node, Node]:
        """Cosine and sine of m a + n b."""
        total: tuple[Node, Node] | None = None
        for part in self.parts["circle"].get(argument.serial, (Part(argument, Fraction(1)),)):
            if abs(part.multiple) > _LARGEST_MULTIPLE:
                return functions.cos(argument), functions.sin(argument)
            sign = self._orientation(part.node)
            angle = self.factoring.signs.canonical(scale(sign, part.node))
            one = single = functions.cos(angle), functions.sin(angle)
            for _ in range(abs(int(part.multiple)) - 1):
                one = _rotated(one, single)
            if part.multiple * sign < 0:
                one = one[0], scale(-1, one[1])
            total = one if total is None else _rotated(total, one)
        return total or (_ones(argument), scale(0, argument))

    def _orientation(self, node: Node) -> int:
        """1 or -1, the opposite for the negative of a node."""
        found = self.factoring.signs.readings(node)
        terms = found[0].terms(found[0].value.above) if found else []
        return -1 if terms and terms[0][1] < 0 else 1

    def _gauss(self, node: Node, argument: Node, density: Node) -> Node:
        """An odd function; its density is an even one."""
        sign = self._orientation(argument)
        inside = self.factoring.signs.canonical(scale(sign, argument))
        return scale(sign, node.graph.node("gauss", (inside, density), None, node.shape))

    def _product(self, node: Node) -> Node:
        """With squares of roots and the like replaced, if that does not make it too long."""
        # The least detail first: what is not needed for the rule is not written out.
        for reading in reversed(self.factoring.signs.readings(node)):
            value = reduced(reading, self.factoring.signs.of_polynomial)
            if value is not None and max(len(value.above), len(value.below)) <= _MOST_TERMS:
                return reading.build_ratio(value)
        return node


def _unmoved(node: Node) -> Node:
    while node.op in MOVES:
        node = node.inputs[0]
    return node


def _pushed(function: Callable[[Node], Node], argument: Node, *, entire: bool = False) -> Node:
    """A function of moved entries as moved values of the function; it must be defined for entries that are dropped."""
    if argument.op in MOVES and (entire or len(np.unique(sources(argument))) == argument.inputs[0].size):
        return _again(argument, (_pushed(function, argument.inputs[0], entire=entire),))
    parts = parts_of_concatenation(argument) if argument.op == "add" else None
    if parts is None:
        return function(argument)
    values = [
        scatter(_pushed(function, part.inputs[0], entire=entire), part.static, part.shape)
        for part in sorted(parts, key=lambda part: part.serial)
    ]
    return reduce(add, values)


def _again(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The same operation on other inputs."""
    match node.op:
        case "add":
            return add(inputs[0], inputs[1])
        case "scale":
            return scale(node.static, inputs[0])
        case "power":
            return power(inputs[0], node.static)
        case "contract":
            return contract(node.static, inputs[0], inputs[1])
        case "reshape":
            return reshape(inputs[0], node.shape)
        case "permute":
            return permute(inputs[0], node.static)
    return node.on(inputs)


def _is_power_of_piecewise(node: Node) -> bool:
    """Gates are idempotent where they are introduced."""
    return node.inputs[0].op == "piecewise" and len({source.serial for source in node.inputs}) == 1


def _rational_power(node: Node, exponent: Fraction) -> Node:
    """A power of a positive node with denominator 1, 2 or 4: by roots."""
    for _ in range(exponent.denominator.bit_length() - 1):
        node = functions.sqrt(node)
    return raised(node, exponent.numerator)


def _rotated(one: tuple[Node, Node], other: tuple[Node, Node]) -> tuple[Node, Node]:
    """Cosine and sine of a sum of two angles."""
    cosine = add(multiply(one[0], other[0]), scale(-1, multiply(one[1], other[1])))
    return cosine, add(multiply(one[1], other[0]), multiply(one[0], other[1]))


def _ones(node: Node) -> Node:
    return node.graph.constant([1] * node.size, node.shape)
