"""The parts of the search: exact solutions, votes, conditions, regimes, templates, and how formulas are written."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from lielaws.errors import InvalidArgumentError
from lielaws.formulas.case_counts import Data
from lielaws.formulas.cases import LAYERS, Cases, Derived, Form, plain
from lielaws.formulas.cells import in_pieces
from lielaws.formulas.conditions import Condition, Statistic, all_hold, nearest_bound, pool
from lielaws.formulas.conjecturing import conjecture
from lielaws.formulas.consensus import MODULUS, Ballot, diverse, eliminate
from lielaws.formulas.formula_terms import Polynomial, Term
from lielaws.formulas.formula_text import condition_text
from lielaws.formulas.rational_systems import solve
from lielaws.formulas.regimes import Model, Piece, in_order
from lielaws.formulas.separate import open_bits, regimes
from lielaws.formulas.sizes import Shape, find_shape
from lielaws.formulas.template import learn
from lielaws.formulas.universe import extremes, neighbours, universe
from lielaws.formulas.written_formulas import nice
from tests.unit.formulas.helpers import TWO_LAYERS, grid, two_layers


def columns(**values: list[int]) -> Cases:
    return Cases(tuple(values), {name: np.array(column, dtype=np.int64) for name, column in values.items()})


@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 2**32))
def test_solutions_are_exact(unknowns: int, more: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = [Fraction(int(rng.integers(-9, 10)), int(rng.integers(1, 7))) for _ in range(unknowns)]
    matrix = (rng.integers(-5, 6, size=(unknowns + more, unknowns)) * 420).astype(object)
    values = np.array([int(sum(a * x for a, x in zip(row, truth, strict=True))) for row in matrix], dtype=object)
    found = solve(matrix, values)
    assert found is not None
    again = [sum(row[i] * x for i, x in zip(found.kept, found.values, strict=True)) for row in matrix]
    assert again == list(values)
    if len(found.kept) == unknowns:
        assert list(found.values) == truth


def test_contradictions_have_no_solution() -> None:
    assert solve(np.array([[1], [1]], dtype=object), np.array([1, 2], dtype=object)) is None


def test_dependent_unknowns_are_dropped_from_the_right() -> None:
    found = solve(np.array([[1, 2, 1], [2, 4, 1]], dtype=object), np.array([3, 5], dtype=object))
    assert found is not None
    assert found.kept == (0, 2)
    assert found.values == (2, 1)


def test_eliminate_solves_many_systems_at_once() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.integers(MODULUS, size=(5, 4, 3))
    truth = rng.integers(MODULUS, size=(5, 3))
    values = (matrix * truth[:, None, :] % MODULUS).sum(axis=2) % MODULUS
    values[4, 3] = (values[4, 3] + 1) % MODULUS
    solutions, consistent = eliminate(np.concatenate([matrix, values[..., None]], axis=2))
    assert consistent.tolist() == [True] * 4 + [False]
    assert (solutions[:4] == truth[:4]).all()


def test_the_majority_is_found_among_cases_of_two_kinds() -> None:
    x = np.arange(30, dtype=np.int64)
    values = np.where(x < 20, 3 * x + 1, x * x)
    matrix = np.stack([np.ones(30, dtype=np.int64), x], axis=1)
    regions = np.array([x < 15, x >= 15, x >= 0])
    votes = Ballot(matrix, values % MODULUS, regions).masks(np.random.default_rng(0))
    assert votes[0].sum() >= 20
    assert votes[0][:20].all()


def test_no_region_is_large_enough() -> None:
    x = np.arange(3, dtype=np.int64)
    assert Ballot(x[:, None], x, np.ones((1, 3), dtype=bool)).masks(np.random.default_rng(0)) == []


@pytest.mark.parametrize(
    ("coefficients", "bound", "text"),
    [
        ((("r", 1), ("n", -1), ("m", -1)), 0, "r <= n + m"),
        ((("r", 1), ("n", -1), ("m", -1)), -1, "r <= n + m - 1"),
        ((("r", 1), ("n", -2)), 3, "r <= 2*n + 3"),
        ((("n", -1), ("m", -1)), -3, "n + m >= 3"),
        ((("n", 1),), 4, "n <= 4"),
    ],
)
def test_conditions_are_written_without_negative_coefficients(
    coefficients: tuple[tuple[str, int], ...], bound: int, text: str
) -> None:
    assert condition_text(Condition(Statistic(Form(coefficients)), bound), Shape(("n", "r", "m"))) == text


@pytest.mark.parametrize(("least", "most", "bound"), [(-3, 5, 0), (2, 5, 2), (-7, -4, -4)])
def test_the_nearest_bound_is_chosen(least: int, most: int, bound: int) -> None:
    assert nearest_bound(least, most) == bound


def test_every_separator_separates() -> None:
    cases = columns(n=[1, 1, 2, 2, 3, 3], r=[1, 5, 2, 6, 3, 7])
    inside = np.array([True, False] * 3)
    known = pool(cases, ("n", "r"))
    found = known.separators(inside, ~inside)
    assert found
    for condition, least, most in found:
        for bound in (least, most):
            holds = Condition(condition.statistic, bound).holds(cases)
            assert (holds == inside).all()


def test_conditions_on_chains_with_symmetric_counts_are_symmetric() -> None:
    chains = tuple(product((1, 2, 3), repeat=4))
    names = ("w0", "w1", "w2", "w3")
    table = {name: np.array([chain[i] for chain in chains], dtype=np.int64) for i, name in enumerate(names)}
    cases = Cases(names, table, chains, widths=names)
    sums, ends = (np.array(list(map(count, chains)), dtype=object) for count in (sum, lambda chain: chain[0]))
    assert Data(cases, sums, np.random.default_rng(0)).symmetric
    assert not Data(cases, ends, np.random.default_rng(0)).symmetric
    texts = {condition_text(Condition(s, 0), Shape(names)) for s in pool(cases, names, symmetric=True).statistics}
    assert "w[l] <= w[l-1] + w[l+1] for every hidden layer l" in texts
    assert not {"w[l] <= w[l-1] for every hidden layer l", "w0 <= w1", "w0 <= w3"} & texts


def test_the_second_least_width() -> None:
    second = Derived("second", (LAYERS,))
    cases = Cases((), {}, ((1, 5, 1), (4, 1, 3), (2, 2)), varying=True)
    assert cases.column(second).tolist() == [1, 3, 2]
    assert condition_text(Condition(Statistic(Form(((second, -1),))), -2), Shape(())) == "at most one width <= 1"


def test_regimes_keep_every_deviating_case_out() -> None:
    table = grid(n=range(1, 7), r=range(1, 7))
    cases = columns(n=[row["n"] for row in table], r=[row["r"] for row in table])
    fitting = (cases.column("n") >= 2) & (cases.column("r") <= cases.column("n") + 1)
    for regime in regimes(pool(cases, ("n", "r")), fitting, ~fitting, 6):
        holds = np.logical_and.reduce([condition.holds(cases) for condition in regime.conditions])
        assert not (holds & ~fitting).any()
        assert regime.lost == (fitting & ~holds).sum()
    best = regimes(pool(cases, ("n", "r")), fitting, ~fitting, 6)[0]
    assert best.lost == 0


def test_regimes_have_no_superfluous_conditions() -> None:
    table = grid(n=range(1, 6), r=range(1, 6))
    cases = columns(n=[row["n"] for row in table], r=[row["r"] for row in table])
    known = pool(cases, ("n", "r"))
    fitting = (cases.column("n") >= 3) & (cases.column("r") >= 2)
    for regime in regimes(known, fitting, ~fitting, 6):
        for left_out in regime.conditions:
            rest = [condition for condition in regime.conditions if condition != left_out]
            assert (all_hold(tuple(rest), cases) & ~fitting).any()


def test_votes_are_diverse() -> None:
    masks = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1]], dtype=bool)
    assert [mask.tolist() for mask in diverse(masks)[:2]] == [masks[0].tolist(), masks[2].tolist()]


R = plain("r")
BEYOND = Form((("r", 1), ("n", -1), ("m", -1)), clipped=True)


def test_positive_parts_become_pieces() -> None:
    half = Fraction(1, 2)
    terms = (Term(((R, 1),)), Term(((R, 2),)), Term(((BEYOND, 1),)), Term(((BEYOND, 2),)))
    model = Model((Piece((), Polynomial(terms, (half, half, -half, -half))),))
    table = grid(n=range(1, 4), r=range(1, 9), m=range(1, 4))
    cases = columns(**{name: [row[name] for row in table] for name in ("n", "r", "m")})
    pieces = in_pieces(model, cases)
    assert len(pieces.pieces) == 2
    assert pieces.complete
    assert pieces.values(cases) == model.values(cases) == [two_layers(**row) for row in table]


def test_pieces_that_decide_nothing_are_dropped() -> None:
    cases = columns(n=[1, 2, 3])
    one, two = (Polynomial((Term(),), (Fraction(k),)) for k in (1, 2))
    always = (Condition(Statistic(plain("n")), 9),)
    assert in_order([Piece(always, one), Piece((), two)], cases) == Model((Piece((), one),))


def test_extreme_and_neighbouring_cases() -> None:
    table = grid(n=range(1, 4), r=range(1, 5))
    cases = columns(n=[row["n"] for row in table], r=[row["r"] for row in table])
    shape, rng = Shape(("n", "r")), np.random.default_rng(0)
    far = extremes(shape, cases, rng)
    assert (far.column("n") > 6).any()
    assert (far.column("r") > 8).any()
    assert ((far.column("n") > 6) & (far.column("r") <= 2)).any()
    near = neighbours(shape, cases, np.array([0]), rng)
    assert ((near.column("n") == 1) | (near.column("r") == 1)).all()
    assert (near.column("n") > 0).all()


def test_the_universe_of_long_ranges_is_small() -> None:
    cases = columns(n=[1, 10**9, 7 * 10**8])
    assert len(universe(Shape(("n",)), cases, np.random.default_rng(0))) < 100


def test_leaving_out_costs_more_for_deviating_cases_than_for_others() -> None:
    assert open_bits(5, 5) == 0
    assert open_bits(10, 5) > open_bits(6, 5) > 0


n, r, m, h, a, b = sp.symbols("n r m h a b", integer=True, positive=True)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (r**2 / 2 + r / 2, "r*(r + 1)/2"),
        (h * (a * (a + 1) + b * (b + 1)) / 2, "h*(a*(a + 1)/2 + b*(b + 1)/2)"),
        ((n + m) * r - (n + m) * (n + m - 1) / 2, "r*(m + n) - (m + n)*(m + n - 1)/2"),
        (2 * a * b - b**2, "b*(2*a - b)"),
        (a * b - a**2, "a*(-a + b)"),
        (4 * r - 6, "4*r - 6"),
        (sp.Integer(0), "0"),
        (n + m + r, "m + n + r"),
    ],
)
def test_polynomials_are_written_the_short_way(expression: sp.Expr, text: str) -> None:
    assert str(nice(sp.expand(expression))) == text
    assert sp.expand(nice(expression) - expression) == 0


@given(st.lists(st.integers(-3, 3), min_size=6, max_size=6))
def test_writing_keeps_the_value(numbers: list[int]) -> None:
    monomials = [sp.Integer(1), n, m, n * m, n**2, m**2]
    polynomial = sum(c * x for c, x in zip(numbers, monomials, strict=True)) / 2
    assert sp.expand(nice(polynomial) - polynomial) == 0


SHAPE = Shape(("d", "heads"))


@pytest.mark.parametrize(
    ("specs", "filled"),
    [
        (["attention:3-2+heads=2", "attention:4-2+heads=1"], "attention:7-2+heads=5"),
        (
            [{"d_model": 3, "heads": 2, "deep": {"x": [1, 0.5]}}, {"d_model": 4, "heads": 1, "deep": {"x": [1, 0.5]}}],
            None,
        ),
    ],
)
def test_specs_are_learnt(specs: list[object], filled: str | None) -> None:
    sizes = [{"d": 3, "heads": 2}, {"d": 4, "heads": 1}]
    template = learn(specs, sizes, None, SHAPE)
    assert template is not None
    made = template.fill({"d": 7, "heads": 5}, None)
    assert made == (filled or {"d_model": 7, "heads": 5, "deep": {"x": [1, 0.5]}})


@pytest.mark.parametrize(
    "specs",
    [
        ["attention:3-2", "attention:4-2"],  # heads do not occur
        ["attention:3-2+heads=2", "glu:4-1"],
        ["attention:3-2+heads=2", "attention:9-2+heads=1"],
        [{"d": 3, "heads": 2}, "attention:4-2+heads=1"],
        [3, 4],
        [{"d": 3, "heads": {1, 2}}, {"d": 4, "heads": {1}}],
    ],
)
def test_specs_that_are_no_function_of_the_sizes(specs: list[object]) -> None:
    assert learn(specs, [{"d": 3, "heads": 2}, {"d": 4, "heads": 1}], None, SHAPE) is None


@pytest.mark.parametrize(
    "specs",
    [
        ["relu+bias:2-3-4", "relu+bias:2-3-3-5"],
        [{"family": "relu", "widths": [2, 3, 4]}, {"family": "relu", "widths": [2, 3, 3, 5]}],
    ],
)
def test_chains_of_any_length_are_learnt(specs: list[object]) -> None:
    chains = [(2, 3, 4), (2, 3, 3, 5)]
    shape = find_shape([{"widths": chain} for chain in chains])
    template = learn(specs, [{}, {}], chains, shape)
    assert template is not None
    made = template.fill({}, (7, 8, 9, 1, 2))
    assert made in ("relu+bias:7-8-9-1-2", {"family": "relu", "widths": [7, 8, 9, 1, 2]})


def test_the_result_as_plain_values_and_in_latex() -> None:
    found = conjecture(TWO_LAYERS, make=lambda sizes: two_layers(**sizes))
    again = json.loads(json.dumps(found.to_dict()))
    assert again["pieces"][0] == {
        "condition": "r <= n + m",
        "expression": "r*(r + 1)/2",
        "rows": again["pieces"][0]["rows"],
    }
    assert again["determined"] is True
    assert again["held_back"]["cases"] == again["held_back"]["agree"] > 0
    assert again["fresh"]
    assert r"\frac{r \left(r + 1\right)}{2} & \text{for}\: r \leq m + n" in found.latex()
    assert found.latex() in found._repr_latex_()
    with pytest.raises(AttributeError):
        found.family = "other"  # type: ignore[misc]


def test_a_formula_that_is_no_count_is_not_returned_as_one() -> None:
    found = conjecture([{"sizes": {"n": k}, "n_laws": 3 * k - 6} for k in range(2, 12)])
    assert found.evaluate({"n": 20}) == 54
    with pytest.raises(InvalidArgumentError, match="no count"):
        found.evaluate({"n": 1})


def test_the_same_seed_gives_the_same_answer() -> None:
    first, second = (conjecture(TWO_LAYERS, make=lambda s: two_layers(**s), seed=3).to_dict() for _ in range(2))
    assert first == second
