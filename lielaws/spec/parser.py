"""Tokens to a tree, by recursive descent: one method for each level of precedence."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from lielaws.errors import SpecError
from lielaws.spec.building import Builder
from lielaws.spec.decimals import exact_decimal
from lielaws.spec.tokens import Token, tokenize
from lielaws.spec.tree import (
    Call,
    Display,
    Index,
    IndexItem,
    KeywordValue,
    Literal,
    Name,
    Node,
    Transpose,
    cost_over,
)

_DEEPEST_BRACKETS = 40
_LARGEST_INDEX = 2**31


class Parser:
    """The parser of one text; its methods raise SpecError.

    names, functions : what was met so far, in the order of first appearance
    """

    def __init__(self, text: str, where: str, allow_fractional: bool) -> None:
        self.build = Builder(text, where)
        self.tokens = tokenize(text, where)
        self.allow_fractional = allow_fractional
        self.place = 0
        self.brackets = 0
        self.names: dict[str, None] = {}
        self.functions: dict[str, None] = {}

    # Tokens

    @property
    def token(self) -> Token:
        """The token that is to be read next."""
        return self.tokens[self.place]

    def at(self, *texts: str) -> bool:
        return self.token.kind == "operator" and self.token.text in texts

    def advance(self) -> Token:
        token = self.token
        self.place += 1
        return token

    def take(self, text: str) -> bool:
        found = self.at(text)
        self.place += found
        return found

    def fail(self, remedy: str) -> SpecError:
        return self.build.error(self.token.start, self.token.end, remedy)

    def expect(self, text: str) -> Token:
        if not self.at(text):
            raise self.fail(f"'{text}' is needed here")
        return self.advance()

    def enter(self) -> None:
        self.brackets += 1
        if self.brackets > _DEEPEST_BRACKETS:
            raise self.fail(f"brackets are nested more than {_DEEPEST_BRACKETS} deep; give parts of it a name")

    # Grammar

    def whole(self) -> Node:
        """The tree of the whole text."""
        if len(self.tokens) == 1:
            raise self.fail("an expression is needed, such as W1 @ W1.T")
        node = self.sum()
        if self.token.kind != "end":
            raise self.fail(_unexpected(self.token))
        return node

    def sum(self) -> Node:
        start = self.token.start
        terms = [(False, self.product())]
        while self.at("+", "-"):
            minus = self.advance().text == "-"
            terms.append((minus, self.product()))
        return self.build.sum(terms, start)

    def product(self) -> Node:
        factors = [("*", self.signed())]
        while self.at("*", "/", "@"):
            sign = self.advance().text
            factors.append((sign, self.signed()))
        return self.build.product(factors)

    def signed(self) -> Node:
        start, minus = self.token.start, self.minus()
        return self.build.sum([(minus, self.power())], start)

    def minus(self) -> bool:
        """Whether the signs that stand here make a minus."""
        minus = False
        while self.at("+", "-"):
            minus ^= self.advance().text == "-"
        return minus

    def power(self) -> Node:
        base = self.postfix()
        if not self.take("**"):
            return base
        exponent, end = self.exponent()
        if self.at("**"):
            raise self.fail("towers of powers are not allowed; put the inner power into parentheses")
        return self.build.power(base, exponent, end)

    def exponent(self) -> tuple[Fraction, int]:
        start, minus = self.token.start, self.minus()
        node = self.atom()
        end = self.tokens[self.place - 1].end
        needed = "an integer" if not self.allow_fractional else "an integer, or a rational such as (1/2),"
        if not isinstance(node, Literal) or (node.value.denominator != 1 and not self.allow_fractional):
            raise self.build.error(start, end, f"{needed} is needed as an exponent")
        return (-node.value if minus else node.value), end

    def postfix(self) -> Node:
        node = self.atom()
        while self.at("[", "."):
            node = self.index(node) if self.take("[") else self.transpose(node)
        return node

    def transpose(self, base: Node) -> Node:
        self.advance()
        if self.token.kind != "name" or self.token.text != "T":
            raise self.fail("of all attributes, only the transpose .T is part of the language")
        end = self.advance().end
        return self.build.check(Transpose(start=base.start, end=end, base=base, **cost_over([base])))

    def index(self, base: Node) -> Node:
        items, is_tuple = [self.index_item()], False
        while self.take(","):
            is_tuple = True
            if self.at("]"):
                break
            items.append(self.index_item())
        end = self.expect("]").end
        node = Index(
            start=base.start,
            end=end,
            **cost_over([base]),
            base=base,
            items=tuple(items),
            is_tuple=is_tuple,
        )
        return self.build.check(node)

    def index_item(self) -> IndexItem:
        if self.take("..."):
            return ...
        parts: list[int | None] = []
        while len(parts) < 3:
            parts.append(None if self.at(":", ",", "]") else self.integer())
            if len(parts) == 3 or not self.take(":"):
                break
        if len(parts) == 1:
            if parts[0] is None:
                raise self.fail("an index is needed: an integer, a slice such as 0:2, or ...")
            return parts[0]
        if len(parts) == 3 and parts[2] == 0:
            raise self.fail("the step of a slice must not be zero")
        return slice(*parts)

    def integer(self) -> int:
        start, minus = self.token.start, self.minus()
        if self.token.kind != "number" or not self.token.text.isdigit():
            raise self.fail("an integer is needed")
        token = self.advance()
        if len(token.text) > 20 or int(token.text) >= _LARGEST_INDEX:
            raise self.build.error(start, token.end, f"it must be smaller than {_LARGEST_INDEX}")
        return -int(token.text) if minus else int(token.text)

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number":
            return self.number()
        if token.kind == "name":
            self.advance()
            return self.call(token) if self.at("(") else self.name(token)
        if not self.take("("):
            raise self.fail(_unexpected(token))
        self.enter()
        node = self.sum()
        end = self.expect(")").end
        self.brackets -= 1
        return replace(node, start=token.start, end=end)

    def number(self) -> Literal:
        token = self.advance()
        try:
            value = exact_decimal(token.text)
        except ValueError as error:
            raise self.build.error(token.start, token.end, str(error)) from None
        return self.build.literal(value, token.start, token.end)

    def name(self, token: Token) -> Name:
        self.names[token.text] = None
        return Name(start=token.start, end=token.end, name=token.text)

    def call(self, function: Token) -> Node:
        if "." in function.text:
            method = function.text.rpartition(".")[2]
            raise self.build.error(
                function.start, function.end, f"there are no methods; write {method}(x, ...) instead"
            )
        self.functions[function.text] = None
        self.expect("(")
        self.enter()
        arguments: list[Node] = []
        keywords: dict[str, KeywordValue] = {}
        while not self.at(")"):
            self.argument(arguments, keywords)
            if not self.take(","):
                break
        end = self.expect(")").end
        self.brackets -= 1
        node = Call(
            start=function.start,
            end=end,
            **cost_over(arguments),
            function=function.text,
            arguments=tuple(arguments),
            keywords=tuple(keywords.items()),
        )
        return self.build.check(node)

    def argument(self, arguments: list[Node], keywords: dict[str, KeywordValue]) -> None:
        following = self.tokens[self.place + 1] if self.token.kind != "end" else self.token
        if self.token.kind == "name" and following.text == "=":
            if self.token.text in keywords:
                raise self.fail("this keyword is given twice")
            name = self.advance().text
            self.advance()
            keywords[name] = self.keyword_value()
        elif keywords:
            raise self.fail("arguments with a keyword come last")
        else:
            arguments.append(self.display() if self.at("[") else self.sum())

    def display(self) -> Display:
        start = self.advance().start
        items: list[Node] = []
        while not self.at("]"):
            items.append(self.sum())
            if not self.take(","):
                break
        end = self.expect("]").end
        return self.build.check(Display(start=start, end=end, items=tuple(items), **cost_over(items)))

    def keyword_value(self) -> KeywordValue:
        if self.at("[") or (self.at("(") and self.is_tuple_ahead()):
            return self.integers()
        start = self.token.start
        node = self.sum()
        if not isinstance(node, Literal):
            raise self.build.error(start, node.end, "a number, or integers such as (0, 1), is needed")
        return int(node.value) if node.value.denominator == 1 else node.value

    def is_tuple_ahead(self) -> bool:
        place = self.place + 1
        while self.tokens[place].kind == "number" or self.tokens[place].text == "-":
            place += 1
        return self.tokens[place].text == "," or place == self.place + 1

    def integers(self) -> tuple[int, ...]:
        closing = "]" if self.advance().text == "[" else ")"
        values: list[int] = []
        while not self.at(closing):
            values.append(self.integer())
            if not self.take(","):
                break
        self.expect(closing)
        return tuple(values)


def _unexpected(token: Token) -> str:
    if token.kind == "end":
        return "the expression breaks off here; complete it"
    if token.text == "//":
        return "there is no integer division; use /"
    if token.kind in ("name", "number"):
        return "an operator such as * is missing before it"
    return "not expected here"
