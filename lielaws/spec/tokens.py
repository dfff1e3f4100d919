"""Characters to tokens. Names may have dots, since the parameters of blocks are called `1.W1`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lielaws.errors import SpecError
from lielaws.spec.messages import printable, quoted

# Bounded repetitions: without the bounds a long row of `1.1.1.` would be scanned again from each of its dots.
_NAME = r"(?:[0-9]{1,9}\.){0,50}[^\W\d]\w*(?:\.\w+)*"
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_OPERATOR = r"\*\*|//|\.\.\.|[-+*/@()\[\],:=.]"
_TOKEN = re.compile(rf"(?P<space>\s+)|(?P<name>{_NAME})|(?P<number>{_NUMBER})|(?P<operator>{_OPERATOR})")
_PLAIN_NAME = re.compile(_NAME)
_LONGEST_NAME = 200
_LONGEST_TEXT = 100_000

Kind = Literal["name", "number", "operator", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text, text[start:end]."""

    kind: Kind
    text: str
    start: int
    end: int


def syntax_error(where: str, text: str, start: int, end: int, remedy: str) -> SpecError:
    """The error for text[start:end]: quotes the text, the column (from 1) and the piece."""
    piece = quoted(text[start:end]) if start < len(text) else "at the end"
    return SpecError(where, printable(text), f"column {start + 1}, {piece}: {remedy}")


def is_name(text: str) -> bool:
    """Whether the text is one name, such as `W1`, `1.W1` or `layers.0.weight`."""
    return len(text) <= _LONGEST_NAME and _PLAIN_NAME.fullmatch(text) is not None and not _transpositions(text)


def tokenize(text: str, where: str) -> list[Token]:
    """All tokens, the last one of kind "end". Raises SpecError."""
    if len(text) > _LONGEST_TEXT:
        raise SpecError(where, text, f"an expression may have at most {_LONGEST_TEXT:,} characters; split it")
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise syntax_error(where, text, position, position + 1, _foreign(text[position]))
        if match.lastgroup == "name":
            tokens += _name_tokens(match, text, where)
        elif match.lastgroup != "space":
            kind: Kind = "number" if match.lastgroup == "number" else "operator"
            tokens.append(Token(kind, match[0], position, match.end()))
        position = match.end()
    return [*tokens, Token("end", "", len(text), len(text))]


def _foreign(character: str) -> str:
    if character == "^":
        return "write ** for powers"
    if character in "'\"":
        return "text in quotes is not part of the language; write names without quotes"
    return "this character is not part of the language"


def _name_tokens(match: re.Match[str], text: str, where: str) -> list[Token]:
    """The name, and a pair `.` `T` for each transposition at its end."""
    count = _transpositions(match[0])
    end = match.end() - 2 * count
    if end - match.start() > _LONGEST_NAME:
        raise syntax_error(where, text, match.start(), end, f"names may have at most {_LONGEST_NAME} characters")
    name = text[match.start() : end]
    if any(segment.startswith("__") for segment in name.split(".")):
        raise syntax_error(where, text, match.start(), end, "names may not begin with two underscores")
    tokens = [Token("name", name, match.start(), end)]
    for position in range(end, match.end(), 2):
        tokens.append(Token("operator", ".", position, position + 1))
        tokens.append(Token("name", "T", position + 1, position + 2))
    return tokens


def _transpositions(name: str) -> int:
    """How many `.T` at the end are transpositions; the `T` of `1.T` is the name of a parameter."""
    segments = name.split(".")
    first = next(place for place, segment in enumerate(segments) if not segment.isdecimal())
    count = 0
    while len(segments) - count - 1 > first and segments[-1 - count] == "T":
        count += 1
    return count
