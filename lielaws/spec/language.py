"""The language of array expressions in specs.

A subset of Python's expressions: integers, exact decimals, names (dots allowed: `1.W1`), indices and slices, `.T`,
`+ - * / @`, `**` with a constant exponent, and calls `f(a, b, key=1)`. Python's own parser builds a tree and runs
nothing; what is not listed here is refused. Constants are folded exactly, and every node knows what evaluating it can
cost: what could grow without bound is refused before it is computed.

>>> expression = parse("2*A @ x + 0.1")
>>> expression.names
('A', 'x')
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from lielaws.errors import SpecError
from lielaws.spec.tokens import exact_decimal, is_name, masked, syntax_error

# Expanding a sum to a higher power would not end, and no law or network has one.
_LARGEST_EXPONENT = 1000
# Room for the longest number that may be written, of 300 digits, four times; sympy factors numbers under roots.
_MOST_NUMBER_BITS = 2**12
# Exact numbers beyond some 100 kB make each operation noticeable; a sum of 30,000 small terms needs a tenth of it.
_MOST_TOTAL_BITS = 10**6
# Evaluation takes three frames of Python's stack for each level; 40 brackets in each other need up to 80 levels.
_DEEPEST = 80
# numpy's own indices reach 2**63; no tensor is this long.
_LARGEST_INDEX = 2**31

_MINUS: dict[type[ast.AST], bool] = {ast.UAdd: False, ast.USub: True, ast.Lt: False, ast.Gt: True}
_PRODUCTS: dict[type[ast.AST], str] = {ast.Mult: "*", ast.Div: "/", ast.MatMult: "@"}


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression.

    kind : "name" or "number", with it as the detail; "sum", with whether each part is subtracted; "product", with the
        operator before each part; "power", with the exponent; "index", with the key; "transpose"; "call", with the
        function and its keywords; or "list", only ever an argument of a call
    start, end : its place in the text
    depth : nodes on the longest way down
    bits : bound on the bits of the numbers that exact evaluation may write down
    power : the largest product of exponents that are applied one upon the other
    """

    kind: str
    start: int
    end: int
    detail: Any
    parts: tuple[Node, ...]
    depth: int
    bits: int
    power: int


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; two are equal if their sources are.

    source : the text
    where : what the text is called in errors
    names : in the order of first appearance, without those of functions
    """

    source: str
    where: str = field(compare=False)
    tree: Node = field(compare=False, repr=False)
    names: tuple[str, ...] = field(compare=False)


def parse(text: str, *, where: str = "expression") -> Expression:
    """Parse one expression, which `where` names in errors.

    Raises SpecError, with the column, for whatever is not in the language or too large.
    """
    if not isinstance(text, str):
        raise SpecError(where, text, "an expression in quotes is needed")
    reader = _Reader(text, where)
    try:
        # Brackets around it, since Python takes blanks at the beginning for an indentation; so columns count from 1.
        tree = reader.read(ast.parse(f"({masked(text, where)})", mode="eval").body)
    except SyntaxError as error:
        start = max((error.offset or 0) - 2, 0)
        remedy = "arguments with a keyword come last" if "follows keyword" in error.msg else "not expected here"
        if text[start : start + 1] == "]":
            remedy = "an index is needed: an integer, a slice such as 0:2, or ..."
        raise syntax_error(where, text, start, start + 1, remedy) from None
    except (RecursionError, MemoryError):
        remedy = "nested too deeply, or too many factors in a row; give parts of it a name"
        raise SpecError(where, text, remedy) from None
    return Expression(text, where, tree, tuple(reader.names))


class _Reader:
    """The reader of one text; its methods raise SpecError.

    names : those met so far, in the order of first appearance
    """

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where
        self.names: dict[str, None] = {}

    def span(self, node: ast.expr | ast.keyword) -> tuple[int, int]:
        return node.col_offset - 1, (node.end_col_offset or 0) - 1

    def piece(self, node: ast.expr) -> str:
        return self.text[slice(*self.span(node))]

    def error(self, node: ast.expr | ast.keyword, remedy: str) -> SpecError:
        return syntax_error(self.where, self.text, *self.span(node), remedy)

    def read(self, node: ast.expr) -> Node:
        match node:
            case ast.Name():
                return self.operand(node)
            case ast.UnaryOp() if type(node.op) in _MINUS:
                return self.sum(node, [_MINUS[type(node.op)]], [node.operand])
            case ast.Compare() if all(type(op) in _MINUS for op in node.ops):
                minus = [False, *(_MINUS[type(op)] for op in node.ops)]
                return self.sum(node, minus, [node.left, *node.comparators])
            case ast.BinOp(op=ast.Pow()):
                return self.power(node)
            case ast.BinOp() if type(node.op) in _PRODUCTS:
                return self.product(node)
            case ast.Subscript(slice=ast.Tuple(elts=items)):
                return self.node("index", node, [self.read(node.value)], tuple(map(self.item, items)))
            case ast.Subscript():
                return self.node("index", node, [self.read(node.value)], self.item(node.slice))
            case ast.Attribute(attr="T"):
                return self.node("transpose", node, [self.read(node.value)])
            case ast.Call():
                return self.call(node)
        raise self.error(node, "not expected here")

    def node(self, kind: str, at: ast.expr, parts: Sequence[Node] = (), detail: Any = None, times: int = 1) -> Node:
        """A node that is neither too deep nor too costly; an exponent multiplies the cost of its parts `times`."""
        depth = 1 + max((part.depth for part in parts), default=0)
        # Sums count like products, since denominators multiply when 1/2 x + 1/3 x is collected.
        bits = times * sum(part.bits for part in parts)
        power = times * max((part.power for part in parts), default=1)
        if depth > _DEEPEST:
            raise self.error(at, f"nested more than {_DEEPEST} levels deep; give parts of it a name")
        if bits > _MOST_TOTAL_BITS:
            raise self.error(at, "its numbers would get too large; use smaller numbers or exponents")
        return Node(kind, *self.span(at), detail, tuple(parts), depth, bits, power)

    def number(self, value: Fraction, at: ast.expr) -> Node:
        """A constant of bounded size."""
        bits = value.numerator.bit_length() + value.denominator.bit_length()
        if bits > _MOST_NUMBER_BITS:
            raise self.error(at, f"a number of more than {_MOST_NUMBER_BITS} bits; use smaller numbers")
        return Node("number", *self.span(at), value, (), 1, bits, 1)

    def operand(self, node: ast.Name) -> Node:
        piece = self.piece(node)
        if is_name(piece):
            self.names[piece] = None
            return self.node("name", node, detail=piece)
        try:
            value = exact_decimal(piece)
        except ValueError as error:
            raise self.error(node, str(error)) from None
        return self.number(value, node)

    def sum(self, node: ast.expr, minus: Sequence[bool], terms: Sequence[ast.expr]) -> Node:
        """One node however many terms, so that long sums are not deep."""
        parts = [self.read(term) for term in terms]
        if len(parts) == 1 and not minus[0]:
            return parts[0]
        if any(part.kind != "number" for part in parts):
            return self.node("sum", node, parts, tuple(minus))
        total = self.number(Fraction(0), node)
        for negative, part in zip(minus, parts, strict=True):
            total = self.number(total.detail + (-part.detail if negative else part.detail), node)
        return total

    def product(self, node: ast.BinOp) -> Node:
        """One node however many factors, from left to right; a leading run of constants becomes one constant."""
        first: ast.expr = node
        rest: list[tuple[str, ast.expr]] = []
        # A product in brackets begins at another column, and is a factor of its own.
        while isinstance(first, ast.BinOp) and type(first.op) in _PRODUCTS and first.col_offset == node.col_offset:
            rest.append((_PRODUCTS[type(first.op)], first.right))
            first = first.left
        signs = ["*", *(sign for sign, _ in reversed(rest))]
        parts = [self.read(first), *(self.read(factor) for _, factor in reversed(rest))]
        for (sign, factor), part in zip(rest, reversed(parts), strict=False):
            if sign == "/" and part.detail == 0 and part.kind == "number":
                raise self.error(factor, "division by zero")
        while len(parts) > 1 and signs[1] != "@" and parts[0].kind == parts[1].kind == "number":
            left, right = parts[0].detail, parts[1].detail
            parts[:2] = [self.number(left / right if signs.pop(1) == "/" else left * right, node)]
        return parts[0] if len(parts) == 1 else self.node("product", node, parts, tuple(signs))

    def power(self, node: ast.BinOp) -> Node:
        """A power of bounded exponent, computed if the base is a constant."""
        base, exponent = self.read(node.left), self.exponent(node)
        size = max(abs(exponent.numerator), exponent.denominator)
        if size > _LARGEST_EXPONENT:
            raise self.error(node, f"exponents may be at most {_LARGEST_EXPONENT}")
        if base.kind == "number" and exponent.denominator == 1:
            if base.detail == 0 and exponent < 0:
                raise self.error(node, "division by zero")
            # The bound is on the larger of numerator and denominator, which is at least half of the bits counted.
            if (base.bits // 2 - 1) * size > _MOST_NUMBER_BITS:
                raise self.error(node, f"a number of more than {_MOST_NUMBER_BITS} bits; use smaller numbers")
            return self.number(base.detail ** int(exponent), node)
        if base.power * size > _LARGEST_EXPONENT:
            raise self.error(node, f"powers of powers may reach an exponent of {_LARGEST_EXPONENT} at most")
        if exponent.denominator > 1 and base.bits > _MOST_NUMBER_BITS:
            # Roots of integers are simplified by factoring them.
            raise self.error(node, "a root of too large numbers; use smaller numbers")
        return self.node("power", node, [base], plain(exponent), times=size)

    def exponent(self, node: ast.BinOp) -> Fraction:
        _, inner = _unsigned(node.right)
        between = self.text[self.span(node.left)[1] : self.span(inner)[0]]
        if isinstance(inner, ast.BinOp) and "(" not in between:
            raise self.error(inner, "towers of powers are not allowed; put the inner power into parentheses")
        value = self.read(node.right)
        if value.kind != "number":
            raise self.error(node.right, "an integer, or a rational such as (1/2), is needed as an exponent")
        return Fraction(value.detail)

    def item(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant) and node.value is ...:
            return ...
        if not isinstance(node, ast.Slice):
            return self.integer(node)
        bounds = [None if bound is None else self.integer(bound) for bound in (node.lower, node.upper, node.step)]
        if bounds[2] == 0:
            raise self.error(node, "the step of a slice must not be zero")
        return slice(*bounds)

    def integer(self, node: ast.expr) -> int:
        minus, inner = _unsigned(node)
        digits = self.piece(inner)
        if not (isinstance(inner, ast.Name) and digits.isascii() and digits.isdigit()):
            raise self.error(node, "an integer is needed")
        if len(digits) > 20 or int(digits) >= _LARGEST_INDEX:
            raise self.error(node, f"it must be smaller than {_LARGEST_INDEX}")
        return -int(digits) if minus else int(digits)

    def call(self, node: ast.Call) -> Node:
        function = self.piece(node.func)
        # Its column is another one if the function stands in brackets.
        if not is_name(function) or node.func.col_offset != node.col_offset:
            raise self.error(node, "only a function can be called; write * for a product")
        if "." in function:
            method = function.rpartition(".")[2]
            raise self.error(node.func, f"there are no methods; write {method}(x, ...) instead")
        arguments = [self.argument(argument) for argument in node.args]
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            start, end = self.span(keyword)
            name = self.text[start:end].partition("=")[0].rstrip()
            if name in keywords or not is_name(name):
                remedy = "this keyword is given twice" if name in keywords else "the name of a keyword is needed"
                raise self.error(keyword, remedy)
            keywords[name] = self.keyword_value(keyword.value)
        return self.node("call", node, arguments, (function, keywords))

    def argument(self, node: ast.expr) -> Node:
        if isinstance(node, ast.List):
            return self.node("list", node, [self.read(item) for item in node.elts])
        return self.read(node)

    def keyword_value(self, node: ast.expr) -> int | Fraction | tuple[int, ...]:
        if isinstance(node, ast.List | ast.Tuple):
            return tuple(map(self.integer, node.elts))
        value = self.read(node)
        if value.kind != "number":
            raise self.error(node, "a number, or integers such as (0, 1), is needed")
        return plain(value.detail)


def _unsigned(node: ast.expr) -> tuple[bool, ast.expr]:
    """Whether a minus stands before it, and what follows; of several signs one is left here."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub), node.operand
    return False, node


def plain(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value
