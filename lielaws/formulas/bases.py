"""The families of terms in which formulas are looked for, the small ones first.

Over named sizes: all monomials up to a degree in a few of them, these times a further one, or in a few of them and one
sum of others. Over the layers of a chain: sums of such monomials in the widths around a layer, with polynomials in the
ends besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, combinations_with_replacement
from math import comb

from lielaws.formulas.cases import AFTER, BEFORE, DEPTH, FIRST, HERE, HIDDEN, LAST, LAYERS, WEIGHTS, Cases, Form, plain
from lielaws.formulas.formula_terms import Powers, Term

Basis = tuple[Term, ...]

_LARGEST_DEGREE = 4
_MOST_TERMS = 70
_MOST_BASES = 1200
_SMALL = 6
_MOST_IN_FACTOR = 21
_FRAME_COLUMNS = {HIDDEN: ((HERE,), (BEFORE, HERE), (HERE, AFTER), (BEFORE, HERE, AFTER)), WEIGHTS: ((BEFORE, HERE),)}


def monomials(forms: Sequence[Form], degree: int) -> Iterator[Powers]:
    """All products of powers up to a total degree, the simple ones first."""
    for total in range(degree + 1):
        for chosen in combinations_with_replacement(range(len(forms)), total):
            yield tuple((forms[i], chosen.count(i)) for i in sorted(set(chosen)))


def bases(cases: Cases, varying: Sequence[str], most: int) -> list[Basis]:
    """Families of at most `most` terms over the sizes that vary, by their number of terms."""
    most = min(most, _MOST_TERMS)
    found = [*_plain(varying, most), *_with_factor(varying, most), *_with_sum(varying, most)]
    if cases.chains is not None:
        ends = [name for name in varying if name in (FIRST, LAST)]
        outer = [name for name in varying if name not in (FIRST, LAST, DEPTH) and name not in cases.widths]
        found += list(_layered(ends, outer, most, cases.varying))
    unique = dict.fromkeys(basis for basis in found if len(basis) <= most)
    return sorted(unique, key=lambda basis: (len(basis), sum(term.bits for term in basis)))[:_MOST_BASES]


def ballots(cases: Cases, varying: Sequence[str], most: int) -> list[Basis]:
    """Where a dominating formula is looked for: families that no other of their degree contains, and all small ones."""
    known = [basis for basis in bases(cases, varying, most) if _is_modest(basis)]
    kept: dict[Basis, None] = {}
    for degree in range(1, _LARGEST_DEGREE + 1):
        low = [basis for basis in known if max((term.degree for term in basis), default=0) <= degree]
        sets = [set(basis) for basis in low]
        kept |= dict.fromkeys(
            basis for i, basis in enumerate(low) if not any(sets[i] < other for other in sets[i + 1 :])
        )
    small = [basis for basis in known if 2 <= len(basis) <= _SMALL]
    return sorted(dict.fromkeys((*small, *kept)), key=len)


def _is_modest(basis: Basis) -> bool:
    """Whether samples of it are affordable and likely to lie in one regime."""
    if any(len(form.names) > 1 for term in basis for form, _ in term.outer):
        return False
    return len(basis) <= 15 or max(term.degree for term in basis) <= 3


def _plain(names: Sequence[str], most: int) -> Iterator[Basis]:
    for size in range(len(names) + 1):
        if comb(size + 1, 1) > most:
            return
        # Many names make too many subsets; the middle ones are left out.
        if 3 < size < len(names) and comb(len(names), size) > 60:
            continue
        for chosen in combinations(names, size):
            yield from _up_to_degree([plain(name) for name in chosen], most)


def _with_factor(names: Sequence[str], most: int) -> Iterator[Basis]:
    """One size times a polynomial in others, as for what there is in each head."""
    if len(names) > 8:
        return
    for factor in names:
        rest = [name for name in names if name != factor]
        for size in range(1, len(rest) + 1):
            for chosen in combinations(rest, size):
                for basis in _up_to_degree([plain(name) for name in chosen], min(most, _MOST_IN_FACTOR)):
                    yield tuple(Term(((plain(factor), 1), *powers)) for powers in (term.outer for term in basis))


def _with_sum(names: Sequence[str], most: int) -> Iterator[Basis]:
    if len(names) > 8:
        return
    for size in (2, 3):
        for parts in combinations(names, size):
            form = Form(tuple((name, 1) for name in parts))
            rest = [name for name in names if name not in parts]
            for more in range(3):
                for chosen in combinations(rest, more):
                    yield from _up_to_degree([*(plain(name) for name in chosen), form], most)


def _up_to_degree(forms: Sequence[Form], most: int) -> Iterator[Basis]:
    for degree in range(1 if forms else 0, (_LARGEST_DEGREE if forms else 0) + 1):
        if comb(len(forms) + degree, degree) > most:
            return
        yield tuple(Term(powers) for powers in monomials(forms, degree))


def _layered(ends: Sequence[str], outer: Sequence[str], most: int, varying: bool) -> Iterator[Basis]:
    # In networks of one depth the number of layers is a constant, which the polynomial in the ends has already.
    for frame, choices in _FRAME_COLUMNS.items():
        for chosen in choices:
            for degree in range(4):
                local = [
                    Term((), frame, powers)
                    for powers in monomials([plain(name) for name in chosen], degree)
                    if varying or powers
                ]
                yield from _with_ends(local, ends, outer, most)
    for degree in range(1, 3):
        yield from _with_ends(
            [Term((), LAYERS, p) for p in monomials([plain(HERE)], degree) if varying or p], ends, outer, most
        )


def _with_ends(local: Sequence[Term], ends: Sequence[str], outer: Sequence[str], most: int) -> Iterator[Basis]:
    """Layer sums alone, with a polynomial in the ends, or times a factor that is linear in further sizes."""
    end_forms = [plain(name) for name in ends]
    for degree in range(3):
        yield (*local, *(Term(powers) for powers in monomials(end_forms, degree)))
    yield tuple(local)
    for size in range(1, len(outer) + 1 if len(outer) <= 3 else 2):
        for chosen in combinations(outer, size):
            for degree in (1, 2):
                factors = list(monomials([plain(name) for name in chosen], degree))
                product = [Term(powers, term.frame, term.local) for powers in factors for term in local]
                if len(product) + len(factors) <= most:
                    yield tuple(product)
                    yield (*product, *(Term(powers) for powers in factors))
