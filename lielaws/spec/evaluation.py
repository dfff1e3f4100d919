"""A parsed expression applied to values: the operators of the values themselves, and a given table of functions."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from lielaws.errors import LieLawsError, SpecError
from lielaws.spec.language import Expression, Node
from lielaws.spec.messages import Place, did_you_mean, one_line, quoted
from lielaws.spec.tokens import syntax_error

Functions = Mapping[str, Callable[..., Any]]

_OPERATORS = {"*": operator.mul, "/": operator.truediv, "@": operator.matmul}


def evaluate(
    expression: Expression,
    environment: Mapping[str, Any],
    functions: Functions,
    number: Callable[[Fraction], Any],
) -> Any:
    """The value of an expression.

    Parameters
    ----------
    environment : name -> value; its operators are used
    functions : name -> function; called with values, lists of values, and numbers as keywords
    number : converts constants, which are computed exactly beforehand

    Long sums and products are evaluated in a balanced way, so that values which grow cost little. Integer exponents
    arrive as int, others as Fraction; indices and keywords as int. Raises SpecError for unknown names and for
    whatever a value refuses, and a SizeError or UnsupportedError of a value again with its place.
    """
    return _Evaluation(expression, environment, functions, number).value(expression.tree)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    expression: Expression
    environment: Mapping[str, Any]
    functions: Functions
    number: Callable[[Fraction], Any]

    def error(self, node: Node, remedy: str) -> SpecError:
        return syntax_error(self.expression.where, self.expression.source, node.start, node.end, remedy)

    def value(self, node: Node) -> Any:
        if node.kind == "name":
            return self.named(node, node.detail)
        if node.kind == "call":
            return self.called(node, *node.detail)
        parts = [self.value(part) for part in node.parts]
        match node.kind:
            case "number":
                return self.number(node.detail)
            case "sum":
                return self.sum(node, parts)
            case "product":
                return self.product(node, parts)
            case "power":
                return self.power(node, parts[0])
            case "index":
                return self.guarded(node, operator.getitem, parts[0], node.detail, unfit="only an array can be indexed")
            case "transpose":
                return self.guarded(node, operator.attrgetter("T"), parts[0], unfit="only an array has a transpose")
        return parts  # a list

    def named(self, node: Node, name: str) -> Any:
        if name in self.environment:
            return self.guarded(node, operator.getitem, self.environment, name)
        function = f"a function; write {name}(...)"
        raise self.error(node, function if name in self.functions else did_you_mean(name, self.environment))

    def sum(self, node: Node, values: list[Any]) -> Any:
        pairs = list(zip(node.detail, values, strict=True))
        # Each by itself: minus a whole sum would be another expression to sympy when it keeps factors as they are.
        negative = [self.guarded(node, operator.neg, value) for minus, value in pairs if minus]
        return self.balanced(node, operator.add, [value for minus, value in pairs if not minus] + negative)

    def product(self, node: Node, values: list[Any]) -> Any:
        pairs = list(zip(node.detail, values, strict=True))
        if "@" in node.detail:
            total = values[0]
            for sign, value in pairs[1:]:
                total = self.guarded(node, _OPERATORS[sign], total, value)
            return total
        total = self.balanced(node, operator.mul, [value for sign, value in pairs if sign == "*"])
        if "/" not in node.detail:
            return total
        divisor = self.balanced(node, operator.mul, [value for sign, value in pairs if sign == "/"])
        return self.guarded(node, operator.truediv, total, divisor)

    def balanced(self, node: Node, operation: Callable[[Any, Any], Any], values: list[Any]) -> Any:
        while len(values) > 1:
            pairs = zip(values[::2], values[1::2], strict=False)
            odd = values[-1:] if len(values) % 2 else []
            values = [*(self.guarded(node, operation, left, right) for left, right in pairs), *odd]
        return values[0]

    def power(self, node: Node, base: Any) -> Any:
        result = self.guarded(node, operator.pow, base, node.detail)
        if node.parts[0].kind == "number" and isinstance(result, float | complex):
            raise self.error(node, "this root is not rational")
        return result

    def called(self, node: Node, name: str, keywords: dict[str, Any]) -> Any:
        if name not in self.functions:
            raise self.error(node, f"function {quoted(name)} is {did_you_mean(name, self.functions)}")
        call = partial(self.functions[name], *(self.value(part) for part in node.parts), **keywords)
        try:
            inspect.signature(call.func).bind(*call.args, **call.keywords)
        except TypeError as error:
            raise self.error(node, f"{name}(...): {one_line(error)}") from None
        except ValueError:
            pass  # some functions of C have no signature
        return self.guarded(node, call)

    def guarded(self, node: Node, operation: Callable[..., Any], *arguments: Any, unfit: str = "") -> Any:
        """Run one operation; whatever a value raises becomes an error with the place in the text.

        unfit : what to say if the operation does not exist for the value
        """
        try:
            return operation(*arguments)
        except LieLawsError as error:
            piece = quoted(self.expression.source[node.start : node.end])
            Place(self.expression.where, f"column {node.start + 1}, {piece}").relocate(error)
        except (RecursionError, MemoryError):
            raise self.error(node, "too large to evaluate; split it") from None
        except Exception as error:
            # The operators belong to the values, and raise what they like.
            lacking = unfit if isinstance(error, AttributeError | TypeError) else ""
            raise self.error(node, lacking or one_line(error, 200) or type(error).__name__) from error
