"""Laws are proved in families that are large enough, refuted by real values, and false ones are never taken."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lielaws import GradientFlow, architecture, glu, linear, mlp, weight_norm
from lielaws.engine.flows.fields import vector_fields
from lielaws.engine.flows.heights import FieldBounds
from lielaws.engine.flows.regions import realizable_patterns
from lielaws.engine.laws.branch_family import BranchFamily, branch_families
from lielaws.engine.laws.characters import sign_characters
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.proof_families import FreeFamily, families
from lielaws.engine.laws.refutation import changing, polynomial_gradients
from lielaws.engine.laws.search import search
from lielaws.engine.laws.solve import Samples, candidate_laws
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.laws.verify import ERROR_EXPONENT, evaluation_error, plan_rounds, verified

A, B = Polynomial.of({(0,): 1}), Polynomial.of({(1,): 1})


def _fields(network, parameters="ab", shape=()):
    arch = architecture(network, dict.fromkeys(parameters, ()), {"x": shape})
    return vector_fields(GradientFlow(), arch.potential)


def _layers(arch):
    return vector_fields(GradientFlow(), arch.potential)


def _proved(fields, law, seed=0):
    """The first of the families in which a law is proved, or None."""
    for family in families(fields):
        if verified([law], family, np.random.default_rng(seed))[0]:
            return family
    return None


# networks in which `a` is conserved, and the family in which that is proved
RELATED = {
    "equal arguments": (lambda p, x, ops: p.a * (ops.exp(p.b * x + x) - ops.exp(x * (p.b + 1))) + p.b * x, FreeFamily),
    "exp of twice": (lambda p, x, ops: p.a * (ops.exp(2 * p.b * x) - ops.exp(p.b * x) ** 2) + p.b * x, FreeFamily),
    "a root of four": (lambda p, x, ops: p.a * (ops.sqrt(4 * x**2) - 2 * ops.sqrt(x**2)) + p.b * x, FreeFamily),
    "a root squared": (lambda p, x, ops: p.a * (ops.sqrt(1 + p.b * x) ** 2 - 1 - p.b * x) + p.b * x, FreeFamily),
    "both signs": (lambda p, x, ops: p.a * (ops.sqrt(x**2 + p.b) ** 4 - (x**2 + p.b) ** 2) + p.b * x, FreeFamily),
    "gates": (lambda p, x, ops: p.a * ops.relu(p.b * x) * ops.relu(-p.b * x) + p.b * x, None),
}
# the same, with `a` not conserved
UNRELATED = {
    "a root of both signs": lambda p, x, ops: p.a * (ops.sqrt(x**2) - x) + p.b * x,
    "one sign of a root": lambda p, x, ops: p.a * (ops.sqrt(x**4 - x**2 + 1) + x**4 - x**2 + 1) + p.b * x,
    "a gate": lambda p, x, ops: p.a * (ops.relu(p.b * x) - p.b * x) + p.b * x,
    "exponentials": lambda p, x, ops: p.a * (ops.exp(2 * p.b * x) - ops.exp(p.b * x)) + p.b * x,
    "a product of roots": lambda p, x, ops: p.a * (ops.sqrt(p.b * x + 2) * ops.sqrt(3 - p.b * x) - 1) + p.b * x,
}


@pytest.mark.parametrize("name", RELATED)
@pytest.mark.parametrize("seed", range(2))
def test_true_laws_are_proved_and_not_refuted(name, seed):
    fields = _fields(RELATED[name][0])
    family = _proved(fields, A, seed)
    assert family is not None
    assert RELATED[name][1] is None or isinstance(family, RELATED[name][1])
    assert not changing(polynomial_gradients([A]), fields, np.random.default_rng(seed)).any()


@pytest.mark.parametrize("name", UNRELATED)
@pytest.mark.parametrize("seed", range(4))
def test_false_laws_are_refuted_and_not_proved(name, seed):
    fields = _fields(UNRELATED[name])
    assert _proved(fields, A, seed) is None
    assert changing(polynomial_gradients([A, B]), fields, np.random.default_rng(seed)).all()


def test_a_scale_needs_true_roots():
    """|W1|^2 before a norm without epsilon: r dr = dq / 2 alone does not see it."""
    fields = _layers(mlp([2, 3, 1], "linear", norm="rms", affine=False, epsilon=False))
    norm = Polynomial.of({(k, k): 1 for k in range(6)})
    assert isinstance(_proved(fields, norm), BranchFamily)
    one_row = Polynomial.of({(k, k): 1 for k in range(2)})
    assert _proved(fields, one_row) is None
    assert changing(polynomial_gradients([norm, one_row]), fields, np.random.default_rng(0)).tolist() == [False, True]


def test_balances_of_rational_networks():
    fields = _layers(mlp([2, 3, 2]))
    # |W1[k, :]|^2 - |W2[:, k]|^2
    laws = [
        Polynomial.of({(2 * k + i,) * 2: 1 for i in range(2)} | {(6 + k + 3 * o,) * 2: -1 for o in range(2)})
        for k in range(3)
    ]
    wrong = [Polynomial.of({**dict(law.terms), (k, k): 2}) for k, law in enumerate(laws)]
    (family,) = families(fields)
    found, verification = verified([*laws, *wrong], family, np.random.default_rng(0))
    assert found == laws
    assert verification.method == "expansion"
    assert not changing(polynomial_gradients(laws), fields, np.random.default_rng(0)).any()
    assert changing(polynomial_gradients(wrong), fields, np.random.default_rng(0)).all()


def test_laws_by_evaluation_have_a_bound_on_the_error():
    fields = _layers(glu(2, 2))
    # |C[:, k]|^2 - |B[k, :]|^2 for the order A, B, C
    law = Polynomial.of({(4, 4): 1, (5, 5): 1, (8, 8): -1, (10, 10): -1})
    wrong = Polynomial.of({(4, 4): 1, (5, 5): 1, (8, 8): -1, (9, 9): -1})
    found, verification = verified([law, wrong], FreeFamily(fields), np.random.default_rng(0))
    assert found == [law]
    assert verification.method == "evaluation"
    assert verification.error_log2 < -ERROR_EXPONENT
    assert verification.rounds >= 4


def test_candidates_span_the_laws():
    fields = _layers(linear([1, 2, 1]))
    monomials = [(k, m) for k in range(4) for m in range(k, 4)]
    table = TermTable.of([Polynomial.of({monomial: 1}) for monomial in monomials], 4)
    samples = Samples(FreeFamily(fields), np.random.default_rng(0))
    found = candidate_laws(table, np.zeros(4, dtype=np.uint64), samples)
    # The entries of W1 W1^T - W2^T W2, and the determinant of both vectors.
    expected = [{(0, 0): 1, (2, 2): -1}, {(0, 1): 1, (2, 3): -1}, {(0, 3): 1, (1, 2): -1}, {(1, 1): 1, (3, 3): -1}]
    assert sorted(found, key=lambda law: law.terms) == sorted(map(Polynomial.of, expected), key=lambda law: law.terms)


def test_a_search_stops_at_the_bound():
    fields = _layers(mlp([2, 3, 2]))
    assert len(search(fields, 3, np.random.default_rng(0)).laws) == 3
    assert search(fields, 0, np.random.default_rng(0)).laws == ()


def test_samples_are_kept():
    samples = Samples(FreeFamily(_layers(linear([2, 2]))), np.random.default_rng(0))
    first = samples.take(3)[0].copy()
    assert (samples.take(5)[0][:3] == first).all()
    assert samples.points.shape == samples.values.shape == (5, 4)


def test_families_come_in_the_order_of_their_cost():
    assert [type(family) for family in families(_layers(mlp([2, 2, 1])))] == [FreeFamily]
    assert [type(family) for family in families(_layers(mlp([4, 6, 3], "exp")))] == [FreeFamily]
    rooted = list(families(_fields(lambda p, x, ops: p.a * ops.sqrt((p.b * x) ** 2))))
    assert [type(family) for family in rooted[:2]] == [FreeFamily, FreeFamily]
    assert all(isinstance(family, BranchFamily) for family in rooted[2:])
    assert rooted[0].original is None
    assert rooted[1].original is rooted[0].fields


def test_regions_are_proved_pattern_by_pattern():
    potential = mlp([2, 2, 1]).potential
    region = realizable_patterns(potential, np.random.default_rng(0))
    (family,) = families(vector_fields(GradientFlow(), potential, region))
    points, _ = family.proof(np.random.default_rng(0), family.fields.prime())
    assert len(points) == region.count


def test_branches_of_an_output_are_those_that_it_needs():
    def network(p, x, ops):
        root = ops.sqrt(x[0] ** 2 + p.a)
        return ops.stack([root * p.b, p.a * x[1], ops.relu(p.b * x[0] - 1) * ops.exp(ops.relu(p.a - x[1]))])

    _, binary = branch_families(_fields(network, shape=(2,)), None)
    outputs = binary.outputs
    assert sorted((len(output.roots), len(output.gates)) for output in outputs) == [(0, 0), (0, 2), (1, 0)]


def test_too_many_gates_are_not_gone_through():
    def network(p, x, ops):
        return ops.exp(sum(ops.relu(x[k] * p.a + 1) for k in range(9))) * p.b

    assert list(branch_families(_fields(network, shape=(9,)), None)) == []


def test_roots_of_what_depends_on_roots_are_true_ones_a_few_at_a_time():
    """Two layers with batch norm, of 2 and 14 units: all points have the first roots, few have all of the second."""
    without, binary = [], []
    for family in branch_families(_layers(mlp([2, 2, 14, 1], "relu", norm="batch", epsilon=False)), None):
        (binary if family.binary else without).append(family.roots)
    assert without == [(0, 1, *range(2, 14)), (0, 1, 14, 15)]
    assert binary == []


@pytest.mark.parametrize("seed", range(3))
def test_a_point_with_any_signs_stands_for_all_of_many_independent_roots(seed):
    """Twenty norms of rows: with all choices of signs there would be a million evaluations."""
    fields = _layers(weight_norm([2, 17, 3]))
    (family,) = branch_families(fields, None)
    # Rows of V1, which follows its 17 gains.
    norms = [Polynomial.of({(17 + 2 * k,) * 2: 1, (18 + 2 * k,) * 2: 1}) for k in range(17)]
    wrong = Polynomial.of({(17, 17): 1, (18, 18): 2})
    assert verified([*norms, wrong], family, np.random.default_rng(seed))[0] == norms


@pytest.mark.parametrize(("degree", "norm", "bits"), [(4, 10.0, 31), (10**6, 100.0, 61), (10**9, 10**9, 127)])
def test_larger_degrees_take_larger_primes(degree, norm, bits):
    bounds = FieldBounds(degree, norm)
    assert plan_rounds(bounds).bits <= bits
    assert evaluation_error(bounds, bits) < 0
    assert evaluation_error(FieldBounds(2**31, norm), 31) == 0


def test_the_bound_is_that_of_schwartz_and_zippel():
    error = evaluation_error(FieldBounds(degree=8, log_norm=1.0), 31)
    assert error == pytest.approx(math.log2(8 + 3 * 31 / 30) - 30)


def test_of_several_points_all_must_be_zeros_but_a_bad_prime_is_one_for_all():
    """Two of 2^10 points each: (8 2^10 / 2^30)^2, and log2(H) over the number of primes."""
    error = evaluation_error(FieldBounds(degree=8, log_norm=100.0, log_drawn=10.0, points=2), 31)
    assert error == pytest.approx(math.log2((8 * 2**10 / 2**30) ** 2 + 100 * 3 * 31 / 30 / 2**30))


def test_labels_are_those_of_one_potential_whatever_else_its_graph_holds():
    """Cotangents of both losses have one name and two shapes."""
    arch = mlp([2, 3, 3], "tanh")
    before = sign_characters(vector_fields(GradientFlow(), arch.potential_for("any")))
    arch.potential_for("cross_entropy")
    after = sign_characters(vector_fields(GradientFlow(), arch.potential_for("any")))
    assert (after == before).all()
    assert len(set(before.tolist())) > 1


def test_the_signs_of_dependent_roots_are_chosen_at_one_point():
    """The root of (u + 1)^2, written out, is u + 1 or -(u + 1), and a is a law for the first of them alone."""

    def network(p, x, ops):
        u = p.b * x
        return p.a * (ops.sqrt(u * u + 2 * u + 1) - (u + 1)) + u

    (family,) = branch_families(_layers(architecture(network, {"a": (), "b": ()}, {"x": ()})), None)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        points, values = family.proof(rng, family.fields.prime(rng))
        _, times = np.unique(points, axis=0, return_counts=True)
        # With both signs, and with both coefficients of what is in F_p[i].
        assert (times == 4).all()
        assert set((values[:, 0] != 0).tolist()) == {False, True}
