"""Float64 balls contain what they enclose, as 300 bits show, and no singular matrix is taken for invertible."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest

from lielaws.checker.numbers import balls
from lielaws.checker.numbers.balls import (
    Ball,
    Balls,
    PreciseBalls,
    is_nonsingular,
    is_nonsingular_precisely,
)
from lielaws.checker.upper.upper import _is_proved

PRECISE = PreciseBalls(300)
SIZES = (1.0, 1e-3, 1e6, 1e-150, 1e150, 1e-300)
INDEX = np.array([0, 2, 2, 1, 0])

OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda ring, a, b: ring.add(a, b),
    "multiply": lambda ring, a, b: ring.multiply(a, b),
    "square": lambda ring, a, b: ring.multiply(a, a),
    "scale": lambda ring, a, b: ring.scale(Fraction(-22, 7), a),
    "contract": lambda ring, a, b: ring.einsum("...ij,...kj->...ik", a, b, 4),
    "outer": lambda ring, a, b: ring.einsum("...ij,...kl->...jlik", a, b, 1),
    "sum": lambda ring, a, b: ring.scatter(a, np.arange(12).reshape(3, 4) % 4, (4,)),
    "scatter": lambda ring, a, b: ring.scatter(ring.move(lambda x: x.reshape(len(x), -1)[:, :5], a), INDEX, (2, 2)),
    "inverse": lambda ring, a, b: ring.inverse(a),
    "long": lambda ring, a, b: ring.add(ring.multiply(ring.add(a, b), ring.scale(Fraction(1, 3), b)), ring.inverse(b)),
    **{
        kind: (
            lambda ring, a, b, kind=kind: ring.function(kind, ring.multiply(a, a) if kind in ("log", "sqrt") else a, 0)
        )
        for kind in ("exp", "log", "sqrt", "gauss", "cos", "sin")
    },
}


def _drawn(rng: np.random.Generator, size: float, width: float) -> tuple[Ball, Any]:
    """A ball, and one of the numbers in it, exactly."""
    mid = rng.normal(size=(2, 3, 4)) * size
    rad = abs(mid) * width * rng.random((2, 3, 4))
    inside = [
        Fraction(m) + Fraction(r) * Fraction(float(t))
        for m, r, t in zip(mid.ravel(), rad.ravel(), rng.choice([-1, -0.5, 0, 0.5, 1], 24), strict=True)
    ]
    return Ball(mid, rad), PRECISE.exact(inside, mid.shape)


def _misses(ball: Ball, value: Any) -> int:
    """How many precise numbers are not in their float64 balls."""
    wide = [flint.arb(m, r) for m, r in zip(ball.mid.ravel().tolist(), ball.rad.ravel().tolist(), strict=True)]
    return sum(not outer.contains(inner) for outer, inner in zip(wide, value.ravel(), strict=True))


def _compared(operation: str, size: float, width: float, seed: int) -> tuple[Any, Any]:
    """In float64 balls, None where it is not defined, and precisely."""
    rng = np.random.default_rng(seed)
    with Balls().entered(), PRECISE.entered():
        (a, exact_a), (b, exact_b) = _drawn(rng, size, width), _drawn(rng, size, width)
        ring = Balls()
        ball = OPERATIONS[operation](ring, a, b)
        return ball if ring.clear.all() else None, OPERATIONS[operation](PRECISE, exact_a, exact_b)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("width", [0.0, 1e-16, 1e-9, 0.3])
def test_balls_are_enclosures(operation: str, width: float) -> None:
    for seed, size in enumerate(SIZES):
        ball, value = _compared(operation, size, width, seed)
        if ball is None:
            assert operation in ("exp", "log", "cos", "sin", "sqrt")
            continue
        finite = np.isfinite(ball.mid) & np.isfinite(ball.rad)
        assert _misses(Ball(ball.mid[finite], ball.rad[finite]), value[finite]) == 0
        assert size not in (1.0, 1e-3) or finite.all()


@pytest.mark.parametrize("operation", ["add", "multiply", "contract", "sum", "inverse", "exp", "gauss"])
def test_radii_are_not_wasteful_and_narrower_ones_are_noticed(operation: str) -> None:
    """Without rounding in the radii, values are missed: the test above would see a radius that is too narrow."""
    ball, value = _compared(operation, 1.0, 0.0, 5)
    assert (ball.rad <= 1e-13 * (abs(ball.mid) + 1)).all()
    assert _misses(Ball(ball.mid, ball.rad * 1e-3), value) > 0


def test_named_constants() -> None:
    with PRECISE.entered():
        for name in balls.TRUE_CONSTANTS:
            assert _misses(Balls().named(name, (2,)), PRECISE.named(name, (2,))) == 0


def test_rational_numbers() -> None:
    values = [Fraction(1, 3), Fraction(-(10**25)), Fraction(7, 8), Fraction(1, 10**320), Fraction(10**400)]
    ball = Balls().exact(values, (5,))
    with PRECISE.entered():
        assert _misses(Ball(ball.mid[:4], ball.rad[:4]), PRECISE.exact(values[:4], (4,))) == 0
    assert ball.rad[2] == 0
    assert not np.isfinite(ball.mid[4])


def _both(matrix: Any, rad: float = 0.0) -> tuple[bool, bool]:
    with PRECISE.entered(), Balls().entered():
        objects = np.empty(matrix.shape, dtype=object)
        objects[...] = [[flint.arb(float(x), rad) for x in row] for row in matrix]
        return is_nonsingular(Ball(matrix, np.full(matrix.shape, rad))), is_nonsingular_precisely(objects)


def test_invertible_matrices() -> None:
    rng = np.random.default_rng(1)
    for n in (1, 2, 10, 80):
        matrix = rng.normal(size=(n, n))
        assert _both(matrix, 1e-14) == (True, True)
        scaled = matrix * 2.0 ** rng.integers(-500, 500, (n, 1)) * 2.0 ** rng.integers(-500, 500, n)
        assert _both(scaled)[0]


def test_singular_matrices_are_never_invertible() -> None:
    rng = np.random.default_rng(2)
    for n in (1, 2, 3, 10, 40):
        matrix = rng.integers(-9, 10, (n, n)).astype(float)
        matrix[0] = matrix[1:].sum(axis=0)
        assert _both(matrix) == (False, False)
        assert _both(rng.normal(size=(n, n)), 10.0) == (False, False)
    close = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-50]])
    assert _both(close)[1]
    assert _both(close, 2.0**-50) == (False, False)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_never_invertible(value: float) -> None:
    for place in ("mid", "rad"):
        ball = Ball(np.eye(3), np.zeros((3, 3)))
        getattr(ball, place)[1, 1] = value
        with Balls().entered():
            assert not is_nonsingular(ball)
    assert is_nonsingular(Ball(np.zeros((0, 0)), np.zeros((0, 0))))


def test_the_precision_is_put_back() -> None:
    before = flint.ctx.prec
    Balls().function("log", Ball(np.ones(1), np.zeros(1)), 0)
    with PRECISE.entered():
        PRECISE.function("log", PRECISE.integers(np.ones(1, dtype=int)), 0)
    assert flint.ctx.prec == before


@pytest.mark.parametrize("ring", [Balls, lambda: PreciseBalls(100)])
@pytest.mark.parametrize("operation", ["inverse", "log", "sqrt"])
@pytest.mark.parametrize(("value", "defined"), [(0, False), (-1, None), (1, True)])
def test_what_is_not_defined_is_noticed(ring: Any, operation: str, value: int, defined: bool | None) -> None:
    """Only divisors may be negative; what nothing needs later counts as well."""
    for one in (np.array([[2, value]]), np.array([[value], [2]])):
        used = ring()
        with used.entered(), np.errstate(all="ignore"):
            a = used.integers(one)
            found = used.inverse(a) if operation == "inverse" else used.function(operation, a, 0)
            assert used._finite(found).all()
        assert used.clear.all() == (operation == "inverse" if defined is None else defined)


def test_samples_that_are_not_defined_are_known_one_by_one() -> None:
    ring = Balls(3)
    wide = Ball(np.array([[1.0, 2.0], [1.0, 0.5], [-1.0, 3.0]]), np.array([[0.1, 0.1], [0.1, 0.5], [0.1, 0.1]]))
    ring.inverse(wide)
    assert ring.clear.tolist() == [True, False, True]
    ring.function("log", wide, 0)
    assert ring.clear.tolist() == [True, False, False]
    ring.inverse(Ball(np.array([[np.inf]]), np.zeros((1, 1))))
    assert not ring.clear.any()


def test_rows_without_values_are_not_kept_for_the_next_precision() -> None:
    """Ones stand in place of what is not defined, so that the rows look as if they were proved."""

    class Undefined:
        def rows(self, ring: Any, which: Any) -> Any:
            yield list(which), ring.function("log", ring.integers(np.eye(2)), 0)

    for ring in (Balls(), PreciseBalls(100)):
        block = Ball(np.full((2, 2), np.nan), np.zeros((2, 2)))
        assert not _is_proved(block, ring, [0, 1], Undefined(), [0, 1])  # type: ignore[arg-type]
        assert np.isnan(block.mid).all()
