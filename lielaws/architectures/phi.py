"""Architectures given by their reparameterization: any polynomial or rational functions of the parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lielaws.architectures.family import Architecture, Array, Namespace, Operations
from lielaws.architectures.monomials import Monomials
from lielaws.architectures.reparameterization import Reparameterization
from lielaws.engine.graph.symbolic import build_expression, check_expression, free_entries
from lielaws.engine.graph.trace import as_rational
from lielaws.errors import InvalidArgumentError

if TYPE_CHECKING:
    import sympy

# Fewer are steps of their own, shared by structure, as people wrote them.
_LEAST_TOGETHER = 200


@dataclass(frozen=True, eq=False)
class GivenPhi(Architecture):
    """Also knows the functions `phi` as they were given."""

    phi: tuple[sympy.Expr, ...] = field(default=(), repr=False)

    def reparameterization(self) -> Reparameterization:
        """Those functions, up to constants and repetitions."""
        import sympy

        symbols = {atom: sympy.Symbol(str(atom)) for expression in self.phi for atom in free_entries(expression)}
        written = [expression.xreplace(symbols) for expression in self.phi]
        return Reparameterization(self.name, self.parameters, self.potential, written)


def from_phi(symbols: Sequence[Any], expressions: Sequence[Any]) -> Architecture:
    """The architecture g(theta, x) = <x, phi(theta)>, x of shape (len(expressions),).

    Parameters
    ----------
    symbols : sympy symbols or names; each is a parameter of shape ()
    expressions : sympy expressions (or a sympy matrix of them) in exactly these symbols, polynomial or rational

    `forward(params, None)` gives phi(theta) itself. Raises InvalidArgumentError for symbols that are missing or unused
    and UnsupportedError for functions that are not rational. Setting: arXiv 2307.00144, section 2.
    """
    names = _symbol_names(symbols)
    listed = _listed(expressions)
    monomials = Monomials.of(names, listed) if len(listed) >= _LEAST_TOGETHER else None
    phi = listed if monomials is not None else _expressions(listed)
    atoms = set().union(*(free_entries(expression) for expression in phi if monomials is None))
    used = {str(symbol) for symbol in atoms} if monomials is None else monomials.used
    if missing := sorted(used - set(names)):
        raise InvalidArgumentError("symbols", missing, "used in the expressions, but not listed; list them")
    if unused := sorted(set(names) - used):
        raise InvalidArgumentError("symbols", unused, "listed, but in no expression; remove them")

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        if monomials is not None:
            return ops.dot(x, monomials.build([p[name] for name in names], ops))
        known: dict[Any, Array] = {}
        entries = [build_expression(expression, lambda symbol: p[str(symbol)], ops, known) for expression in phi]
        return ops.dot(x, ops.stack(entries))

    texts = [str(expression) for expression in phi] if monomials is None else monomials.texts()
    spec = {"family": "phi", "symbols": list(names), "expressions": texts}
    shown = ", ".join(texts)
    name = f"phi({shown})" if len(shown) <= 60 else f"phi({len(phi)} expressions in {len(names)} symbols)"
    return GivenPhi(name, dict.fromkeys(names, ()), {"x": (len(phi),)}, network, spec, phi=tuple(phi))


def _symbol_names(symbols: Any) -> tuple[str, ...]:
    if isinstance(symbols, str):
        symbols = symbols.replace(",", " ").split()
    elif getattr(symbols, "is_Symbol", False):
        symbols = [symbols]
    if not hasattr(symbols, "__iter__"):
        raise InvalidArgumentError("symbols", symbols, "a list of sympy symbols or names is needed")
    names = tuple(str(symbol) for symbol in symbols)
    if not names:
        raise InvalidArgumentError("symbols", names, "at least one symbol is needed")
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise InvalidArgumentError("symbols", twice, "each symbol may be listed once")
    return names


def _listed(expressions: Any) -> list[Any]:
    """One expression, a matrix, or a sequence of expressions. Text is refused: it is never parsed."""
    import sympy

    if isinstance(expressions, sympy.MatrixBase):
        expressions = expressions.flat()
    if isinstance(expressions, sympy.Expr):
        expressions = [expressions]
    if isinstance(expressions, str | bytes) or not hasattr(expressions, "__iter__"):
        raise InvalidArgumentError("expressions", expressions, "a sequence of sympy expressions is needed")
    listed = list(expressions)
    if not listed:
        raise InvalidArgumentError("expressions", listed, "at least one expression is needed")
    return listed


def _expressions(listed: list[Any]) -> list[sympy.Expr]:
    """Sympy expressions, with floats replaced by the decimals that they print."""
    return [_expression(entry) for entry in listed]


def _expression(entry: Any) -> sympy.Expr:
    import sympy

    if (number := as_rational(entry)) is not None:
        return sympy.Rational(number.numerator, number.denominator)
    if not isinstance(entry, sympy.Expr):
        remedy = "a sympy expression is needed; text belongs into a spec file"
        raise InvalidArgumentError("expressions", entry, remedy)
    check_expression(entry)
    return entry.xreplace({number: sympy.Rational(str(number)) for number in entry.atoms(sympy.Float)})
