"""Published counts and laws beyond gradient flow: momentum, weight decay, metrics."""

from __future__ import annotations

import pytest

import lielaws
from lielaws import HeavyBall, MetricFlow, MirrorFlow, Nesterov, WeightDecay, check_laws, discover_laws

SKEW = "W1 @ dW1.T - dW1 @ W1.T + W2.T @ dW2 - dW2.T @ W2"


def _counted(arch, flow, laws, **options):
    report = discover_laws(arch, flow=flow, **options)
    assert (report.n_laws, len(report.laws), report.complete) == (laws, laws, True)
    assert lielaws.verify(report.certificate).valid
    return report


# arXiv 2405.12888: r(r-1)/2 laws of two-layer linear networks under the heavy ball, here for n, m not both 1.
@pytest.mark.parametrize(
    ("widths", "laws"),
    [("2-2-2", 1), ("3-2-3", 1), ("2-3-2", 3), ("3-3-3", 3), ("1-3-2", 3), ("2-4-1", 6), ("2-1-3", 0), ("2-8-2", 28)],
)
@pytest.mark.parametrize("friction", [0, "1/2", 3])
def test_two_layer_linear_networks_under_the_heavy_ball(widths, laws, friction):
    report = _counted(f"linear:{widths}", HeavyBall(friction), laws)
    n, r, m = map(int, widths.split("-"))
    assert report.dimension == 2 * r * (n + m) + 1
    if laws:
        rate = report.flow.friction
        assert check_laws(f"linear:{widths}", f"exp({rate}*t)*({SKEW})", flow=HeavyBall(friction)).complete


# The same, n = m = 1: over-parameterized, with more laws than r(r-1)/2.
@pytest.mark.parametrize(("r", "laws"), [(1, 0), (2, 2), (3, 6), (4, 10)])
def test_scalar_inputs_and_outputs_under_the_heavy_ball(r, laws):
    _counted(f"linear:1-{r}-1", HeavyBall(1), laws)


def test_depth_nine():
    report = _counted("linear:1-6-2", HeavyBall(1), 15)
    assert report.growth == (3, 5, 10, 14, 17, 19, 20, 21, 22, 22)


@pytest.mark.parametrize("arch", ["relu:2-3-2", "relu+bias:2-2-2", "tanh:2-2-2", "glu:2-2"])
@pytest.mark.parametrize("flow", [HeavyBall(0), HeavyBall("1/3"), Nesterov()], ids=str)
def test_no_law_of_networks_without_rotations(arch, flow):
    _counted(arch, flow, 0)


# What r(r-1)/2 becomes with t^3 in place of the exponential.
@pytest.mark.parametrize(("widths", "laws"), [("2-2-2", 1), ("2-3-2", 3), ("1-3-1", 6)])
def test_nesterov(widths, laws):
    report = _counted(f"linear:{widths}", Nesterov(), laws)
    assert check_laws(f"linear:{widths}", f"t**3*({SKEW})", flow=Nesterov()).all_hold
    assert not check_laws(f"linear:{widths}", f"t**2*({SKEW})", flow=Nesterov()).all_hold
    assert report.contains("t**3*(W1[0,:] @ dW1[1,:] - W1[1,:] @ dW1[0,:] + W2[:,0] @ dW2[:,1] - W2[:,1] @ dW2[:,0])")


# arXiv 2405.12888, NMF with the entropic metric; with n = m = 1 there are 2 r - 1, of which r are polynomial.
def test_entropic_metric():
    report = _counted("linear:2-3-2", MirrorFlow(), 3)
    assert [str(group) for group in report.groups] == ["sum W1[k,:] - sum W2[:,k]   for each hidden unit k in 0..2"]
    for r in (2, 3, 4):
        report = discover_laws(f"linear:1-{r}-1", flow=MirrorFlow())
        assert (report.n_laws, len(report.laws)) == (2 * r - 1, r)
    for flow in (HeavyBall(1, MirrorFlow()), HeavyBall(0, MirrorFlow())):
        _counted("linear:2-3-2", flow, 0)
        _counted("linear:1-2-1", flow, 0)


# arXiv 2405.12888, input-convex network with the entropic metric on the output weights.
@pytest.mark.parametrize("hidden", [1, 2, 4])
def test_input_convex_network(hidden):
    flow = MirrorFlow("entropic", ["U"])
    _counted(lielaws.input_convex(3, hidden), flow, hidden)
    laws = [f"sum(U[:,{k}]) - (norm2(V[{k},:]) + b[{k}]**2)/2" for k in range(hidden)]
    assert check_laws(lielaws.input_convex(3, hidden), laws, flow=flow).complete


# arXiv 2506.06194, Thm 2.1: H(exp(rate t) theta) with a homogeneous law H.
@pytest.mark.parametrize(
    ("arch", "laws"), [("linear:2-3-2", 6), ("relu:2-3-2", 3), ("relu+bias:2-3-2", 3), ("attention:3-2", 6)]
)
def test_weight_decay_keeps_homogeneous_laws(arch, laws):
    report = _counted(arch, WeightDecay(0.1), laws)
    assert report.dimension == report.n_parameters + 1
    assert {str(group).split(" (")[0] for group in report.groups} == {"exp(t/5)"}
    assert discover_laws(arch).n_laws == laws


def test_weight_decay_loses_laws_that_are_not_homogeneous():
    _counted("exp+bias:2-2-2", None, 2)
    _counted("exp+bias:2-2-2", WeightDecay("1/3"), 0)


def test_metrics_rescale_laws():
    report = _counted("linear:2-2-2", MetricFlow({"W1": 3}), 3)
    assert check_laws("linear:2-2-2", "3*(W1 @ W1.T) - W2.T @ W2", flow=MetricFlow({"W1": 3})).complete
    assert report.growth == discover_laws("linear:2-2-2").growth
    weights = {"W1": [[1, 2], [1, 2]], "W2": [["1/2", "1/2"], [4, 4]]}
    assert check_laws("linear:2-2-2", _weighted(), flow=MetricFlow(weights)).complete


def _weighted() -> list[str]:
    entry = "W1[{i},0]*W1[{j},0] + 2*W1[{i},1]*W1[{j},1] - W2[0,{i}]*W2[0,{j}]/2 - 4*W2[1,{i}]*W2[1,{j}]"
    return [entry.format(i=i, j=j) for i, j in ((0, 0), (0, 1), (1, 1))]


def test_part_of_the_parameters():
    whole = discover_laws("linear:2-2-2-2", flow=HeavyBall(1))
    assert whole.n_laws == 2
    first = _counted("linear:2-2-2-2", HeavyBall(1), 1, parameters=["W1", "W2"])
    assert first.laws[0].support == ("W1", "W2")
    _counted("linear:2-2-2-2", WeightDecay(1), 3, parameters=["W2", "W3"])


def test_a_law_that_does_not_decay_is_none():
    result = check_laws("linear:2-2-2", [SKEW, f"exp(2*t)*({SKEW})", f"t*exp(t)*({SKEW})"], flow=HeavyBall(1))
    assert [law.holds for law in result.laws] == [False, False, False]
    assert all(law.counterexample is not None and law.counterexample.drift is not None for law in result.laws)
    assert "exp(t) = " in str(result)


def test_energy_is_no_law():
    assert not check_laws("linear:1-1-1", "dW1[0,0]**2 + dW2[0,0]**2 + W1[0,0]**2", flow=HeavyBall(0)).all_hold
