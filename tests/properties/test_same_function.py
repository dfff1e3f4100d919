"""Two networks that are one real function have as many laws, unless a report says that it has a gap."""

from __future__ import annotations

import os

import numpy as np
import pytest

from lielaws import architecture, discover_laws
from lielaws.engine.graph.network import trace
from lielaws.engine.graph.node import ancestors
from lielaws.engine.values.rules import simplified
from lielaws.errors import ExactnessError
from tests.properties.same_functions import FRAMES, IDENTITIES, random_pair
from tests.strategies import flatten, unflatten
from tests.unit.engine.values.free import float_values, free_values

ORDINARY = 300
LONG_RUN = int(os.environ.get("LIELAWS_PAIRS", "5000"))
_STEP, _STEPS = 0.004, 25
# What is no single variable is not replaced by the square of its root.
NOT_SHOWN = {"root of a sum of roots"}


def _outputs(pair):
    traced = [trace(network, pair.parameters, pair.data) for network in (pair.first, pair.second)]
    return [float_values(one.output, count=10, spread=0.7) for one in traced]


def _agree(first, second):
    """Where values are large, roundings of exponentials show."""
    assert np.isfinite(first).any(), "it is defined nowhere"
    shown = np.isfinite(first) & np.isfinite(second) & (abs(first) < 1e6)
    return np.allclose(first[shown], second[shown], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", range(ORDINARY))
def test_both_are_one_function(seed):
    pair = random_pair(seed)
    assert _agree(*_outputs(pair)), pair.text


@pytest.mark.parametrize("name", IDENTITIES)
def test_each_identity_is_true_and_shown_by_rules(name):
    identity = IDENTITIES[name]

    def difference(p, x, ops):
        numbers = {"u": iter([p.a * x + p.b, p.c * x]), "q": iter([1 + (p.a * x) ** 2, 2 + p.c**2 * x**4])}
        arguments = [next(numbers[kind]) for kind in identity.arguments]
        return identity.left(ops, *arguments) - identity.right(ops, *arguments)

    traced = trace(difference, dict.fromkeys("abc", ()), {"x": (2,)})
    assert np.allclose(float_values(traced.output), 0, atol=1e-6)
    assert free_values(simplified(traced).output).any() == (name in NOT_SHOWN)


def _laws_hold(report, arch, seed):
    """Whether the laws of a report are constant along real training of a network, as far as values are finite.

    Where a kink is met or a slope is steep, so is a drift at steps of this size; a drift that is real stays if steps
    are smaller.
    """
    coarse = _drift(report, arch, seed, 1)
    return coarse < 1 or _drift(report, arch, seed, 8) < coarse / 3


def _drift(report, arch, seed, fine):
    """The largest change of a law, relative to what roundings allow."""
    with np.errstate(all="ignore"):
        values = report.evaluate(_training(arch, np.random.default_rng(seed), fine))
    values = values[: np.isfinite(values).all(axis=1).argmin() or len(values)]
    return (abs(values - values[0]) / (1e-6 + 1e-5 * abs(values[0]))).max()


def _training(arch, rng, fine):
    """Points of the gradient flow of a squared loss, at a speed below one: exponentials of exponentials are steep.

    fine : how many steps there are in place of one
    """
    vector = 0.7 * rng.normal(size=sum(int(np.prod(shape)) for shape in arch.parameters.values()))
    x = 0.7 * rng.normal(size=(5, *arch.data["x"]))
    target = rng.normal(size=(5, *arch.output_shape))
    gates = arch.gates(unflatten(arch, vector), x)

    def slope(point):
        params = unflatten(arch, point)
        error = arch.forward(params, x, gates=gates) - target
        gradient = flatten(arch.pullback(params, x, error, gates=gates))
        return -gradient / (1 + np.sqrt(gradient @ gradient))

    points, step = [vector], _STEP / fine
    for _ in range(_STEPS * fine):
        k1 = slope(vector)
        k2 = slope(vector + step / 2 * k1)
        k3 = slope(vector + step / 2 * k2)
        vector = vector + step / 6 * (k1 + 2 * k2 + 2 * k3 + slope(vector + step * k3))
        points.append(vector)
    return [unflatten(arch, point) for point in points]


def _roots_of_zero(network, pair):
    """Whether it has a square root of what is zero everywhere: that has no derivative."""
    traced = trace(network, pair.parameters, pair.data)
    roots = [node for node in ancestors([traced.output]) if node.op == "sqrt"]
    return any(not np.nan_to_num(float_values(node.inputs[0])).any() for node in roots)


def _report(network, pair, seed):
    """None where the network is refused, as one is that has a derivative nowhere, and no other."""
    arch = architecture(network, pair.parameters, pair.data)
    if not _roots_of_zero(network, pair):
        return discover_laws(arch, seed=seed)
    with pytest.raises(ExactnessError, match="has no value"):
        discover_laws(arch, seed=seed)
    return None


def _compare(seed):
    pair = random_pair(seed)
    networks = [architecture(network, pair.parameters, pair.data) for network in (pair.first, pair.second)]
    reports = [_report(network, pair, seed) for network in (pair.first, pair.second)]
    if None in reports:
        found = [pair for pair in zip(reports, networks, strict=True) if pair[0] is not None]
        assert all(not report.laws or _laws_hold(report, arch, seed) for report, arch in found), pair.text
        return
    assert not all(report.complete for report in reports) or reports[0].n_laws == reports[1].n_laws, pair.text
    # What is proved of one writing holds for the other, whether or not it was found there.
    assert max(len(report.laws) for report in reports) <= min(report.n_laws for report in reports), pair.text
    for report in reports:
        # Laws of one writing are laws of the other: it is the same function.
        assert not report.laws or all(_laws_hold(report, arch, seed) for arch in networks), pair.text


# Of long runs: 485 and 2357 had gates of constants, 4823 gates with the names of others that have other shapes; 1379
# and 4454 have a root of zero in one writing; 3179 and 4052 need small steps.
FOUND = (485, 1379, 2357, 3179, 4052, 4454, 4823)


@pytest.mark.parametrize("seed", [*range(ORDINARY), *FOUND])
def test_counts_agree(seed):
    _compare(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ORDINARY, ORDINARY + LONG_RUN))
def test_counts_agree_in_a_long_run(seed):
    _compare(seed)


def test_all_identities_and_frames_occur():
    texts = [random_pair(seed).text for seed in range(ORDINARY)]
    assert all(any(name in text for text in texts) for name in (*IDENTITIES, *FRAMES))
