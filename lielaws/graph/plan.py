"""How the values of transcendental functions at a base point hang together.

Values are free residues except where functions are related, and no relation may be missed: a free value too many makes
ranks too large. A plan names the free values ("generators"), one set for each sample and one for each state (for
functions that do not depend on data), and says how every function value follows from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from lielaws.graph.node import Node

Powers = tuple[tuple[int, int], ...]
"""(generator, exponent) pairs"""


@dataclass(frozen=True, slots=True)
class ExponentPlan:
    """Exponentials (or points on the circle) as products of powers of generators.

    arguments : the nodes whose entries are the exponents, in order
    sample_powers, state_powers : for each entry
    """

    arguments: tuple[Node, ...] = ()
    sample_powers: tuple[Powers, ...] = ()
    state_powers: tuple[Powers, ...] = ()
    sample_generators: int = 0
    state_generators: int = 0

    def start(self, argument: Node) -> int:
        """The number of the first entry of an argument."""
        position = 0
        for node in self.arguments:
            if node.serial == argument.serial:
                return position
            position += node.size
        raise KeyError(argument.serial)


@dataclass(frozen=True, slots=True)
class SumRule:
    """A value as a rational combination of earlier ones, with at most one free value.

    logs, exponents : (entry, factor) over earlier logarithms, and over exponents
    fresh : "sample", "state" or "" for the kind of the free value
    constants : (prime, factor) for multiples of the logarithm of a prime number
    """

    logs: tuple[tuple[int, Fraction], ...] = ()
    exponents: tuple[tuple[int, Fraction], ...] = ()
    fresh: str = ""
    constants: tuple[tuple[int, Fraction], ...] = ()


@dataclass(frozen=True, slots=True)
class ProductRule:
    """An exponential of logarithms: factor times powers of arguments of logarithms and of earlier exponentials."""

    factor: Fraction
    arguments: Powers
    exponentials: Powers


@dataclass(frozen=True, slots=True)
class GaussRule:
    """The value of an earlier entry up to sign, or a free value."""

    original: int
    sign: int
    fresh: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one graph; entries of a kind are numbered through its nodes in the order of the graph."""

    exponentials: ExponentPlan = field(default_factory=ExponentPlan)
    products: tuple[tuple[int, ProductRule], ...] = ()
    angles: ExponentPlan = field(default_factory=ExponentPlan)
    logs: tuple[Node, ...] = ()
    log_rules: tuple[SumRule, ...] = ()
    gausses: tuple[Node, ...] = ()
    gauss_rules: tuple[GaussRule, ...] = ()
    constant_primes: tuple[int, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.exponentials.arguments or self.angles.arguments or self.logs or self.gausses)

    @property
    def free_values(self) -> dict[str, tuple[int, int]]:
        """For each kind of generator, how many there are for a sample and for a state."""
        return {
            "exp": (self.exponentials.sample_generators, self.exponentials.state_generators),
            "angle": (self.angles.sample_generators, self.angles.state_generators),
            "log": _count(rule.fresh for rule in self.log_rules),
            "gauss": _count(rule.fresh for rule in self.gauss_rules),
            "prime": (0, len(self.constant_primes)),
        }


def _count(kinds) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    known = list(kinds)
    return known.count("sample"), known.count("state")


def entry_start(nodes: tuple[Node, ...], node: Node) -> int:
    """The number of the first entry of a node among the entries of all of them."""
    position = 0
    for other in nodes:
        if other.serial == node.serial:
            return position
        position += other.size
    raise KeyError(node.serial)
