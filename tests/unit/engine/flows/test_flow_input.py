"""Flows as users write them, and bad input, which ends in one line."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
import sympy

import lielaws
from lielaws import HeavyBall, LieLawsError, MetricFlow, MirrorFlow, Nesterov, WeightDecay
from lielaws.cli import main
from lielaws.spec import read_flow


@pytest.mark.parametrize(
    ("text", "flow"),
    [
        ("gradient", lielaws.GradientFlow()),
        ("weight_decay:0.1", WeightDecay("1/10")),
        ("heavy_ball:1/2", HeavyBall(0.5)),
        (" heavy_ball : 0 ", HeavyBall()),
        ("nesterov", Nesterov()),
        ({"kind": "heavy_ball", "friction": 2}, HeavyBall(2)),
    ],
)
def test_texts_and_tables(text, flow):
    assert read_flow(text) == flow


@pytest.mark.parametrize(
    "value",
    [
        "mirror:entropic",
        "mirror:entropic:W1,W2",
        "metric:1/x",
        {"kind": "metric", "metric": {"W1": "1/x", "W2": 2}},
        "heavy_ball:1:entropic",
        {"kind": "heavy_ball", "friction": 1, "metric": {"kind": "mirror", "potential": "burg"}},
        {"kind": "heavy_ball", "friction": 1, "metric": "1/(x + 1)"},
    ],
)
def test_metrics_in_texts(value):
    report = lielaws.discover_laws("linear:2-2-2", flow=value, find_laws=False)
    assert json.loads(json.dumps(report.flow.describe()))


@pytest.mark.parametrize("rate", [-1, -0.5, "-1/2", "x", None, [1], float("nan"), float("inf"), True, "1/0", "1" * 200])
@pytest.mark.parametrize("flow", [WeightDecay, HeavyBall])
def test_bad_rates(flow, rate):
    with pytest.raises(LieLawsError) as error:
        flow(rate)
    assert "\n" not in str(error.value)


x = sympy.Symbol("x")


@pytest.mark.parametrize(
    "metric",
    [0, -1, "-1/x", "0", "y", "x y", "sin(x)", "", {}, [1, -1], [0.0], [[]], True, None, float("nan"), -x,
     x * sympy.Symbol("y"), lambda x: "text", lambda x: 1 / 0, lambda: 1, sympy.sin(x), "x**99", {"W1": "bad("},
     object()],
)  # fmt: skip
def test_bad_metrics(metric):
    with pytest.raises(LieLawsError) as error:
        MetricFlow(metric)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("potential", ["entropy", "", 3, None, lambda x: 1 / 0, sympy.log(x), x])
def test_bad_potentials(potential):
    with pytest.raises(LieLawsError):
        MirrorFlow(potential)


@pytest.mark.parametrize("names", [[], [1], ["W1", "W1"], 3])
def test_bad_tensors(names):
    with pytest.raises(LieLawsError):
        MirrorFlow("entropic", names)


@pytest.mark.parametrize(
    "flow",
    [
        "heavyball", "heavy_ball", "heavy_ball:", "heavy_ball:-1", "nesterov:3", "weight_decay:a", "mirror:x", "", ":",
        7,
        {"kind": "heavy_ball"}, {"kind": "heavy_ball", "friction": 1, "mass": 2}, {}, {"friction": 1}, {"kind": 3},
        lielaws.HeavyBall, MirrorFlow("entropic", ["W9"]), MetricFlow({"W1": [1, 2]}), "mirror:entropic:W9",
        "metric:1/y", "heavy_ball:0:burg", {"kind": "nesterov", "friction": 1},
        {"kind": "gradient", 3: 1}, {"kind": "metric", "metric": "1/x", "parameters": 3},
        {"kind": "metric", "metric": "1/x", "parameters": [["W1"]]},
    ],
)  # fmt: skip
def test_bad_flows(flow):
    with pytest.raises(LieLawsError) as error:
        lielaws.discover_laws("linear:2-2-2", flow=flow)
    assert "\n" not in str(error.value)


def test_momentum_needs_its_names():
    for flow, names in ((HeavyBall(1), ["t", "x"]), (HeavyBall(1), ["x", "dx"]), (WeightDecay(1), ["t"])):
        symbols = sympy.symbols(names)
        with pytest.raises(LieLawsError, match="rename"):
            lielaws.discover_laws((symbols, [sympy.prod(symbols)]), flow=flow)
    assert lielaws.discover_laws((sympy.symbols("t dt"), [sympy.prod(sympy.symbols("t dt"))])).n_laws == 1


def test_metrics_are_exact():
    assert MetricFlow(0.1).metric_of("W").numerator == (Fraction(10),)
    entropic = MirrorFlow("entropic").metric_of("W")
    assert MetricFlow("1/x").metric_of("W") == entropic
    assert MetricFlow(lambda x: 1 / x).metric_of("W") == entropic
    assert MirrorFlow(x * sympy.log(x) - x).metric_of("W") == entropic
    assert MirrorFlow(lambda x: -sympy.log(x)).metric_of("W") == MirrorFlow("burg").metric_of("W")
    assert MetricFlow("1/(x*(1-x))").metric_of("W") == MirrorFlow("fermi_dirac").metric_of("W")


def test_nested_names():
    block = lielaws.sequential(lielaws.linear([2, 2, 2]), lielaws.linear([2, 2]))
    report = lielaws.discover_laws(block, flow=HeavyBall(1))
    assert report.complete
    assert report.laws[0].support == ("1.W1", "1.W2")
    assert report.contains(report.laws[0].expr)
    assert lielaws.check_laws(block, report.laws, flow=HeavyBall(1)).complete


def test_spec_files(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text('family = "linear"\nwidths = [2, 3, 2]\nflow = "heavy_ball:0.5"\n')
    assert lielaws.discover_laws(path).n_laws == 3
    assert lielaws.discover_laws(path, flow=WeightDecay(1)).n_laws == 6
    path.write_text(
        'family = "linear"\nwidths = [2, 3, 2]\nloss = "cross_entropy"\n[flow]\nkind = "weight_decay"\nrate = 1\n'
    )
    report = lielaws.discover_laws(path)
    assert (report.potential.loss, str(report.flow)) == (
        "cross_entropy",
        "gradient flow with weight decay 1",
    )
    path.write_text('family = "linear"\nwidths = [2, 3, 2]\nflow = "heavyball"\n')
    with pytest.raises(LieLawsError, match="heavy_ball"):
        lielaws.discover_laws(path)


def test_command_line(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["discover", "linear:2-2-2", "--flow", "heavy_ball:0.5", "--json", "--quiet"])
    found = json.loads(capsys.readouterr().out)
    assert stop.value.code == 0
    assert (found["n_laws"], found["dimension"], found["complete"]) == (1, 17, True)
    with pytest.raises(SystemExit) as stop:
        main(
            ["check", "linear:2-2-2", "--flow", "nesterov", "t**3*(W1 @ dW1.T - dW1 @ W1.T + W2.T @ dW2 - dW2.T @ W2)"]
        )
    assert stop.value.code == 0
    with pytest.raises(SystemExit) as stop:
        main(["discover", "linear:2-2-2", "--flow", "heavy_ball:-1"])
    assert stop.value.code == 2


def test_laws_are_written_for_readers():
    heavy = lielaws.discover_laws("linear:2-2-2", flow=HeavyBall("1/2"))
    assert str(heavy.groups[0]).startswith("exp(t/2) (W1 dW1^T - dW1 W1^T + W2^T dW2 - dW2^T W2)   antisymmetric 2 x 2")
    assert r"e^{t/2} (W_{1} \dot{W}_{1}^{\top} - \dot{W}_{1} W_{1}^{\top}" in heavy.latex()
    assert heavy.groups[0].symmetry == "W1 -> e^(s A) W1, W2 -> W2 e^(-s A), A antisymmetric"

    def net(p, x, ops):
        return p.a * x + 0 * p.b

    idle = lielaws.architecture(net, {"a": (), "b": ()}, {"x": ()})
    assert [law.name for law in lielaws.discover_laws(idle, flow=HeavyBall(0)).laws] == ["db", "b - t (db)"]
    assert [law.name for law in lielaws.discover_laws(idle, flow=HeavyBall(2)).laws] == ["2 b + db", "exp(2 t) (db)"]


@pytest.mark.parametrize("symbols", [5, None, 2.5])
def test_symbols_that_are_no_list(symbols):
    with pytest.raises(LieLawsError, match="symbols"):
        lielaws.from_phi(symbols, [x])
