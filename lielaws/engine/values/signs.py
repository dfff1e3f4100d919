"""Signs of square roots.

Modulo p = 3 mod 4 the root q^((p+1)/4) is multiplicative, but that of a square s^2 is s or -s, whichever is a square
itself, while over the reals it is |s|. So where a product of arguments of roots is a square, the product of the roots
has a sign that must be that of a real one.

Such products are found by their symbols (q / p) at random points, and their arguments are factored over Q. Factors
that are positive by proof have their signs corrected. If all are, the roots are those of the reals. If not, |s| is s or
-s as a gate would have it, and each choice of signs that occurs at real points is a pattern of its own, for which the
functions further up are resolved. Roots whose arguments do not show their squares are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np

from lielaws.engine.graph.node import Node
from lielaws.engine.values.atoms import Cut, Entry
from lielaws.engine.values.plan import Plan, RootRule
from lielaws.engine.values.positivity import atom_signs, definite_sign
from lielaws.engine.values.signcheck import SignRelation, Surroundings, proved_relations, sign_relations
from lielaws.engine.values.squareproducts import Relation, square_products
from lielaws.engine.values.squareroots import Explained, SignProduct, explain
from lielaws.engine.values.squares import cuts
from lielaws.engine.values.trial import Pattern, UndefinedPatternError
from lielaws.errors import ExactnessError

_MOST_BRANCHES = 512
_MOST_OTHERS = 40
_ONE = SignProduct(Fraction(1), ())


def plan_roots(roots: Sequence[Node], patterns: Sequence[Pattern], around: Surroundings) -> list[Pattern]:
    """The patterns with the signs of the roots of one more level; several for one where signs are like gates.

    The first pattern stands for arbitrary gates, and for all signs that are not settled by proof. It serves to prove
    laws of the family, which then hold for one that is larger. If it is alone and signs are left, it gets others.

    Raises ExactnessError, naming the roots, where the arguments do not show their squares.
    """
    entries = [(root, k) for root in roots for k in range(root.size)]
    own = {root.serial for root in roots}
    related = square_products(entries, patterns, [root for root in around.roots if root.serial not in own])
    free, *others = patterns
    first = _Resolution(entries, free, around, related[0], alone=not others)
    found = [free.with_plan(first.plan())]
    if not others:
        return [*found, *(first.branches(_MOST_BRANCHES) if found[0].plan.loose else ())]
    most = max(1, _MOST_BRANCHES // len(others))
    for number, (pattern, relations) in enumerate(zip(others, related[1:], strict=True), start=1):
        try:
            found += _Resolution(entries, pattern, around, relations, alone=True).branches(most)
        except ExactnessError:
            raise UndefinedPatternError(number) from None
    return found


@dataclass(frozen=True)
class _Part:
    """Some relations over a cut, with the numbers that have the signs of their products."""

    found: Sequence[Explained]
    cut: Cut


@dataclass(frozen=True)
class _Resolution:
    """The signs of the roots of one level under one pattern.

    alone : whether there is no other pattern that stands for the same samples
    """

    entries: Sequence[Entry]
    pattern: Pattern
    around: Surroundings
    relations: Sequence[Relation]
    alone: bool

    # All signs that are not settled by proof

    def plan(self) -> Plan:
        """The plan of the pattern for any signs of numbers that may have both."""
        parts = []
        for relations in _connected(self.relations):
            part = self._proved(relations)
            if part is not None:
                parts.append(part)
        signs: dict[int, SignProduct | None] = {}
        varying = [(one, part.cut) for part in parts for one in part.found if one.varying]
        products = [one.product(cut) for one, cut in varying]
        related = sign_relations(products, self.pattern, self._near, proved=True) or []
        settled = {one.last: self._settled(one, products) for one in related}
        for k, (one, _) in enumerate(varying):
            signs[one.relation.pivot] = settled.get(k)
        return self._planned(parts, signs)

    def _proved(self, relations: Sequence[Relation]) -> _Part | None:
        """Over the highest cut that tells all signs, or that shows numbers of both signs; else over the lowest one."""
        last: _Part | None = None
        for part in self._parts(relations):
            last = part
            products = [one.product(part.cut) for one in part.found if one.varying]
            if sign_relations(products, self.pattern, self._near, proved=True) is not None:
                break
        if last is None and self.alone:
            raise ExactnessError(self._message(relations))
        return last

    @property
    def _near(self) -> Surroundings:
        return Surroundings(self.around.roots, ())

    @staticmethod
    def _settled(relation: SignRelation, products: Sequence[SignProduct]) -> SignProduct | None:
        """The number whose symbol the last of some products has to have, as the sign of all of them is known."""
        if relation.negative is None:
            return None
        sign = SignProduct(Fraction(-1 if relation.negative else 1), ())
        for k in relation.members - {relation.last}:
            sign = sign.times(products[k])
        return sign

    # One choice of signs

    def branches(self, most: int) -> list[Pattern]:
        """The pattern for each choice of signs that occurs, or for some of them if they are many."""
        parts = []
        for relations in _connected(self.relations):
            part = next(self._parts(relations), None)
            if part is None:
                raise ExactnessError(self._message(relations))
            parts.append(part)
        varying = [(one.relation.pivot, one.product(part.cut)) for part in parts for one in part.found if one.varying]
        # Numbers without data come first, so that no sign of theirs depends on data.
        varying.sort(key=lambda item: not item[1].is_of_state)
        return [
            replace(self.pattern, plan=self._planned(parts, dict(signs)), partial=self.pattern.partial or partly)
            for signs, partly in self._choices(varying, most)
        ]

    def _choices(
        self, varying: Sequence[tuple[int, SignProduct]], most: int
    ) -> Iterator[tuple[list[tuple[int, SignProduct]], bool]]:
        """For each pivot the number whose symbol the product is to have; and whether there are more choices."""
        if not varying:
            yield [], False
            return
        known = [(number, SignProduct(Fraction(sign), ())) for number, sign in self.around.known(self.pattern)]
        known += self.pattern.plan.signs
        products = [*(number for number, _ in known), *(number for _, number in varying)]
        proved = proved_relations(products, self.pattern, self.around)
        related = {one.last: one for one in proved or []}
        free = [k for k in range(len(known), len(products)) if k not in related]
        observed = self._observed([products[k] for k in free])
        related |= {free[one.last]: one.renumbered(free) for one in observed}
        if any(_contradicts(one, known) for one in related.values() if one.last < len(known)):
            raise ExactnessError("these signs of gates and of roots do not occur together")
        chosen = [k for k in free if k not in related and not products[k].is_of_state]
        for choice, partly in _signs(len(chosen), most):
            given = dict(zip(chosen, choice, strict=True))
            signs = [sign for _, sign in known]
            for k in range(len(known), len(products)):
                if k in related:
                    signs.append(_implied(related[k], products, signs))
                else:
                    signs.append(SignProduct(Fraction(given[k]), ()) if k in given else products[k])
            pivots = [pivot for pivot, _ in varying]
            yield list(zip(pivots, signs[len(known) :], strict=True)), partly or bool(observed) or proved is None

    def _observed(self, products: Sequence[SignProduct]) -> list[SignRelation]:
        """What has one sign at real points, without proof.

        Any choice of samples gives a bound, so these signs may be taken to be the only ones.
        """
        related = sign_relations(products, self.pattern, self.around, proved=False)
        if related is None:
            raise ExactnessError(self._message(self.relations))
        return related

    # Both

    def _parts(self, relations: Sequence[Relation]) -> Iterator[_Part]:
        """The relations over all cuts that show their squares, from high to low."""
        involved = sorted({k for relation in relations for k in relation.members})
        wanted = [(self.entries[k][0].inputs[0], self.entries[k][1]) for k in involved]
        lower = [(root, k) for root in self._lower for k in range(root.size)]
        # The arguments of other roots are of use if they are factors, but they make cuts larger.
        for others in ([], lower) if len(lower) <= _MOST_OTHERS else ([],):
            more = [(root.inputs[0], k) for root, k in others]
            for cut in cuts([*wanted, *more], self.pattern.plan, self.pattern.gates):
                arguments = {k: cut.arguments[entry] for k, entry in zip(involved, wanted, strict=True)}
                known = {(root.serial, k): cut.arguments[(root.inputs[0], k)] for root, k in others}
                signs = atom_signs(cut.atoms, self.pattern.gates)
                found = explain(relations, arguments, cut, partial(definite_sign, signs=signs), known)
                if found is not None:
                    yield _Part(found, cut)

    @property
    def _lower(self) -> list[Node]:
        own = {root.serial for root, _ in self.entries}
        return [root for root in self.around.roots if root.serial not in own]

    def _message(self, relations: Sequence[Relation]) -> str:
        members = sorted(relations[0].members)
        names = ", ".join(f"[{k}] of shape {root.shape}" for root, k in (self.entries[number] for number in members))
        return (
            "the sign of a square root cannot be determined exactly: the product of the arguments of the square roots "
            f"{names} is a square, up to factors without data; write its root without sqrt, or add a number under it"
        )

    def _planned(self, parts: Sequence[_Part], signs: dict[int, SignProduct | None]) -> Plan:
        """The plan with rules for the roots of these relations.

        signs : for numbers of both signs, by the pivot of the relation, one whose symbol they are to have
        """
        plan = self.pattern.plan
        rules: dict[int, RootRule] = {}
        known = {(rule.node.serial, rule.entry): rule for rule in plan.roots}
        numbers, varying = [], []
        for part in parts:
            for one in part.found:
                sign = SignProduct.of(part.cut, one)
                if one.varying:
                    number, target = one.product(part.cut), signs[one.relation.pivot]
                    if target is not None:
                        varying.append((number, target))
                        sign = sign.times(number).times(target)
                # Signs that were changed in other roots of the product count for this one, too.
                for k in one.relation.members - {one.relation.pivot}:
                    sign = sign.times(rules[k].sign) if k in rules else sign
                for key in one.inner:
                    sign = sign.times(known[key].sign) if key in known else sign
                root, entry = self.entries[one.relation.pivot]
                others = [(self.entries[k][0].serial, self.entries[k][1]) for k in one.relation.members]
                others.remove((root.serial, entry))
                rules[one.relation.pivot] = RootRule(root, entry, sign, (*others, *one.inner))
                if one.nonsquare != 1:
                    numbers.append(one.nonsquare)
        return replace(
            plan,
            roots=(*plan.roots, *rules.values()),
            nonsquares=tuple(sorted({*plan.nonsquares, *numbers})),
            signs=(*plan.signs, *varying),
            loose=(*plan.loose, *self._loose(rules, signs)),
            conditional=plan.conditional or not all(relation.everywhere for relation in self.relations),
        )

    def _loose(
        self, rules: Mapping[int, RootRule], signs: Mapping[int, SignProduct | None]
    ) -> Iterator[tuple[int, int]]:
        """The roots that close a relation which does not settle their signs."""
        for relation in self.relations:
            k = relation.pivot
            if k not in rules or signs.get(k, _ONE) is None:
                root, entry = self.entries[k]
                yield root.serial, entry


def _contradicts(relation: SignRelation, known: Sequence[tuple[SignProduct, SignProduct]]) -> bool:
    """Whether numbers of known sign do not have the sign that their product has everywhere."""
    signs = [known[k][1] for k in relation.members]
    if relation.negative is None or any(sign.parts for sign in signs):
        return False
    return (math.prod(sign.constant for sign in signs) < 0) != relation.negative


def _implied(relation: SignRelation, products: Sequence[SignProduct], signs: Sequence[SignProduct]) -> SignProduct:
    """The number whose symbol the last member of a relation is to have, given those of the others.

    Where the sign of all depends on the state it may be any, but then the last one changes as the others do.
    """
    others = relation.members - {relation.last}
    total = SignProduct(Fraction(-1 if relation.negative else 1), ())
    for k in others:
        total = total.times(signs[k]) if relation.negative is not None else total.times(signs[k]).times(products[k])
    return total if relation.negative is not None else total.times(products[relation.last])


def _signs(count: int, most: int) -> Iterator[tuple[tuple[int, ...], bool]]:
    """All choices of signs, or as many random ones, and whether there are others."""
    if 2**count <= most:
        yield from ((choice, False) for choice in product((1, -1), repeat=count))
        return
    rng = np.random.default_rng(count)
    rows = rng.choice([1, -1], (most, count))
    yield from ((tuple(row), True) for row in np.unique(rows, axis=0).tolist())


def _connected(relations: Sequence[Relation]) -> list[list[Relation]]:
    """The relations in groups that have no root in common."""
    groups: list[tuple[frozenset[int], list[Relation]]] = []
    for relation in relations:
        near = [group for group in groups if group[0] & relation.members]
        groups = [group for group in groups if not group[0] & relation.members]
        members = relation.members.union(*(group[0] for group in near))
        groups.append((members, [*(one for group in near for one in group[1]), relation]))
    return [group for _, group in groups]
