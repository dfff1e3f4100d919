"""Formulas that are known are found again, exactly, or it is said that the data do not determine them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lielaws.errors import LieLawsError
from lielaws.formulas.conjecture_record import Conjecture
from lielaws.formulas.conjecturing import conjecture
from tests.unit.formulas.helpers import TWO_LAYERS, grid, rows, two_layers

NAMES = ("n", "r", "m")


def wrong_values(found: Conjecture, truth: Callable[..., int], largest: int = 12) -> list[dict[str, int]]:
    """Larger cases where the formula has another value than the truth; where it is open, it has none."""
    rng = np.random.default_rng(0)
    wrong = []
    for _ in range(60):
        sizes = {name: int(rng.integers(1, largest)) for name in found.variables}
        try:
            value = found.evaluate(sizes)
        except LieLawsError:
            continue
        if value != truth(**sizes):
            wrong.append(sizes)
    return wrong


@st.composite
def polynomials(draw: st.DrawFn, names: tuple[str, ...]) -> Callable[..., int]:
    """Integer-valued polynomials of degree at most two."""
    exponents = [e for e in product(range(3), repeat=len(names)) if 0 < sum(e) <= 2]
    chosen = draw(st.lists(st.sampled_from(exponents), min_size=1, max_size=3, unique=True))
    numbers = draw(st.lists(st.integers(1, 3), min_size=len(chosen), max_size=len(chosen)))
    constant, triangular = draw(st.integers(0, 3)), draw(st.sampled_from([None, *names]))

    def value(**sizes: int) -> int:
        total = constant
        for powers, number in zip(chosen, numbers, strict=True):
            factor = number
            for name, power in zip(names, powers, strict=True):
                factor *= sizes[name] ** power
            total += factor
        return total + (0 if triangular is None else sizes[triangular] * (sizes[triangular] + 1) // 2)

    return value


@given(st.data())
def test_polynomials_are_recovered(data: st.DataObject) -> None:
    names = NAMES[: data.draw(st.integers(1, 3))]
    truth = data.draw(polynomials(names))
    largest = {1: 10, 2: 6, 3: 5}[len(names)]
    found = conjecture(rows(grid(**dict.fromkeys(names, range(1, largest))), truth))
    assert found.complete
    assert found.determined
    assert found.held_back.passed or not found.held_back.cases
    assert wrong_values(found, truth) == []


@settings(max_examples=10)
@given(st.data())
def test_pieces_are_recovered_or_said_to_be_open(data: st.DataObject) -> None:
    names = NAMES[: data.draw(st.integers(2, 3))]
    first, second = data.draw(polynomials(names)), data.draw(polynomials(names))
    weights = data.draw(st.lists(st.integers(-2, 2), min_size=len(names), max_size=len(names)).filter(any))
    bound = data.draw(st.integers(-1, 4))

    def truth(**sizes: int) -> int:
        inside = sum(w * sizes[name] for w, name in zip(weights, names, strict=True)) <= bound
        return first(**sizes) if inside else second(**sizes)

    largest = {2: 8, 3: 6}[len(names)]
    found = conjecture(rows(grid(**dict.fromkeys(names, range(1, largest))), truth), make=lambda sizes: truth(**sizes))
    assert wrong_values(found, truth) == [] or not found.determined


def test_both_regimes_of_two_layers() -> None:
    found = conjecture(TWO_LAYERS)
    n, r, m = (sp.Symbol(name, integer=True, positive=True) for name in NAMES)
    total = n + m
    assert [sp.expand(piece.expr) for piece in found.pieces] == [
        sp.expand(r * (r + 1) / 2),
        sp.expand(total * r - total * (total - 1) / 2),
    ]
    assert found.pieces[0].condition == sp.Le(r, n + m)
    assert found.pieces[1].condition == sp.true
    assert wrong_values(found, two_layers) == []
    assert "r*(r + 1)/2" in str(found)
    assert "N*r - N*(N - 1)/2 with N = n + m" in str(found)
    assert found.formula.subs({n: 2, r: 9, m: 1}) == two_layers(2, 9, 1)


def test_conditions_that_agree_at_the_border_are_all_reported() -> None:
    found = conjecture(TWO_LAYERS)
    same = [entry.text for entry in found.ambiguities if entry.same]
    assert any(text.startswith("r <= n + m - 1 in the place of r <= n + m:") for text in same)
    other = [entry for entry in found.ambiguities if not entry.same]
    assert any(entry.text.startswith("r <= n + 1 ") for entry in other)
    assert not found.determined
    # Each proposed case decides: the other condition has another value there.
    for entry in other:
        assert entry.decided_by in [proposal.sizes for proposal in found.proposals] or len(found.proposals) == 6


def test_the_proposed_cases_decide() -> None:
    found = conjecture(TWO_LAYERS, make=lambda sizes: two_layers(**sizes))
    assert found.determined
    assert found.fresh
    assert all(check.agrees for check in found.fresh)
    assert any(max(check.sizes.values()) > 8 for check in found.fresh)
    assert not [entry for entry in found.ambiguities if entry.simple and not entry.same]


def test_a_formula_that_fresh_cases_refute_is_refined() -> None:
    data = rows(grid(n=(2, 3), r=range(1, 5), m=(2, 3)), two_layers)
    alone = conjecture(data)
    r = sp.Symbol("r", integer=True, positive=True)
    assert sp.expand(alone.formula - r * (r + 1) / 2) == 0
    found = conjecture(data, make=lambda sizes: two_layers(**sizes))
    assert found.refuted
    assert all(check.agrees for check in found.fresh)
    assert len(found.pieces) == 2
    assert wrong_values(found, two_layers) == []


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("sum of hidden widths", lambda w: sum(w[1:-1])),
        ("balanced", lambda w: sum(b * (b + 1) // 2 for b in w[1:-1])),
        ("parameters", lambda w: sum(a * b for a, b in pairwise(w))),
        ("with ends", lambda w: sum(w[1:-1]) + w[0] * w[-1]),
        ("all layers", lambda w: sum(b * b for b in w)),
        ("depth", lambda w: 3 * len(w) - 1),
        ("clipped", lambda w: sum(min(w[i], w[i - 1] + w[i + 1]) for i in range(1, len(w) - 1))),
        ("regime", lambda w: sum(w[1:-1]) + (min(w) < 2)),
        ("ends", lambda w: sum(w[1:-1]) * (1 + (w[0] + w[-1] <= 3))),
    ],
)
def test_sums_over_layers_of_any_depth(name: str, truth: Callable[[list[int]], int]) -> None:
    rng = np.random.default_rng(1)
    chains = {tuple(int(w) for w in rng.integers(1, 6, size=int(rng.integers(3, 6)))) for _ in range(110)}
    found = conjecture(rows([list(chain) for chain in sorted(chains)], truth))
    assert found.complete, name
    for _ in range(50):
        widths = [int(w) for w in rng.integers(1, 9, size=int(rng.integers(3, 8)))]
        assert found.evaluate(widths) == truth(widths), (name, widths)


def test_corrections_at_two_borders_at_once() -> None:
    def truth(h: int, d: int, a: int, b: int) -> int:
        return h * (two_layers(d, a, d) + two_layers(d, b, d))

    found = conjecture(rows(grid(h=range(1, 4), d=range(1, 4), a=range(1, 8), b=range(1, 7)), truth), fresh=0)
    assert len(found.pieces) == 4
    assert wrong_values(found, truth, 20) == []


def test_coefficients_are_exact_beyond_words() -> None:
    sizes = [{"n": k * 10**8} for k in range(1, 10)]
    found = conjecture(rows(sizes, lambda n: n * (n + 1) * (n + 2) // 6))
    assert found.evaluate({"n": 10**9 + 7}) == sp.binomial(10**9 + 9, 3)
    assert isinstance(found.model.pieces[0].polynomial.coefficients[0], Fraction)


def test_a_size_with_few_values_has_not_been_tested() -> None:
    """Through two values there is always a line."""
    data = rows(grid(heads=(1, 2), r=range(1, 9)), lambda heads, r: heads**3 * r)
    alone = conjecture(data)
    assert not alone.determined
    assert any(entry.kind == "few values" and "heads has too few values" in entry.text for entry in alone.ambiguities)
    assert any(proposal.sizes["heads"] > 2 for proposal in alone.proposals)
    assert alone.evaluate({"heads": 2, "r": 20}) == 160
    with pytest.raises(LieLawsError, match="the data have heads = 1, 2 only"):
        alone.evaluate({"heads": 3, "r": 2})
    found = conjecture(data, make=lambda sizes: sizes["heads"] ** 3 * sizes["r"])
    assert found.refuted
    assert found.evaluate({"heads": 9, "r": 2}) == 9**3 * 2


@pytest.mark.parametrize("seed", range(4))
def test_an_accident_is_no_piece(seed: int) -> None:
    """Among thousands of formulas there is always one for a handful of cases, here for nine of noise."""
    rng = np.random.default_rng(seed)

    def truth(n: int, r: int, m: int) -> int:
        return r * (r + 1) // 2 if r < 6 or m > 1 else int(rng.integers(20, 30))

    sizes = grid(n=range(1, 4), r=range(1, 9), m=range(1, 4))
    found = conjecture(rows(sizes, truth), fresh=0)
    assert {expression for _, expression, _ in found.piece_texts} == {"r*(r + 1)/2"}
    assert not found.complete
    assert len(found.deviating) == 9
    for n in range(1, 6):
        with pytest.raises(LieLawsError, match="open here"):
            found.evaluate({"n": n, "r": 7, "m": 1})


def test_noise_has_no_formula() -> None:
    noise = np.random.default_rng(0).integers(0, 30, size=len(TWO_LAYERS))
    found = conjecture([row | {"n_laws": int(count)} for row, count in zip(TWO_LAYERS, noise, strict=True)])
    assert found.formula is None
    assert not found.complete
    assert "no formula was found" in str(found)
    with pytest.raises(LieLawsError, match="open here"):
        found.evaluate({"n": 1, "r": 1, "m": 1})


def test_a_partial_formula_names_its_regime_and_what_deviates() -> None:
    rng = np.random.default_rng(3)

    def truth(n: int, r: int) -> int:
        return n * r if r <= 4 else int(rng.integers(100, 200))

    found = conjecture(rows(grid(n=range(1, 7), r=range(1, 7)), truth))
    assert not found.complete
    assert found.regime == "r <= 4"
    assert len(found.deviating) == 12
    assert found.evaluate({"n": 9, "r": 3}) == 27
    with pytest.raises(LieLawsError, match="open here"):
        found.evaluate({"n": 2, "r": 5})
