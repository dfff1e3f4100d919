"""How the values of transcendental functions at a base point hang together.

Values are free residues except where functions are related, and no relation may be missed: a free value too many makes
ranks too large. A plan names the free values ("generators"), one set for each sample and one for each state (for
functions that do not depend on data), and says how every function value follows from them. Where the arguments of
functions contain gates, relations depend on which gates are open, so each activation pattern has a plan of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from lielaws.engine.graph.node import Leaf, Node
from lielaws.engine.linalg import has_roots

IntArray = npt.NDArray[np.int64]

Powers = tuple[tuple[int, int], ...]
"""(generator, exponent) pairs"""

Terms = tuple[tuple[int, Fraction], ...]
"""(number, factor) pairs"""


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
        return entry_start(self.arguments, argument)


@dataclass(frozen=True, slots=True)
class SumRule:
    """A logarithm as a rational combination of earlier values, with at most one free value.

    logs, exponents : (entry, factor) over earlier logarithms, and over exponents
    fresh : the number of the free value of the sample
    states : (number, factor) over free values of the state
    constants : (prime, factor) for multiples of the logarithm of a prime number
    """

    logs: Terms = ()
    exponents: Terms = ()
    fresh: int | None = None
    states: Terms = ()
    constants: Terms = ()


@dataclass(frozen=True, slots=True)
class ProductRule:
    """What an exponent has in logarithms: factor times powers of their arguments and of exponentials.

    The exponential is this, times the powers of generators for what is left of the exponent.
    """

    factor: Fraction
    arguments: Powers
    exponentials: Powers


@dataclass(frozen=True, slots=True)
class GaussRule:
    """The value of an earlier entry, or a free value, up to sign; zero if the sign is.

    original : entry whose value it is; None for a free value
    scope : "sample" or "state" for a free value, with its number
    """

    sign: int
    original: int | None = None
    scope: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class RootRule:
    """The sign of a root whose product with others is known.

    It is that of the canonical root, times the symbol of a number that is positive over the reals.

    node, entry : which root; others : those that it is multiplied with
    sign : `sign.residues(..)` gives that number at the base points
    """

    node: Node
    entry: int
    sign: Any
    others: tuple[tuple[int, int], ...] = ()

    @property
    def key(self) -> tuple[int, int]:
        """The root by serial and entry."""
        return self.node.serial, self.entry


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one graph; entries of a kind are numbered through its nodes in the order of the graph.

    log_values, gauss_values : numbers of free values of a sample and of a state
    nonsquares : integers that must be squares modulo the prime for all roots to exist
    signs : numbers of both signs, which some products of roots have, each with one whose symbol its sign is
    conditional : whether there are states at which some roots do not exist for any data
    negated : roots, by serial and entry, that have the other sign, to see relations that hold for all signs
    loose : the roots of squares, by serial and entry, that may have any sign
    assumed : whether functions of gates are assumed to be related in all activation patterns as for arbitrary gates
    patterns : the plans for activation patterns, if arguments of functions contain gates; this one then holds for
        arbitrary numbers in place of gates
    """

    exponentials: ExponentPlan = field(default_factory=ExponentPlan)
    products: tuple[tuple[int, ProductRule], ...] = ()
    angles: ExponentPlan = field(default_factory=ExponentPlan)
    logs: tuple[Node, ...] = ()
    log_rules: tuple[SumRule, ...] = ()
    log_values: tuple[int, int] = (0, 0)
    gausses: tuple[Node, ...] = ()
    gauss_rules: tuple[GaussRule, ...] = ()
    gauss_values: tuple[int, int] = (0, 0)
    constant_primes: tuple[int, ...] = ()
    roots: tuple[RootRule, ...] = ()
    nonsquares: tuple[int, ...] = ()
    signs: tuple[tuple[Any, Any], ...] = ()
    conditional: bool = False
    negated: frozenset[tuple[int, int]] = frozenset()
    patterns: PatternPlans | None = None
    loose: tuple[tuple[int, int], ...] = ()
    assumed: bool = False

    @property
    def empty(self) -> bool:
        return not (self.exponentials.arguments or self.angles.arguments or self.logs or self.gausses)

    def with_signs(self, negated: Iterable[tuple[int, int]]) -> Plan:
        """With the other sign for some roots, and for those whose product with them is known."""
        asked = set(negated)
        chosen = asked - {rule.key for rule in self.roots}
        for rule in self.roots:
            loose = rule.key in self.loose and rule.key in asked
            if (len(chosen.intersection(rule.others)) + loose) % 2:
                chosen.add(rule.key)
        return replace(self, negated=frozenset(chosen))

    def admits(self, prime: int) -> bool:
        """Whether the roots of numbers that occur exist modulo a prime."""
        return has_roots(prime, self.nonsquares)

    @property
    def free_values(self) -> dict[str, tuple[int, int]]:
        """For each kind of generator, how many there are for a sample and for a state."""
        return {
            "exp": (self.exponentials.sample_generators, self.exponentials.state_generators),
            "angle": (self.angles.sample_generators, self.angles.state_generators),
            "log": self.log_values,
            "gauss": self.gauss_values,
            "prime": (0, len(self.constant_primes)),
        }


PATTERN = Leaf("gate", "pattern")
"""a leaf that no network has, for the numbers of patterns: several may have the same gates, and other signs of roots"""


@dataclass(frozen=True, slots=True)
class GatePatterns:
    """Activation patterns of those gates that arguments of functions depend on.

    values : gate leaf -> 0 and 1, of shape (count, *shape); for those of a plan also PATTERN -> their numbers
    complete : whether they are all patterns of these gates, and of signs of roots, that may occur
    arguments : what gates are gates of, with their values: positive where these are 1, negative where they are 0
    """

    values: Mapping[Leaf, IntArray]
    count: int
    complete: bool
    arguments: tuple[tuple[Node, Node], ...] = ()

    def choose(self, numbers: Any) -> dict[Leaf, IntArray]:
        """The gates of some patterns, each of shape (1, len(numbers), *shape)."""
        return {leaf: array[numbers][None] for leaf, array in self.values.items()}


@dataclass(frozen=True, slots=True)
class PatternPlans:
    """One plan for each of some activation patterns; their free values of the state are the same.

    groups : the numbers of the patterns that have one plan in common
    """

    gates: GatePatterns
    plans: tuple[Plan, ...]
    groups: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, gates: GatePatterns, plans: Sequence[Plan]) -> PatternPlans:
        return cls(gates, tuple(plans), tuple(map(tuple, equal_groups(plans))))

    @property
    def count(self) -> int:
        return self.gates.count


def equal_groups(plans: Sequence[Plan]) -> list[list[int]]:
    """The numbers of plans that are equal."""
    groups: list[list[int]] = []
    for number, plan in enumerate(plans):
        for group in groups:
            if plans[group[0]] == plan:
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def entry_start(nodes: tuple[Node, ...], node: Node) -> int:
    """The number of the first entry of a node among the entries of all of them."""
    position = 0
    for other in nodes:
        if other.serial == node.serial:
            return position
        position += other.size
    raise KeyError(node.serial)
