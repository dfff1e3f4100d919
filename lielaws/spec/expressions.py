"""Text to sympy: scalar expressions, and reparameterizations made of them; what is common to texts of many lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lielaws.engine.graph.symbolic import free_entries
from lielaws.errors import InvalidArgumentError, SpecError, UnsupportedError
from lielaws.spec.evaluation import evaluate
from lielaws.spec.language import Expression, parse
from lielaws.spec.messages import listing, one_line, quoted
from lielaws.spec.tokens import is_name

if TYPE_CHECKING:
    import sympy

SCALAR_FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "sinh", "cosh", "tanh")
"""Functions of one number that sympy and the language have in common."""

_MOST_BITS_UNDER_ROOT = 2**12
_MOST_BITS_OF_ARGUMENT = 64

# Python prints integers of at most 4300 digits.
_LARGEST_NUMBER = 10**4000
_DECLARED = re.compile(r"[^\s,\[]+(?:\[[^\]]*\]?)?|\[")
_DECLARED_NAME = re.compile(r"(.*?)(?:\[([0-9]{1,9}(?: ?, ?[0-9]{1,9})*)\])?")


def to_sympy(text: str, symbols: Mapping[str, Any], *, where: str = "expression") -> sympy.Expr:
    """One scalar expression.

    Parameters
    ----------
    symbols : name -> sympy symbol, or an IndexedBase whose entries are used
    where : what the text is called in errors

    Functions: exp, log, sqrt, sin, cos, sinh, cosh, tanh. Raises SpecError for what cannot be read or is not finite,
    and UnsupportedError for what sympy could not evaluate in bounded time.
    """
    return scalar(parse(text, where=where), symbols)


def numbered_lines(text: str | Sequence[str], where: str) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments; blank ones left out."""
    lines = text.split("\n") if isinstance(text, str) else text
    if not isinstance(lines, Sequence):
        raise SpecError(where, lines, "a text or a list of lines is needed")
    for number, line in enumerate(lines, start=1):
        if not isinstance(line, str):
            raise SpecError(f"{where}, line {number}", line, "a line of text is needed")
        if content := line.partition("#")[0].strip():
            yield number, content


def rational(value: Fraction) -> Any:
    import sympy

    return sympy.Rational(value.numerator, value.denominator)


def scalar(expression: Expression, symbols: Mapping[str, Any]) -> sympy.Expr:
    """The value of a parsed expression over symbols; see :func:`to_sympy`."""
    import sympy

    value = evaluate(expression, symbols, {name: scalar_function(name) for name in SCALAR_FUNCTIONS}, rational)
    if not isinstance(value, sympy.Expr) or _has_whole_tensor(value):
        remedy = "a number or a scalar expression is needed; select an entry by an index"
        raise SpecError(expression.where, expression.source, remedy)
    return finite(value, expression)


def finite(value: sympy.Expr, expression: Expression) -> sympy.Expr:
    """The value. Raises SpecError if a division by zero, a root of a negative number or a huge number hides in it."""
    import sympy

    if value.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
        raise SpecError(expression.where, expression.source, "it is not a finite real expression")
    if any(max(abs(number.p), number.q) >= _LARGEST_NUMBER for number in value.atoms(sympy.Rational)):
        raise SpecError(expression.where, expression.source, "its numbers get too large; use smaller ones")
    return value


def _has_whole_tensor(value: sympy.Expr) -> bool:
    """Whether a tensor is used as a whole, which sympy would treat as a number."""
    import sympy

    if not value.has(sympy.IndexedBase):
        return False
    entries = {entry: sympy.Integer(1) for entry in value.atoms(sympy.Indexed)}
    return bool(value.xreplace(entries).has(sympy.IndexedBase))


def scalar_function(name: str) -> Callable[[Any], Any]:
    """A function of sympy on expressions; refuses what sympy would not evaluate in bounded time.

    Raises UnsupportedError for logarithms inside exp and for constants that are no small rational numbers.
    """
    longest = _MOST_BITS_UNDER_ROOT if name == "sqrt" else _MOST_BITS_OF_ARGUMENT

    def function(argument: Any) -> Any:
        import sympy

        if not isinstance(argument, sympy.Expr):
            raise InvalidArgumentError(f"{name}(...)", type(argument).__name__, "a scalar expression is needed")
        if name == "exp" and argument.has(sympy.log):
            # sympy turns exp(1000 log(10)) into 10**1000, which can be nested.
            raise UnsupportedError("exp(...)", str(argument)[:100], "a logarithm inside exp; write it as a power")
        rational = isinstance(argument, sympy.Rational)
        long = rational and max(argument.p.bit_length(), argument.q.bit_length()) > longest
        if long or not (rational or argument.free_symbols or name == "sqrt"):
            remedy = "of constants, only small rational numbers are supported"
            raise UnsupportedError(f"{name}(...)", "a constant", remedy)
        return getattr(sympy, name)(argument)

    return function


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
