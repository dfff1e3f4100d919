"""A parsed expression applied to values: the operators of the values themselves, and a given table of functions."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lielaws.errors import LieLawsError, SpecError
from lielaws.spec.messages import Place, did_you_mean, one_line, quoted
from lielaws.spec.tokens import syntax_error
from lielaws.spec.tree import Call, Display, Index, Literal, Name, Node, Power, Product, Sum, Transpose

if TYPE_CHECKING:
    from lielaws.spec.language import Expression

Functions = Mapping[str, Callable[..., Any]]


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
    return _Evaluator(expression, environment, functions, number).value(expression.tree)


class _Evaluator:
    def __init__(
        self,
        expression: Expression,
        environment: Mapping[str, Any],
        functions: Functions,
        number: Callable[[Fraction], Any],
    ) -> None:
        self.expression, self.environment, self.functions, self.number = expression, environment, functions, number

    def error(self, node: Node, remedy: str) -> SpecError:
        return syntax_error(self.expression.where, self.expression.source, node.start, node.end, remedy)

    def value(self, node: Node) -> Any:
        match node:
            case Literal():
                return self.number(node.value)
            case Name():
                return self.named(node)
            case Sum():
                return self.sum(node)
            case Product():
                return self.product(node)
            case Power():
                return self.power(node)
            case Index():
                base = self.value(node.base)
                key = node.items if node.is_tuple else node.items[0]
                return self.guarded(node, lambda: base[key], "only an array can be indexed")
            case Transpose():
                base = self.value(node.base)
                return self.guarded(node, lambda: base.T, "only an array has a transpose")
            case Call():
                return self.call(node)
            case Display():
                return [self.value(item) for item in node.items]
        raise AssertionError(node)

    def named(self, node: Name) -> Any:
        if node.name in self.environment:
            return self.guarded(node, lambda: self.environment[node.name])
        if node.name in self.functions:
            raise self.error(node, f"a function; write {node.name}(...)")
        raise self.error(node, did_you_mean(node.name, self.environment))

    def sum(self, node: Sum) -> Any:
        values = [self.value(child) for child in node.positive]
        # Each by itself: minus a whole sum would be another expression to sympy when it keeps factors as they are.
        values += [self.negative(node, self.value(child)) for child in node.negative]
        return self.balanced(node, values, operator.add)

    def negative(self, node: Sum, value: Any) -> Any:
        return self.guarded(node, lambda: -value)

    def product(self, node: Product) -> Any:
        if any(sign == "@" for sign, _ in node.factors):
            return self.left_to_right(node)
        numerator = self.balanced(node, [self.value(f) for sign, f in node.factors if sign == "*"], operator.mul)
        divisors = [self.value(factor) for sign, factor in node.factors if sign == "/"]
        if not divisors:
            return numerator
        denominator = self.balanced(node, divisors, operator.mul)
        return self.guarded(node, lambda: numerator / denominator)

    def left_to_right(self, node: Product) -> Any:
        apply = {"*": operator.mul, "/": operator.truediv, "@": operator.matmul}
        total = self.value(node.factors[0][1])
        for sign, factor in node.factors[1:]:
            total = self.binary(node, apply[sign], total, self.value(factor))
        return total

    def balanced(self, node: Node, values: Sequence[Any], operation: Callable[[Any, Any], Any]) -> Any:
        while len(values) > 1:
            pairs = zip(values[::2], values[1::2], strict=False)
            odd = values[-1:] if len(values) % 2 else []
            values = [*(self.binary(node, operation, left, right) for left, right in pairs), *odd]
        return values[0]

    def binary(self, node: Node, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        return self.guarded(node, lambda: operation(left, right))

    def power(self, node: Power) -> Any:
        base = self.value(node.base)
        exponent = int(node.exponent) if node.exponent.denominator == 1 else node.exponent
        result = self.guarded(node, lambda: base**exponent)
        if isinstance(node.base, Literal) and isinstance(result, float | complex):
            raise self.error(node, "this root is not rational")
        return result

    def call(self, node: Call) -> Any:
        if node.function not in self.functions:
            raise self.error(node, f"function {quoted(node.function)} is {did_you_mean(node.function, self.functions)}")
        function = self.functions[node.function]
        arguments = [self.value(argument) for argument in node.arguments]
        keywords = dict(node.keywords)
        if mismatch := _mismatch(function, arguments, keywords):
            raise self.error(node, f"{node.function}(...): {mismatch}")
        return self.guarded(node, lambda: function(*arguments, **keywords))

    def guarded(self, node: Node, operation: Callable[[], Any], unfit: str = "") -> Any:
        """Run one operation; whatever a value raises becomes an error with the place in the text.

        unfit : what to say if the operation does not exist for the value
        """
        try:
            return operation()
        except LieLawsError as error:
            piece = quoted(self.expression.source[node.start : node.end])
            Place(self.expression.where, f"column {node.start + 1}, {piece}").relocate(error)
        except (RecursionError, MemoryError):
            raise self.error(node, "too large to evaluate; split it") from None
        except Exception as error:
            # The operators belong to the values, and raise what they like.
            lacking = unfit if isinstance(error, AttributeError | TypeError) else ""
            raise self.error(node, lacking or one_line(error, 200) or type(error).__name__) from error


def _mismatch(function: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any]) -> str | None:
    """Why the arguments do not fit the signature, if they do not and the function has one."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        return one_line(error)
    return None
