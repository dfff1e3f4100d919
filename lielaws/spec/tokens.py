"""Names and numbers as they are written, and expressions made ready for Python's own parser.

What is not of the language is refused, with its column; decimals are read exactly: 0.1 is 1/10.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from lielaws.errors import SpecError
from lielaws.spec.messages import printable, quoted

# Dots are part of names, since the parameters of blocks are called `1.W1`; but a `.T` at the end is a transpose.
# Bounded repetitions: without the bounds a long row of `1.1.1.` would be scanned again from each of its dots.
_NAME = r"(?:[0-9]{1,9}\.){0,50}[^\W\d]\w*(?:(?:\.T)*\.(?!T\b)\w+)*"
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(
    rf"(?P<space>\s+)|(?P<name>{_NAME})|(?P<number>{_NUMBER})|(?P<dots>\.\.\.)|(?P<signs>[+-](?:\s*[+-])*)"
    r"|(?P<operator>\*\*|//|[*/@=])|(?P<open>[(\[])|(?P<close>[)\]])|(?P<comma>[,:])|(?P<attribute>\.\s*\w*)"
    r"|(?P<foreign>.)",
    re.DOTALL,
)
_PLAIN_NAME = re.compile(_NAME)

# Those of deep modules have some 100 characters; longer ones would fill the messages that quote them.
_LONGEST_NAME = 200
# Sums of some 30,000 terms have room; a longer text takes seconds, and a multiple of its size in memory.
_LONGEST_TEXT = 100_000
# Nobody reads 40 brackets in each other, and beyond some 100 Python's parser gives up.
_DEEPEST_BRACKETS = 40

_IN_QUOTES = "text in quotes is not part of the language; write names without quotes"
_FOREIGN = {"^": "write ** for powers", "'": _IN_QUOTES, '"': _IN_QUOTES}

_MOST_DIGITS = 300
_LARGEST_EXPONENT = 300
_DECIMAL = re.compile(r"[+-]?([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")

# An operand stands before and after an operator. Here the pieces that end one, and those that only follow one.
_OPERANDS = frozenset({"name", "number", "dots", "close", "attribute"})
_AFTER_OPERANDS = frozenset({"operator", "attribute"})


def syntax_error(where: str, text: str, start: int, end: int, remedy: str) -> SpecError:
    """The error for text[start:end]: quotes the text, the column (from 1) and the piece."""
    piece = quoted(text[start:end]) if start < len(text) else "at the end"
    return SpecError(where, printable(text), f"column {start + 1}, {piece}: {remedy}")


def is_name(text: str) -> bool:
    """Whether the text is one name, such as `W1`, `1.W1` or `layers.0.weight`."""
    return len(text) <= _LONGEST_NAME and _PLAIN_NAME.fullmatch(text) is not None


def exact_decimal(text: str) -> Fraction:
    """The value of an integer or a decimal such as `3`, `-0.1`, `2.5e-3`.

    Raises ValueError for anything else, and for numbers of more than 300 digits, before they are computed.
    """
    match = _DECIMAL.fullmatch(text[: 2 * _MOST_DIGITS])
    whole, decimals, exponent = match.groups("") if match else ("", "", "")
    if len(text) > 2 * _MOST_DIGITS or len(whole + decimals) > _MOST_DIGITS:
        raise ValueError(f"numbers may have at most {_MOST_DIGITS} digits")
    if not whole + decimals:
        raise ValueError("a number such as 3, 0.1 or 2.5e-3 is needed")
    if len(exponent) > 5 or abs(int(exponent or 0)) > _LARGEST_EXPONENT:
        raise ValueError(f"the exponent of ten may be at most {_LARGEST_EXPONENT}")
    return Fraction(text)


def exact_rational(text: str) -> Fraction:
    """The value of a decimal or of a quotient of two, such as `1/10`. Raises ValueError."""
    numerator, slash, denominator = text.partition("/")
    value = exact_decimal(numerator.strip())
    if not slash:
        return value
    divisor = exact_decimal(denominator.strip())
    if divisor == 0:
        raise ValueError("division by zero")
    return value / divisor


def masked(text: str, where: str) -> str:
    """The text as Python's parser is to read it: as long, with every piece at its place. Raises SpecError.

    Names and numbers become underscores, so that Python meets neither keywords nor literals: `lambda` is a name here,
    `1.W1` too, and 0.1 is never a float. A `+` or `-` between terms becomes `<` or `>`, since Python nests a sum as
    deep as it is long, but keeps a chain of comparisons flat: `a - 0.1*b + c` becomes `_ > ___*_ < _`.
    """
    if len(text) > _LONGEST_TEXT:
        raise SpecError(where, text, f"an expression may have at most {_LONGEST_TEXT:,} characters; split it")
    if not text.strip():
        raise syntax_error(where, text, len(text), len(text), "an expression is needed, such as W1 @ W1.T")
    pieces: list[str] = []
    closing: list[str] = []
    operand = False
    for match in _TOKEN.finditer(text):
        kind, piece = str(match.lastgroup), match[0]
        if remedy := _refusal(kind, piece, operand, closing):
            raise syntax_error(where, text, *match.span(), remedy)
        pieces.append(_stand_in(kind, piece, operand))
        if kind == "open":
            closing.append({"(": ")", "[": "]"}[piece])
        elif kind == "close":
            closing.pop()
        if kind != "space":
            operand = kind in _OPERANDS
    if not operand or closing:
        remedy = f"'{closing[-1]}' is needed here" if operand else "the expression breaks off here; complete it"
        raise syntax_error(where, text, len(text), len(text), remedy)
    return "".join(pieces)


def _stand_in(kind: str, piece: str, operand: bool) -> str:
    if kind in ("name", "number"):
        return "_" * len(piece)
    if kind == "attribute":
        return "." + "T".rjust(len(piece) - 1)
    if kind != "signs":
        return piece if kind != "space" else " " * len(piece)
    between = {"+": "<", "-": ">"}[piece[0]] if operand else ""
    rest = piece[len(between) :]
    # Signs of one operand make one sign, since Python nests them.
    return between + (("-" if rest.count("-") % 2 else "+").rjust(len(rest)) if rest else "")


def _refusal(kind: str, piece: str, operand: bool, closing: Sequence[str]) -> str:
    """What to do instead of writing this piece at its place; empty if it may stand there.

    operand : whether one ends before the piece
    closing : the closing brackets that are still to come
    """
    if kind == "foreign":
        return _FOREIGN.get(piece, "this character is not part of the language")
    if kind == "name" and len(piece) > _LONGEST_NAME:
        return f"names may have at most {_LONGEST_NAME} characters"
    if kind == "name" and any(segment.startswith("__") for segment in piece.split(".")):
        return "names may not begin with two underscores"
    if piece == "//":
        return "there is no integer division; use /"
    if operand and kind in ("name", "number", "dots"):
        return "an operator such as * is missing before it"
    if kind == "close" and closing and piece != closing[-1]:
        return f"'{closing[-1]}' is needed here"
    if (not operand and kind in _AFTER_OPERANDS) or (not closing and (kind == "close" or piece in (",", "="))):
        return "not expected here"
    if kind == "attribute" and piece[1:].strip() != "T":
        return "of all attributes, only the transpose .T is part of the language"
    if kind == "open" and len(closing) >= _DEEPEST_BRACKETS:
        return f"brackets are nested more than {_DEEPEST_BRACKETS} deep; give parts of it a name"
    return ""
