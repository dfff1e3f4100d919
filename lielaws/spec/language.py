"""The language of array expressions in specs, read without executing anything.

A subset of Python's expressions: integers, exact decimals, names (dots allowed: `1.W1`), indices and slices, `.T`,
`+ - * / @`, `**` with a constant exponent, and calls `f(a, b, key=1)`.

>>> expression = parse("2*A @ x + 0.1")
>>> expression.names
('A', 'x')
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lielaws.errors import SpecError
from lielaws.spec.evaluation import evaluate
from lielaws.spec.reader import Node, Reader

__all__ = ["Expression", "evaluate", "parse"]


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
    """Parse one expression.

    Parameters
    ----------
    where : what the text is called in errors

    Raises SpecError, with the column, for whatever is not in the language or too large.
    """
    if not isinstance(text, str):
        raise SpecError(where, text, "an expression in quotes is needed")
    reader = Reader(text, where)
    tree = reader.whole()
    return Expression(text, where, tree, tuple(reader.names))
