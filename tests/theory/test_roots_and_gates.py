"""Roots of squares, and functions of gated numbers: counts that values drawn without regard to them get wrong.

In each network a difference vanishes over the reals, as sqrt((1 + x^2)^2) - (1 + x^2), or a product of differences of
which one vanishes under each activation pattern. So its coefficient `a` is conserved. A root modulo a prime is right up
to its sign only, and exp(relu(u)) is 1 or exp(u) and no free number; where that is missed, the count is smaller.
"""

from __future__ import annotations

import pytest

from lielaws import architecture, check_laws, discover_laws

CASES = {}


def _case(laws, parameters="ab"):
    def keep(network):
        CASES[network.__name__] = (network, dict.fromkeys(parameters, ()), laws)
        return network

    return keep


@_case(1)
def root_of_a_square(p, x, ops):
    return p.a * (ops.sqrt((1 + x[0] ** 2) ** 2) - 1 - x[0] ** 2) + p.b * x[1]


@_case(1)
def exponential_of_a_gate(p, x, ops):
    r = ops.relu(p.b * x[0])
    return p.a * (ops.exp(r) - 1) * (ops.exp(r) - ops.exp(p.b * x[0])) + p.b * x[1]


@_case(1)
def root_of_nine(p, x, ops):
    return p.a * (ops.sqrt(9 * x[0]) - 3 * ops.sqrt(x[0])) + p.b * x[1]


@_case(1)
def roots_of_three(p, x, ops):
    return p.a * (ops.sqrt(3 * x[0]) * ops.sqrt(3 * x[1]) - 3 * ops.sqrt(x[0] * x[1])) + p.b * x[1]


@_case(1)
def expanded_square(p, x, ops):
    return p.a * (ops.sqrt(x[0] ** 4 + 2 * x[0] ** 2 + 1) - 1 - x[0] ** 2) + p.b * x[1]


@_case(1)
def square_times_a_root(p, x, ops):
    q1 = 1 + x[0] ** 2
    q2 = 2 + x[1]
    return p.a * (ops.sqrt(q1**2 * q2) - q1 * ops.sqrt(q2)) + p.b * x[1]


@_case(1)
def root_of_an_exponential(p, x, ops):
    u = p.b * x[0]
    return p.a * (ops.sqrt(ops.exp(u)) - ops.exp(u / 2)) + p.b * x[1]


@_case(1)
def root_of_an_exponential_again(p, x, ops):
    u = p.b * x[0]
    return p.a * (ops.sqrt(ops.exp(2 * u)) - ops.exp(u)) + p.b * x[1]


@_case(1)
def root_of_a_cosh(p, x, ops):
    u = p.b * x[0]
    e = ops.exp(u)
    return p.a * (ops.sqrt((e + 1 / e) ** 2) - e - 1 / e) + p.b * x[1]


@_case(1)
def sum_of_roots(p, x, ops):
    r, s = ops.sqrt(x[0]), ops.sqrt(x[1])
    return p.a * (ops.sqrt(x[0] + x[1] + 2 * r * s) - r - s) + p.b * x[1]


@_case(1)
def three_roots(p, x, ops):
    f, g, h = 1 + x[0] ** 2, 1 + x[1] ** 2, 2 + x[0] ** 2 + x[1] ** 2
    return p.a * (ops.sqrt(f * g) * ops.sqrt(g * h) * ops.sqrt(f * h) - f * g * h) + p.b * x[1]


@_case(1)
def common_factor(p, x, ops):
    f = x[0]
    g = x[0] * (1 + x[1] ** 2)
    return p.a * (ops.sqrt(f**2) * (1 + x[1] ** 2) - ops.sqrt(g**2)) + p.b * x[1]


@_case(2, "abc")
def exponential_of_a_logarithm(p, x, ops):
    v = 1 + x[0] ** 2
    return p.a * ops.exp(ops.log(v) + p.b) + p.c * v


@_case(1)
def exponential_of_a_logarithm_and_one(p, x, ops):
    v = 1 + x[0] ** 2
    return p.a * (ops.exp(ops.log(v) + 1) - v * ops.exp(1 + 0 * x[0])) + p.b * x[1]


@_case(1)
def root_of_the_square_of_a_gate(p, x, ops):
    r = ops.relu(p.b * x[0])
    return p.a * (ops.sqrt(r**2) - r) + p.b * x[1]


@_case(1)
def square_of_parameters(p, x, ops):
    return p.a * (ops.sqrt(x[0] * (1 + p.b**2) ** 2) - ops.sqrt(x[0]) * (1 + p.b**2)) + p.b * x[1]


@_case(1)
def both_signs_of_a_root(p, x, ops):
    r = ops.sqrt(x[0] ** 2)
    return p.a * (r - x[0]) * (r + x[0]) + p.b * x[1]


@_case(1)
def softplus_of_a_gate(p, x, ops):
    r = ops.relu(p.b * x[0])
    return p.a * (ops.softplus(r) - ops.softplus(p.b * x[0])) * r + p.b * x[1]


@_case(1)
def gelu_of_a_gate(p, x, ops):
    r = ops.relu(p.b * x[0])
    return p.a * (ops.gelu(r) - ops.gelu(p.b * x[0])) * r + p.b * x[1]


@_case(1)
def cosine_of_a_gate(p, x, ops):
    r = ops.relu(p.b * x[0])
    return p.a * (ops.cos(r) - 1) * (ops.cos(r) - ops.cos(p.b * x[0])) + p.b * x[1]


@_case(1)
def exponential_of_a_maximum(p, x, ops):
    m = ops.maximum(p.b * x[0], p.b * x[1])
    return p.a * (ops.exp(m) - ops.exp(p.b * x[0])) * (ops.exp(m) - ops.exp(p.b * x[1])) + p.b * x[1]


@_case(1)
def the_same_gate_twice(p, x, ops):
    r = ops.relu(p.b * x[0])
    return p.a * (ops.relu(r * r - x[1]) - ops.relu(r**2 - x[1])) + p.b * x[1]


@_case(1)
def gate_of_a_parameter(p, x, ops):
    r = ops.relu(p.b)
    return p.a * (ops.exp(r) - 1) * (ops.exp(r) - ops.exp(p.b)) * x[0] + p.b * x[1]


@_case(2, "abc")
def gate_times_zero(p, x, ops):
    # data-free differences under both patterns
    r = ops.relu(p.c * x[0])
    u = p.b * x[1]
    return p.a * (ops.exp(r * 0 + u) - ops.exp(u)) + p.b * p.c * x[1]


@_case(1)
def root_and_gate(p, x, ops):
    return p.a * (ops.sqrt(x[0] ** 2) - ops.abs(x[0])) + p.b * x[1]


@_case(1)
def two_roots_and_a_gate(p, x, ops):
    return p.a * (ops.sqrt(x[0] ** 2) * ops.sqrt(x[1] ** 2) - ops.abs(x[0] * x[1])) + p.b * x[1]


@_case(1)
def domain_of_a_logarithm(p, x, ops):
    return p.a * (ops.sqrt(x[0] ** 2) - x[0]) * ops.log(x[0]) + p.b * x[1]


@_case(1)
def roots_in_roots(p, x, ops):
    r = ops.sqrt(1 + x[1] ** 2)
    return p.a * (ops.sqrt(x[0] ** 2) * r - ops.sqrt((x[0] * r) ** 2)) + p.b * x[1]


@_case(1)
def roots_in_roots_again(p, x, ops):
    r = ops.sqrt(1 + x[1] ** 2)
    return p.a * (ops.sqrt(x[0] ** 2 * (1 + x[1] ** 2) ** 2) - ops.sqrt((x[0] * r) ** 2) * r) + p.b * x[1]


@_case(1)
def norm_of_a_norm(p, x, ops):
    def normalized(h):
        return h * ops.rsqrt((h * h).mean())

    once = normalized(x)
    return p.a * (normalized(once)[0] - once[0]) + p.b * x[1]


@_case(1)
def domain_of_a_root(p, x, ops):
    return p.a * (ops.sqrt(x[0] - 1 - x[1] ** 2) * (ops.sqrt(x[0] ** 2) - x[0])) + p.b * x[1]


@_case(1)
def definite_form(p, x, ops):
    q = x[0] ** 2 - x[0] * x[1] + x[1] ** 2
    return p.a * (ops.sqrt(q**2) - q) + p.b * x[1]


@_case(1)
def negative_form(p, x, ops):
    q = -1 - x[0] ** 2
    return p.a * (ops.sqrt(q**2) + q) + p.b * x[1]


@_case(1)
def quartic_form(p, x, ops):
    q = x[0] ** 4 - x[0] ** 2 + 1
    return p.a * (ops.sqrt(q**2) - q) + p.b * x[1]


@_case(1)
def root_on_the_circle(p, x, ops):
    u = p.b * x[0]
    return p.a * (ops.sqrt((1 - ops.sin(u)) * (1 + ops.sin(u))) ** 2 - ops.cos(u) ** 2) + p.b * x[1]


@_case(1)
def root_of_a_cosine(p, x, ops):
    u = p.b * x[0]
    return (
        p.a * (ops.sqrt(1 - ops.sin(u) ** 2) - ops.cos(u)) * (ops.sqrt(1 - ops.sin(u) ** 2) + ops.cos(u)) + p.b * x[1]
    )


@_case(1)
def epsilon(p, x, ops):
    e = ops.named_constant("epsilon")
    return p.a * (ops.sqrt((x[0] ** 2 + e) ** 2) - x[0] ** 2 - e) + p.b * x[1]


@_case(1)
def root_of_a_sech(p, x, ops):
    u = p.b * x[0]
    return p.a * (ops.sqrt(1 - ops.tanh(u) ** 2) - 2 / (ops.exp(u) + ops.exp(-u))) + p.b * x[1]


@_case(1)
def roots_of_twelve(p, x, ops):
    return p.a * (ops.sqrt(12 * x[0]) - 2 * ops.sqrt(3 * x[0])) + p.b * x[1]


@_case(1)
def root_of_two(p, x, ops):
    return p.a * (ops.sqrt(2 + 0 * x[0]) ** 2 - 2) + p.b * x[1]


@_case(1)
def roots_of_two_and_three(p, x, ops):
    return p.a * (ops.sqrt(2 + 0 * x[0]) * ops.sqrt(3 + 0 * x[0]) - ops.sqrt(6 + 0 * x[0])) + p.b * x[1]


@_case(1)
def square_of_a_parameter(p, x, ops):
    return p.a * (ops.sqrt(p.b**2) - p.b) * (ops.sqrt(p.b**2) + p.b) * x[0] + p.b * x[1]


@_case(1)
def square_of_a_parameter_and_data(p, x, ops):
    return p.a * (ops.sqrt(p.b**2 * x[0]) - ops.sqrt(p.b**2) * ops.sqrt(x[0])) + p.b * x[1]


@_case(1)
def fourth_root(p, x, ops):
    return p.a * (ops.sqrt(ops.sqrt((1 + x[0] ** 2) ** 4)) - 1 - x[0] ** 2) + p.b * x[1]


@_case(1)
def exponential_of_a_root(p, x, ops):
    return p.a * (ops.exp(ops.sqrt((1 + x[0] ** 2) ** 2)) - ops.exp(1 + x[0] ** 2)) + p.b * x[1]


# c + a exp(b) is a law that is no polynomial. And sqrt(x^2) = x holds only where log(x) or sqrt(x - 1 - y^2) has a
# value, sqrt(x + y + 2 sqrt(x) sqrt(y)) is the root of a square only if x is read as that of sqrt(x): the counts, which
# are made at real points, know that, and no rule for proofs does.
INCOMPLETE = {"exponential_of_a_logarithm", "domain_of_a_root", "domain_of_a_logarithm", "sum_of_roots"}


@pytest.mark.parametrize("name", CASES)
def test_counts(name):
    network, shapes, laws = CASES[name]
    report = discover_laws(architecture(network, shapes, {"x": (2,)}))
    assert report.n_laws == laws
    assert report.complete == (name not in INCOMPLETE)


def test_no_law_rests_on_the_sign_of_one_root():
    """sqrt(q^2) + q is 2 q for a positive q, and `a` no law, but it is zero for one of two roots modulo a prime."""

    def network(p, x, ops):
        q = x[0] ** 4 - x[0] ** 2 + 1
        return p.a * (ops.sqrt(q**2) + q) + p.b * x[1]

    arch = architecture(network, {"a": (), "b": ()}, {"x": (2,)})
    assert discover_laws(arch).n_laws == 0
    assert not any(check_laws(arch, ["a"], seed=seed).all_hold for seed in range(60))


def test_a_root_of_both_signs_is_checked_for_both():
    """Which of x and -x the root of x^2 is depends on the data, so that neither coefficient is conserved."""

    def network(p, x, ops):
        root = ops.sqrt(x[0] ** 2)
        return p.a * (root - x[0]) + p.b * (root + x[0]) + p.c * x[1]

    arch = architecture(network, dict.fromkeys("abc", ()), {"x": (2,)})
    for seed in range(6):
        assert discover_laws(arch, seed=seed).laws == ()
        assert not check_laws(arch, ["a"], seed=seed).all_hold
        assert not check_laws(arch, ["b"], seed=seed).all_hold


def test_outer_products_of_a_vector_with_itself_are_no_squares():
    """relu(u_0 u_1) has a gate, also as an entry of u u^T, so that `c` is not conserved."""

    def outer(p, x, ops):
        u = p.u * x
        product = ops.einsum("i,j->ij", u, u)[0, 1]
        return p.c * (ops.relu(product) - product) + p.u @ x

    def layer(p, x, ops):
        u = p.u * x
        product = ops.einsum("i,j->ij", u, u)
        return p.c * (ops.relu(product)[0, 1] - product[0, 1]) + p.u @ x

    for network in (outer, layer):
        arch = architecture(network, {"u": (2,), "c": ()}, {"x": (2,)})
        assert discover_laws(arch).n_laws == 0
        assert not check_laws(arch, ["c"]).all_hold
