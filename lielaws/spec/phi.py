"""Reparameterizations as text: declared symbols, expressions in exactly these, and files of both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lielaws.engine.graph.symbolic import free_entries
from lielaws.errors import SpecError
from lielaws.spec.expressions import numbered_lines, scalar
from lielaws.spec.language import parse
from lielaws.spec.messages import listing, one_line, quoted
from lielaws.spec.tokens import is_name

if TYPE_CHECKING:
    import sympy

_DECLARED = re.compile(r"[^\s,\[]+(?:\[[^\]]*\]?)?|\[")
_DECLARED_NAME = re.compile(r"(.*?)(?:\[([0-9]{1,9}(?: ?, ?[0-9]{1,9})*)\])?")


def read_phi_file(text: str, where: str) -> tuple[list[sympy.Symbol], list[sympy.Expr]]:
    """The symbols and expressions of a reparameterization file.

    The first line is `symbols: x1 x2 x3`, with commas or spaces; then follows one expression a line. `#` begins a
    comment. Raises SpecError, with the number of the line.
    """
    lines = list(numbered_lines(text, where))
    number, header = lines[0] if lines else (1, "")
    key, colon, names = header.partition(":")
    if not colon or key.strip() != "symbols":
        raise SpecError(f"{where}, line {number}", one_line(header), "the first line must be like 'symbols: x1 x2 x3'")
    symbols = declared_symbols(_DECLARED.findall(names), f"{where}, line {number}")
    if len(lines) == 1:
        raise SpecError(where, one_line(header), "no expression follows; write one a line")
    texts = [(f"{where}, line {number}", line) for number, line in lines[1:]]
    return list(symbols.values()), phi_expressions(texts, symbols, where)


def declared_symbols(names: Iterable[Any], where: str) -> dict[str, sympy.Symbol]:
    """Symbols by name; an entry of a tensor, such as `W1[0, 2]`, counts as a symbol too.

    Raises SpecError for a list that is empty, for duplicates, and for what is not a name.
    """
    import sympy

    symbols: dict[str, sympy.Symbol] = {}
    for name in names:
        match = _DECLARED_NAME.fullmatch(name) if isinstance(name, str) else None
        if match is None or not is_name(match[1]):
            raise SpecError(where, one_line(name) if isinstance(name, str) else name, "a name such as x1 is needed")
        base, indices = match.groups()
        symbol = sympy.IndexedBase(base)[tuple(map(int, indices.split(",")))] if indices else sympy.Symbol(base)
        if str(symbol) in symbols:
            raise SpecError(where, name, "this symbol is declared twice; declare it once")
        symbols[str(symbol)] = symbol
    if not symbols:
        raise SpecError(where, "", "no symbols are declared; name at least one")
    return symbols


def phi_expressions(
    texts: Sequence[tuple[str, str]], symbols: Mapping[str, sympy.Symbol], where: str
) -> list[sympy.Expr]:
    """One expression for each pair of where it stands and its text.

    Raises SpecError for symbols that are used but not declared, or declared but not used anywhere.
    """
    from sympy.core.parameters import distribute

    # A name stands for a symbol, or for a tensor of which entries are declared.
    bases = {str(base): base for base in (getattr(symbol, "base", symbol) for symbol in symbols.values())}
    expressions, used = [], set()
    for place, text in texts:
        parsed = parse(text, where=place)
        _check_declared([name for name in parsed.names if name not in bases], place, text)
        # Kept as written: the text of an expression such as 2*(x + y) is then read as one with the same text.
        with distribute(False):
            expressions.append(scalar(parsed, bases))
        atoms = {str(atom) for atom in free_entries(expressions[-1])}
        _check_declared(sorted(atoms - set(symbols)), place, text)
        used |= atoms
    if unused := [name for name in symbols if name not in used]:
        raise SpecError(where, unused, "declared but not used in any expression; remove from the symbols")
    return expressions


def _check_declared(missing: Sequence[str], place: str, text: str) -> None:
    if missing:
        raise SpecError(place, text, f"{listing(map(quoted, missing))} used but not declared; add to the symbols")
