"""What must not matter does not matter: seeds, names, the order of units, how the search is split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lielaws import architecture, discover_laws, linear, mlp
from lielaws.engine.closure.growth import grow
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.laws.search import search
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.linalg import EXPLORATION_PRIME, Echelon, random_prime
from tests.strategies import architectures, mlps


def _rank(polynomials, dimension: int) -> int:
    """Dimension of the span of polynomials over the constants."""
    columns = {m: k for k, m in enumerate(sorted({m for p in polynomials for m, _ in p.terms}))}
    matrix = np.zeros((len(polynomials), len(columns)), dtype=np.int64)
    for row, polynomial in enumerate(polynomials):
        for monomial, coefficient in polynomial.terms:
            matrix[row, columns[monomial]] = coefficient % EXPLORATION_PRIME
    echelon = Echelon(max(1, len(columns)), EXPLORATION_PRIME)
    if matrix.size:
        echelon.extend(matrix)
    return echelon.rank


@given(arch=architectures, seed=st.integers(0, 2**32))
def test_same_seed_same_report(arch, seed):
    first, second = (discover_laws(arch, seed=seed) for _ in range(2))
    assert first.to_json() == second.to_json()
    assert str(first) == str(second)
    assert first.certificate.to_json() == second.certificate.to_json()


@given(arch=architectures, seed=st.integers(1, 2**32))
def test_another_seed_gives_the_same_count_and_span(arch, seed):
    first, second = discover_laws(arch, seed=0), discover_laws(arch, seed=seed)
    assert first.growth == second.growth
    assert len(first.laws) == len(second.laws)
    if first.complete:
        assert all(first.contains(law) for law in second.laws)


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize(
    "arch", [linear([2, 3, 2]), mlp([3, 4, 3], bias=True), linear([2, 2, 2, 2])], ids=lambda a: a.name
)
def test_laws_found_with_different_seeds_span_the_same_space(arch, seed):
    first, second = (discover_laws(arch, seed=s).laws for s in (0, seed))
    both = [law.polynomial for law in (*first, *second)]
    assert _rank(both, arch.dimension) == len(first) == len(second)


@given(widths=st.lists(st.integers(1, 3), min_size=3, max_size=4), seed=st.integers(0, 1000))
def test_names_and_the_order_of_tensors_do_not_matter(widths, seed):
    rng = np.random.default_rng(seed)
    depth = len(widths) - 1
    names = [f"P{k}" for k in rng.permutation(depth)]

    def net(p, x, ops):
        for k, name in enumerate(names):
            x = p[name] @ x
            x = ops.relu(x) if k < depth - 1 else x
        return x

    shapes = {name: (widths[k + 1], widths[k]) for k, name in enumerate(names)}
    mine = discover_laws(architecture(net, dict(sorted(shapes.items())), {"x": (widths[0],)}))
    theirs = discover_laws(mlp(widths))
    assert (mine.growth, len(mine.laws)) == (theirs.growth, len(theirs.laws))


@given(arch=mlps(3))
def test_splitting_by_signs_finds_what_the_full_ansatz_finds(arch):
    fields = vector_fields(GradientFlow(), arch.potential)
    wanted = arch.dimension - grow(fields, np.random.default_rng(0)).rank
    found = [
        search(fields, wanted, np.random.default_rng(1), labels=labels).laws
        for labels in (None, np.zeros(arch.dimension, dtype=np.uint64))
    ]
    assert len(found[0]) == len(found[1])


@given(arch=architectures, seed=st.integers(0, 2**32))
def test_brackets_are_antisymmetric_and_satisfy_jacobi(arch, seed):
    from lielaws.engine.arithmetic.modular import BadPrimeError, Modular

    rng = np.random.default_rng(seed)
    fields, p = vector_fields(GradientFlow(), arch.potential), random_prime(rng)

    def bracket(*words):
        return fields.bracket(point.vector, words, Modular(p, point.functions))[0, 0]

    try:
        point = fields.draw_points(rng, 1, p)
        a, b, c = (fields.choose(rng, 1, point) for _ in range(3))
        assert not ((bracket(a, b) + bracket(b, a)) % p).any()
        # bracket(x, y, z) is [z, [y, x]].
        assert not ((bracket(a, b, c) + bracket(b, c, a) + bracket(c, a, b)) % p).any()
    except BadPrimeError:
        pass


@given(arch=architectures)
def test_every_law_that_is_returned_annihilates_fresh_vector_fields(arch):
    rng = np.random.default_rng(12345)
    report = discover_laws(arch)
    if not report.laws:
        return
    p = random_prime(rng)
    fields = report.fields
    table = TermTable.of([law.polynomial for law in report.laws], arch.dimension)
    point = fields.draw_points(rng, 4, p)
    values = fields.evaluate(point.vector, fields.choose(rng, 4, point), point.arithmetic)[0]
    assert not table.derivatives(point.vector[0], values, p).any()
