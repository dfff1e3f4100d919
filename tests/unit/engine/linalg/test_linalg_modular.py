"""Products at the largest entries, where an overflow would show, against Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lielaws.engine.linalg import modular

P = 2**31 - 1
PRODUCTS = {"direct": modular.direct_product, "integer": modular.integer_product, "float": modular.float_product}


def exact(a, b, p):
    return (a.astype(object) @ b.astype(object) % p).astype(np.int64)


@pytest.mark.parametrize("kernel", ["integer", "float"])
@pytest.mark.parametrize("terms", [1, 2, 5, 63, 64, 65, 2047, 2048, 2049, 16384])
def test_largest_entries(kernel, terms):
    a, b = np.full((2, terms), P - 1), np.full((terms, 3), P - 1)
    # (p - 1)^2 = 1 modulo p.
    assert np.array_equal(PRODUCTS[kernel](a, b, P), np.full((2, 3), terms % P))
    assert np.array_equal(PRODUCTS[kernel](b[:, :2].T.copy(), a[:1].T.copy(), P), np.full((2, 1), terms % P))


@pytest.mark.parametrize("terms", [16384, 16385, 32768, 32769, 40000])
@pytest.mark.parametrize("rows", [1, 40])
def test_largest_entries_of_long_sums(terms, rows):
    a, b = np.full((rows, terms), P - 1), np.full((terms, 3), P - 1)
    assert np.array_equal(modular.matmul(a, b, P), np.full((rows, 3), terms % P))


@pytest.mark.parametrize("terms", [1, 2, 3, 4])
def test_largest_entries_direct(terms):
    a, b = np.full((3, terms), P - 1), np.full((terms, 3), P - 1)
    assert np.array_equal(modular.direct_product(a, b, P), np.full((3, 3), terms))


@pytest.mark.parametrize("digits", [(1 << 31) - 3, ((1 << 15) - 1) << 16, (1 << 16) - 1, (1 << 22) - 1, (1 << 30) + 1])
@pytest.mark.parametrize("kernel", ["integer", "float"])
@pytest.mark.parametrize("terms", [64, 2048, 16384])
def test_extreme_digits(kernel, terms, digits):
    a, b = np.full((1, terms), P - 1), np.full((terms, 2), digits)
    assert PRODUCTS[kernel](a, b, P).tolist() == [[-digits * terms % P] * 2]
    assert PRODUCTS[kernel](b.T.copy(), a.T.copy(), P).tolist() == [[-digits * terms % P]] * 2


@pytest.mark.parametrize("terms", range(1, 16385, 37))
def test_float_sums_stay_exact(terms):
    assert terms << (31 + modular.limb_bits(terms)) <= 2**53


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((4, 3), (3, 5)),
        ((7, 4, 3), (3, 5)),
        ((4, 30), (6, 30, 5)),
        ((2, 1, 20, 30), (3, 30, 20)),
        ((3, 2, 40, 40), (1, 2, 40, 40)),
        ((200, 10, 10), (200, 10, 4)),
        ((0, 4, 9), (9, 5)),
        ((5, 0), (0, 3)),
        ((0, 6), (6, 3)),
        ((2, 6), (6, 0)),
        ((130, 140), (140, 150)),
        ((1, 3000), (3000, 4)),
    ],
)
def test_broadcasting(left, right):
    rng = np.random.default_rng([*left, *right])
    a, b = rng.integers(0, P, left), rng.integers(0, P, right)
    result = modular.matmul(a, b, P)
    assert result.dtype == np.int64
    assert result.shape == (a @ b).shape
    if left[-1]:
        assert np.array_equal(result, exact(a, b, P))
    for kernel in ("integer", "float"):
        assert np.array_equal(PRODUCTS[kernel](a, b, P), result)


def test_transposed_views():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, P, (30, 20)).T, rng.integers(0, P, (40, 30)).T
    for product in (modular.matmul, modular.integer_product, modular.float_product):
        assert np.array_equal(product(a, b, P), exact(a, b, P))


@pytest.mark.parametrize(
    ("shape", "work", "kernel"),
    [
        ((100, 4, 100), 40_000, "direct"),
        ((5, 5, 5), 125, "integer"),
        ((5, 5, 5), 1_000_000, "integer"),
        ((16, 16, 16), 4096, "integer"),
        ((16, 16, 16), 40960, "float"),
        ((100, 100, 100), 1_000_000, "float"),
    ],
)
def test_choice_of_kernel(shape, work, kernel):
    assert modular.product_kernel(*shape, work) == kernel


@pytest.mark.parametrize("size", [0, 1, 3, 5000])
def test_reduce_covers_64_bits(size):
    values = np.random.default_rng(4).integers(0, 2**64, size, dtype=np.uint64)
    values[: size // 2] = 2**64 - 1
    assert np.array_equal(modular.reduce(values.view(np.int64), P), (values % np.uint64(P)).view(np.int64))


@pytest.mark.parametrize("shape", [(), (0,), (1,), (15,), (16,), (17,), (3, 0, 2), (7, 5, 11)])
@pytest.mark.parametrize("p", [3, 101, P])
def test_inverse(shape, p):
    a = np.random.default_rng(5).integers(1, p, shape)
    a = np.asarray(a, dtype=np.int64)
    inverse = modular.inverse(a, p)
    assert inverse.shape == a.shape
    assert (inverse * a % p == 1).all()


@pytest.mark.parametrize("size", [1, 100])
def test_zero_has_no_inverse(size):
    a = np.ones(size, dtype=np.int64)
    a[-1] = 0
    with pytest.raises(ZeroDivisionError):
        modular.inverse(a, P)


@settings(deadline=None)
@given(st.lists(st.integers(1, P - 1), max_size=40), st.integers(0, 2**40))
def test_power(values, exponent):
    a = np.array(values, dtype=np.int64)
    assert modular.power(a, exponent, P).tolist() == [pow(value, exponent, P) for value in values]
