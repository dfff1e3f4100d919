"""The parts of an error message that quote foreign text: always short, always one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from fractions import Fraction
from typing import Any, NoReturn

from lielaws.errors import InvalidArgumentError, LieLawsError, SizeError, SpecError, UnsupportedError

_LONGEST_PIECE = 60
_MOST_LISTED = 20


def printable(text: str) -> str:
    """The text with everything replaced that a terminal would act on or that cannot be encoded."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)


def one_line(text: object, longest: int = _LONGEST_PIECE) -> str:
    """Any text with its white space collapsed, cut at `longest` characters."""
    line = " ".join(printable(str(text)).split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


def quoted(text: object) -> str:
    """Any text, short and in quotes."""
    return f"'{one_line(text)}'"


def listing(names: Iterable[object]) -> str:
    """Names with commas between them; the first twenty, and how many there are."""
    known = [one_line(name) for name in names]
    rest = f", ... ({len(known)} in all)" if len(known) > _MOST_LISTED else ""
    return ", ".join(known[:_MOST_LISTED]) + rest


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that lists the nearest known words, upper and lower case alike, or all of them if none is near."""
    names = sorted(known)
    if not names:
        return "unknown; there are none to choose from"
    # Matching is quadratic in the length of the word, and a word this long is no misspelling.
    short = word[:_LONGEST_PIECE].lower()
    close = get_close_matches(short, {name.lower() for name in names}, n=10, cutoff=0.5)
    nearest = [name for name in names if name.lower() in close]
    nearest.sort(key=lambda name: -SequenceMatcher(None, name.lower(), short).ratio())
    if nearest:
        return "unknown; did you mean " + " or ".join(map(quoted, nearest[:3])) + "?"
    return f"unknown; known: {listing(names)}"


def shown(value: Any) -> Any:
    """A value that is cheap to print: the head of a long list, the keys of a mapping."""
    if isinstance(value, Mapping):
        return f"a table with keys {listing(value)}" if value else "an empty table"
    if isinstance(value, list | tuple):
        return [shown(entry) for entry in value[:_MOST_LISTED]]
    if isinstance(value, Fraction):
        return str(value) if value.denominator.bit_length() + value.numerator.bit_length() < 1000 else "a long number"
    return printable(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the user's input a value stands: the file or the spec, and the path of keys in it."""

    where: str
    path: str = ""

    def key(self, name: str) -> Place:
        """The place of a key of the table at this place."""
        name = one_line(name)
        return Place(self.where, f"{self.path}.{name}" if self.path else name)

    def item(self, number: int) -> Place:
        """The place of an entry of the list at this place."""
        return Place(self.where, f"{self.path}[{number}]")

    def __str__(self) -> str:
        return ": ".join(part for part in (one_line(self.where, 200), one_line(self.path, 200)) if part)

    def error(self, value: Any, remedy: str) -> SpecError:
        return SpecError(str(self), shown(value), remedy)

    def relocate(self, error: LieLawsError) -> NoReturn:
        """Raise an error of a later stage again, with this place in front; its class is kept where it says more."""
        if not isinstance(error, InvalidArgumentError):
            raise error
        kept = type(error) if isinstance(error, SizeError | UnsupportedError) else SpecError
        # Errors in expressions know their place already.
        place = "" if error.argument.startswith(str(self)) else f"{self}: "
        raise kept(f"{place}{error.argument}", error.value, error.remedy) from error
