"""The functions phi through which the potentials factor: f_z(theta) = sum over alpha of z^alpha phi_alpha(theta).

Their gradients span the family of a gradient flow (arXiv 2307.00144, section 2). For ReLU networks with free gates they
are the path monomials, for linear networks the entries of the matrix product.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import add, mul
from typing import TYPE_CHECKING, Any

import flint
import numpy as np

from lielaws.architectures.expansion import ALTERNATIVE, Expansion, Monomial, Terms, expand, primitive
from lielaws.engine.arithmetic.ratios import Ratio, TooManyTermsError
from lielaws.engine.graph.node import Shape
from lielaws.engine.graph.symbolic import free_entries
from lielaws.engine.linalg import as_fraction
from lielaws.engine.potential.potentials import Potential
from lielaws.errors import SizeError, UnsupportedError

if TYPE_CHECKING:
    import sympy

_MOST_DERIVATIVE_TERMS = 3_000_000  # terms of sympy take hundreds of bytes each: about a GB


class Reparameterization:
    """The functions phi of an architecture; everything of sympy is made when it is first asked for.

    Parameters
    ----------
    name : of the architecture
    parameters : name -> shape, in the order of the state vector
    potential : what is expanded
    written : the coefficient of each entry of the data, where they are to be shown as they were given

    Raises SizeError, before the memory is taken, if there are too many terms, and UnsupportedError if the potential is
    no polynomial in the data with coefficients that are rational in the parameters.
    """

    def __init__(
        self, name: str, parameters: Mapping[str, Shape], potential: Potential, written: Sequence[sympy.Expr] = ()
    ) -> None:
        self.name, self.parameters, self._written = name, parameters, written
        self._expansion = expand(name, potential)

    @property
    def dimension(self) -> int:
        """D, the number of scalar parameters."""
        return self._expansion.last - self._expansion.first

    @cached_property
    def _functions(self) -> tuple[tuple[Terms, Terms, Monomial], ...]:
        """Numerator, denominator and first data monomial, for each class of coefficients that are equal up to a factor.

        Both are primitive integer polynomials. Constants are left out.
        """
        quotients = _Quotients(self.name, self._expansion)
        found: dict[Any, tuple[Terms, Terms, Monomial]] = {}
        for monomial, terms in self._expansion.coefficients:
            numerator, denominator = quotients.reduced(terms)
            if numerator and (any(numerator) or any(denominator)):
                key = frozenset(numerator.items()), frozenset(denominator.items())
                found.setdefault(key, (numerator, denominator, monomial))
        return tuple(found.values())

    def __len__(self) -> int:
        return len(self._functions)

    def __iter__(self) -> Iterator[sympy.Expr]:
        return iter(self._expressions)

    def __str__(self) -> str:
        return f"{len(self):,} functions of {self.dimension:,} parameters"

    def __repr__(self) -> str:
        return f"<Reparameterization of {self.name}: {self}>"

    @cached_property
    def symbols(self) -> tuple[Any, ...]:
        """One for each scalar parameter, in the order of the state vector: `W1[0, 2]`, or a symbol for shape ()."""
        import sympy

        scalars = {name: sympy.Symbol(name) for name, shape in self.parameters.items() if not shape}
        bases = {name: sympy.IndexedBase(name) for name in self.parameters if name not in scalars}
        places = ((name, index) for name, shape in self.parameters.items() for index in np.ndindex(shape))
        return tuple(bases[name][index] if index else scalars[name] for name, index in places)

    @property
    def phi(self) -> list[sympy.Expr]:
        """The functions, ordered by output entry and then by data, each without common rational factor.

        Those of :func:`lielaws.from_phi` are as they were given.
        """
        return list(self._expressions)

    @property
    def jacobian(self) -> sympy.Matrix:
        """d phi_alpha / d theta_j, shape (len(phi), D). Raises SizeError if it would not fit."""
        return self._jacobian.copy()

    def latex(self) -> str:
        """phi as a column."""
        import sympy

        rows = " \\\\\n".join(sympy.latex(expression) for expression in self._expressions)
        return "\\phi(\\theta) = \\left(\\begin{array}{l}\n" + rows + "\n\\end{array}\\right)"

    @cached_property
    def _variables(self) -> dict[int, sympy.Expr]:
        """What the variables of the expansion are: symbols, and inverses of polynomials in these."""
        variables = dict(enumerate(self.symbols, start=self._expansion.first))
        for number, terms in enumerate(self._expansion.inverted, start=self._expansion.last):
            variables[number] = 1 / _polynomial(terms, variables)
        return variables

    @cached_property
    def _expressions(self) -> tuple[sympy.Expr, ...]:
        if self._written:
            return tuple(self._written[number] for _, _, (number,) in self._functions)
        terms = self._variables
        return tuple(_polynomial(above, terms) / _polynomial(below, terms) for above, below, _ in self._functions)

    @cached_property
    def _jacobian(self) -> sympy.Matrix:
        import sympy
        from sympy.polys.matrices import DomainMatrix

        size = sum(len(set(monomial)) for above, below, _ in self._functions for monomial in (*above, *below))
        if size > _MOST_DERIVATIVE_TERMS:
            entries = f"{len(self):,} x {self.dimension:,} = {len(self) * self.dimension:,} entries"
            remedy = f"{entries} with {size:,} terms would not fit (at most {_MOST_DERIVATIVE_TERMS:,}); {ALTERNATIVE}"
            raise SizeError("jacobian", self.name, remedy)
        sparse = {row: gradient for row in range(len(self)) if (gradient := self._gradient(row))}
        # Made from its domain matrix, an ordinary sympy Matrix keeps the nonzero entries only.
        return DomainMatrix(sparse, (len(self), self.dimension), sympy.EXRAW).to_Matrix()

    def _gradient(self, row: int) -> dict[int, sympy.Expr]:
        """The nonzero entries of a row of the Jacobian."""
        above, below, _ = self._functions[row]
        rational = any(below) or any(map(self._expansion.is_rational, above))
        if not self._written and not rational:
            return self._gradient_of_terms(above)
        expression = self._expressions[row]
        used = free_entries(expression)
        slopes = {j: expression.diff(symbol) for j, symbol in enumerate(self.symbols) if symbol in used}
        return {j: slope for j, slope in slopes.items() if slope != 0}

    def _gradient_of_terms(self, terms: Terms) -> dict[int, sympy.Expr]:
        """The same of a polynomial in parameters alone; sympy would take minutes for those of deep networks."""
        slopes: dict[int, Terms] = {}
        for monomial, value in terms.items():
            for variable in set(monomial):
                place = monomial.index(variable)
                rest = monomial[:place] + monomial[place + 1 :]
                slopes.setdefault(variable - self._expansion.first, {})[rest] = value * monomial.count(variable)
        return {j: _polynomial(slope, self._variables) for j, slope in sorted(slopes.items())}


class _Quotients:
    """Lowest terms of the coefficients of an expansion. Raises UnsupportedError for a division by zero."""

    def __init__(self, name: str, expansion: Expansion) -> None:
        self._expansion = expansion
        rational = [*expansion.inverted, *(terms for _, terms in expansion.coefficients)] if expansion.inverted else []
        used = {variable for terms in rational for monomial in terms for variable in monomial}
        self._parameters = sorted(variable for variable in used if variable < expansion.last)
        self._context = flint.fmpq_mpoly_ctx.get([f"t{k}" for k in range(len(self._parameters))], flint.Ordering.lex)
        self._inverses: list[Ratio | None] = []
        for terms in expansion.inverted:
            ratio = self._ratio(terms)
            if ratio is not None and ratio.above == 0:
                remedy = "it divides by a function that is zero everywhere"
                raise UnsupportedError("reparameterization", name, remedy)
            self._inverses.append(ratio and ratio.inverse())

    def reduced(self, terms: Terms) -> tuple[Terms, Terms]:
        """Numerator and denominator, primitive; the numerator is empty for zero.

        Inverses are left in the numerator where a common denominator would have too many terms. Then equal functions
        may go unnoticed, which does no harm.
        """
        _, rest = primitive(terms)
        ratio = self._ratio(rest) if any(map(self._expansion.is_rational, rest)) else None
        return (rest, {(): 1}) if ratio is None else (self._terms(ratio.above), self._terms(ratio.below))

    def _ratio(self, terms: Terms) -> Ratio | None:
        """The terms over one denominator, or None if there would be too many."""
        parts: dict[Monomial, dict[tuple[int, ...], int]] = {}
        for monomial, value in terms.items():
            cut = bisect_left(monomial, self._expansion.last)
            parts.setdefault(monomial[cut:], {})[tuple(map(monomial.count, self._parameters))] = value
        summands = []
        try:
            for variables, part in parts.items():
                inverses = [self._inverses[variable - self._expansion.last] for variable in variables]
                if None in inverses:
                    return None
                whole = Ratio(self._context.from_dict(part), self._context.constant(1))
                summands.append(reduce(mul, inverses, whole))
            return reduce(add, summands)
        except TooManyTermsError:
            return None

    def _terms(self, polynomial: Any) -> Terms:
        terms: Terms = {}
        for exponents, value in polynomial.terms():
            pairs = zip(self._parameters, exponents, strict=True)
            terms[tuple(variable for variable, exponent in pairs for _ in range(exponent))] = as_fraction(value)
        return primitive(terms)[1]


def _polynomial(terms: Terms, variables: Mapping[int, Any]) -> sympy.Expr:
    from sympy import Add, Mul

    powers = ((value, Counter(monomial).items()) for monomial, value in terms.items())
    return Add(*(Mul(value, *(variables[v] ** exponent for v, exponent in factors)) for value, factors in powers))
