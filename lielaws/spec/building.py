"""Nodes put together: constants are folded exactly; what could grow without bound is refused before it is computed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

from lielaws.errors import SpecError
from lielaws.spec.tokens import syntax_error
from lielaws.spec.tree import Literal, Node, Power, Product, Sum, cost_over, number_bits

N = TypeVar("N", bound=Node)

LARGEST_EXPONENT = 1000
_MOST_NUMBER_BITS = 2**12
_MOST_TOTAL_BITS = 10**6
_DEEPEST = 80
_FOLD: dict[str, Callable[[Fraction, Fraction], Fraction]] = {"*": operator.mul, "/": operator.truediv}


class Builder:
    """Makes the nodes of one text. Every method raises SpecError, with the text and the column."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where

    def error(self, start: int, end: int, remedy: str) -> SpecError:
        """The error for the text from start to end."""
        return syntax_error(self.where, self.text, start, end, remedy)

    def check(self, node: N) -> N:
        """Refuse a node that is too deep or too costly; returns it otherwise."""
        if node.depth > _DEEPEST:
            raise self.error(node.start, node.end, f"nested more than {_DEEPEST} levels deep; give parts of it a name")
        if node.bits > _MOST_TOTAL_BITS:
            raise self.error(node.start, node.end, "its numbers would get too large; use smaller numbers or exponents")
        return node

    def literal(self, value: Fraction, start: int, end: int) -> Literal:
        """A constant of bounded size."""
        bits = number_bits(value)
        if bits > _MOST_NUMBER_BITS:
            raise self.error(start, end, f"a number of more than {_MOST_NUMBER_BITS} bits; use smaller numbers")
        return Literal(start=start, end=end, bits=bits, value=value)

    def sum(self, terms: Sequence[tuple[bool, Node]], start: int) -> Node:
        """The sum of terms, each with whether it is subtracted."""
        if len(terms) == 1 and not terms[0][0]:
            return terms[0][1]
        nodes = [node for _, node in terms]
        end = nodes[-1].end
        if all(isinstance(node, Literal) for node in nodes):
            return self._folded_sum(terms, start, end)
        return self.check(
            Sum(
                start=start,
                end=end,
                **cost_over(nodes),
                positive=tuple(node for minus, node in terms if not minus),
                negative=tuple(node for minus, node in terms if minus),
            )
        )

    def product(self, factors: Sequence[tuple[str, Node]]) -> Node:
        """The product from left to right; a leading run of constants becomes one constant."""
        rest = list(factors)
        while len(rest) > 1:
            (_, left), (sign, right) = rest[:2]
            if sign not in _FOLD or not isinstance(left, Literal) or not isinstance(right, Literal):
                break
            rest[:2] = [("*", self._folded(left, sign, right))]
        if len(rest) == 1:
            return rest[0][1]
        for sign, node in rest:
            if sign == "/" and isinstance(node, Literal) and node.value == 0:
                raise self.error(node.start, node.end, "division by zero")
        nodes = [node for _, node in rest]
        return self.check(
            Product(
                start=nodes[0].start,
                end=nodes[-1].end,
                **cost_over(nodes),
                factors=tuple(rest),
            )
        )

    def power(self, base: Node, exponent: Fraction, end: int) -> Node:
        """A power of bounded exponent, computed if the base is a constant."""
        size = max(abs(exponent.numerator), exponent.denominator)
        if size > LARGEST_EXPONENT:
            raise self.error(base.start, end, f"exponents may be at most {LARGEST_EXPONENT}")
        if isinstance(base, Literal) and exponent.denominator == 1:
            return self._folded_power(base, int(exponent), end)
        if base.power * size > LARGEST_EXPONENT:
            raise self.error(base.start, end, f"powers of powers may reach an exponent of {LARGEST_EXPONENT} at most")
        if exponent.denominator > 1 and base.bits > _MOST_NUMBER_BITS:
            # Roots of integers are simplified by factoring them.
            raise self.error(base.start, end, "a root of too large numbers; use smaller numbers")
        return self.check(
            Power(
                start=base.start,
                end=end,
                depth=base.depth + 1,
                bits=base.bits * size,
                power=base.power * size,
                base=base,
                exponent=exponent,
            )
        )

    def _folded_sum(self, terms: Sequence[tuple[bool, Node]], start: int, end: int) -> Literal:
        total = self.literal(Fraction(0), start, end)
        for minus, node in terms:
            assert isinstance(node, Literal)
            total = self.literal(total.value + (-node.value if minus else node.value), start, end)
        return total

    def _folded(self, left: Literal, sign: str, right: Literal) -> Literal:
        if sign == "/" and right.value == 0:
            raise self.error(left.start, right.end, "division by zero")
        return self.literal(_FOLD[sign](left.value, right.value), left.start, right.end)

    def _folded_power(self, base: Literal, exponent: int, end: int) -> Literal:
        if base.value == 0 and exponent < 0:
            raise self.error(base.start, end, "division by zero")
        # The bound is on the larger of numerator and denominator, which is at least half of the bits counted.
        if (base.bits // 2 - 1) * abs(exponent) > _MOST_NUMBER_BITS:
            raise self.error(base.start, end, f"a number of more than {_MOST_NUMBER_BITS} bits; use smaller numbers")
        return self.literal(base.value**exponent, base.start, end)
