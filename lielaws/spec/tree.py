"""The nodes of a parsed expression. Every node knows what evaluating it can cost, so that the parser can refuse it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import EllipsisType

IndexItem = int | slice | EllipsisType
KeywordValue = int | Fraction | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """
    start, end : its place in the text
    depth : nodes on the longest way down
    bits : bound on the bits of the numbers that exact evaluation may write down
    power : the largest product of exponents that are applied one upon the other
    """

    start: int
    end: int
    depth: int = 1
    bits: int = 0
    power: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    """A constant."""

    value: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """What the environment holds under a name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(Node):
    """The sum of `positive` minus that of `negative`; one node however many terms, so that long sums are not deep."""

    positive: tuple[Node, ...]
    negative: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Node):
    """Factors from left to right, each with its operator `*`, `/` or `@`; that of the first is `*`."""

    factors: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Power(Node):
    """A constant power."""

    base: Node
    exponent: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Node):
    """Entries `base[...]`; whether the index is a tuple matters for `x[0,]`."""

    base: Node
    items: tuple[IndexItem, ...]
    is_tuple: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpose(Node):
    """The transpose `base.T`."""

    base: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """A function of the table; keywords are numbers."""

    function: str
    arguments: tuple[Node, ...]
    keywords: tuple[tuple[str, KeywordValue], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Display(Node):
    """A list `[a, b]`; only ever an argument of a call, as in `stack([a, b])`."""

    items: tuple[Node, ...]


def number_bits(value: Fraction) -> int:
    """The bits of numerator and denominator."""
    return value.numerator.bit_length() + value.denominator.bit_length()


def cost_over(children: Sequence[Node]) -> dict[str, int]:
    """Depth, bits and power of a node with these children."""
    return {
        "depth": 1 + max((child.depth for child in children), default=0),
        # Sums count like products, since denominators multiply when 1/2 x + 1/3 x is collected.
        "bits": sum(child.bits for child in children),
        "power": max((child.power for child in children), default=1),
    }
