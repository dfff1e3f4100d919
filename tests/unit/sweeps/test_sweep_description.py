"""From the description of a sweep to its cases: grids, templates, filters, draws; and what is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import lielaws
from lielaws.errors import LieLawsError, SpecError
from lielaws.spec.families import families
from lielaws.sweeps.case import Case
from lielaws.sweeps.description import read_description

SWEEPS = Path(__file__).resolve().parents[3] / "benchmarks" / "sweeps"


def cases(*tables: dict[str, Any], **top: Any) -> tuple[Case, ...]:
    return read_description({"sweep": list(tables), **top}).cases


def names(*tables: dict[str, Any], **top: Any) -> list[str]:
    return [case.title for case in cases(*tables, **top)]


def test_widths_are_a_grid() -> None:
    found = names({"family": "linear", "widths": [2, {"from": 1, "to": 5, "step": 2}, [1, 3]]})
    assert found == [f"linear:2-{h}-{m}" for h in (1, 3, 5) for m in (1, 3)]


def test_layers_give_networks_of_different_depth() -> None:
    assert names({"family": "relu", "widths": {"layers": [1, 2], "each": [1, 2]}}) == [
        *("relu:1-1", "relu:1-2", "relu:2-1", "relu:2-2"),
        *(f"relu:{a}-{b}-{c}" for a in (1, 2) for b in (1, 2) for c in (1, 2)),
    ]
    equal = {"layers": {"from": 1, "to": 3}, "each": [2, 3], "equal": True}
    assert names({"family": "relu", "widths": equal}) == [
        *("relu:2-2", "relu:3-3", "relu:2-2-2", "relu:3-3-3", "relu:2-2-2-2", "relu:3-3-3-3")
    ]


def test_options_and_settings_are_axes() -> None:
    found = names(
        {
            "family": ["relu", "linear"],
            "widths": [2, 2, 2],
            "bias": [False, True],
            "flow": ["gradient", "heavy_ball:0.5"],
            "loss": ["any", "cross_entropy"],
            "seed": range(2),
        }
    )
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 2 * 2
    assert "relu+bias:2-2-2 flow=heavy_ball:1/2 loss=cross_entropy seed=1" in found


def test_variables_tie_sizes_together() -> None:
    table = {"family": "attention", "variables": {"h": [1, 2], "k": [2]}, "heads": "h", "d_head": "k", "d_model": "h*k"}
    assert [case.sizes for case in cases(table)] == [
        {"d_model": 2 * h, "d_head": 2, "heads": h, "tokens": 3, "h": h, "k": 2} for h in (1, 2)
    ]
    block = {"family": "residual", "block": "relu:{n}-{2*n}-{n}"}
    expected = [lielaws.residual(lielaws.mlp([n, 2 * n, n])).name for n in (1, 2)]
    assert names({"spec": block, "variables": {"n": [1, 2]}}) == expected


def test_specs_in_all_forms_are_one_case() -> None:
    same = read_description(
        [
            "leaky_relu+slope=1/2:2-3-2",
            {"family": "leaky_relu", "widths": [2, 3, 2], "slope": 0.5, "bias": False},
            {"family": "leaky_relu", "slope": Fraction(1, 2), "widths": (2, 3, 2)},
        ]
    ).cases
    assert len(same) == 1
    (own,) = read_description([lielaws.mlp([2, 3, 2])]).cases
    assert own.architecture() is not None
    assert own.name == "relu:2-3-2"


def test_the_key_depends_on_the_question_alone() -> None:
    base = {"family": "relu", "widths": [2, 3, 2]}
    (key,) = {
        case.key for case in cases(base, base | {"flow": {"kind": "gradient"}}, base | {"compute": "certificates"})
    }
    changes: list[dict[str, Any]] = [
        {"flow": "heavy_ball:1/2"},
        {"loss": "cross_entropy"},
        {"gates": "realizable"},
        {"seed": 1},
        {"max_degree": 3},
        {"compute": "count"},
        {"parameters": ["W1"]},
        {"bias": True},
    ]
    others = {case.key for case in cases(*(base | change for change in changes))}
    assert len(others) == len(changes)
    assert key not in others
    one, two = (
        cases(base | {"flow": flow})[0].key for flow in ("heavy_ball:0.5", {"kind": "heavy_ball", "friction": "1/2"})
    )
    assert one == two
    # A change of this value makes every file of results forget what it holds.
    assert key == "264ee75c97e629ab1411c97b05db5fe7"


@pytest.mark.parametrize(
    "flow",
    [
        lielaws.GradientFlow(),
        lielaws.WeightDecay(0.1),
        lielaws.HeavyBall(Fraction(1, 2)),
        lielaws.Nesterov(),
        lielaws.MirrorFlow(),
        lielaws.MirrorFlow("burg", ["W1"]),
        lielaws.MetricFlow("1/x"),
        lielaws.HeavyBall(1, lielaws.MirrorFlow()),
    ],
)
def test_flow_objects_are_written_down(flow: Any) -> None:
    from lielaws.spec import read_flow

    (case,) = cases({"family": "linear", "widths": [1, 2, 1], "flow": flow})
    assert read_flow(case.flow).describe() == flow.describe()


def test_filters() -> None:
    grid = {"family": "linear", "widths": {"layers": [2, 3], "each": {"from": 1, "to": 3}}}

    def widths(*conditions: str) -> set[tuple[int, ...]]:
        return {tuple(case.sizes["widths"]) for case in cases(grid | {"filter": list(conditions)})}

    everything = {tuple(case.sizes["widths"]) for case in cases(grid)}
    assert len(everything) == 27 + 81
    assert widths("D <= 9") == {w for w in everything if sum(a * b for a, b in pairwise(w)) <= 9}
    assert widths("widths[1] <= widths[0] + widths[2]", "len(widths) == 3") == {
        w for w in everything if len(w) == 3 and w[1] <= w[0] + w[2]
    }
    assert widths("2 <= widths[0] < 3", "widths[-1] != 1") == {w for w in everything if w[0] == 2 and w[-1] != 1}
    # A condition on a layer that is not there does not hold.
    assert widths("widths[3] >= 1") == {w for w in everything if len(w) == 4}


def test_the_dimension_is_that_of_the_flow() -> None:
    table = {"family": "linear", "widths": [1, 2, 1], "flow": ["gradient", "weight_decay:1", "heavy_ball:1"]}
    found = {limit: len(cases(table | {"filter": f"dimension <= {limit}"})) for limit in (4, 5, 8, 9)}
    assert found == {4: 1, 5: 2, 8: 2, 9: 3}


def test_draws_depend_on_their_seed_alone() -> None:
    table = {"family": "relu", "widths": {"layers": [2, 3, 4], "each": {"from": 1, "to": 40}}, "filter": "D <= 400"}
    draws = [names(table | {"sample": {"count": 20, "seed": seed}}) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert all(len(set(draw)) == 20 for draw in draws)
    assert all(case.architecture().dimension <= 400 for case in cases(table | {"sample": 20}))  # type: ignore[union-attr]
    assert len(names({"family": "relu", "widths": [1, {"from": 1, "to": 5}, 1], "sample": 50})) == 5


def test_a_draw_from_a_huge_grid_is_fast() -> None:
    assert len(cases({"family": "relu", "widths": {"layers": 10, "each": {"from": 1, "to": 20}}, "sample": 30})) == 30


def test_top_level_settings_are_defaults(tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text('family = "linear"\nwidths = [1, 2, 1]\nflow = "weight_decay:1"\n')
    file = tmp_path / "sweep.toml"
    file.write_text(
        'flow = "heavy_ball:1"\nfilter = "D > 3"\n'
        '[[sweep]]\nfamily = "linear"\nwidths = [1, [1, 2], 1]\n'
        '[[sweep]]\nspec = "net.toml"\n'
        '[[sweep]]\nspec = "linear:2-2-2"\nflow = "gradient"\n'
    )
    assert [case.title for case in read_description(file).cases] == [
        "linear:1-2-1 flow=heavy_ball:1",
        "linear:1-2-1 flow=weight_decay:1",
        "linear:2-2-2",
    ]


def test_a_case_that_cannot_exist_is_a_case() -> None:
    found = cases({"spec": "linear:{n}-{n-1}-2", "variables": {"n": [1, 2, 3]}})
    assert [case.problem is None for case in found] == [False, True, True]
    assert [case.family for case in found] == ["linear"] * 3
    halves = cases({"family": "linear", "widths": [2, "n/2", 2], "variables": {"n": [1, 2, 3]}})
    assert [case.problem is None for case in halves] == [False, True, False]
    assert "integer" in str(halves[0].problem)


UNREADABLE: list[tuple[str, str]] = [
    ("", "empty"),
    ("= 3", "TOML"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, 3", "TOML"),
    ("x = 1", "line 1, x = 'x'"),
    ("sweep = 3", "[[sweep]]"),
    ("sweep = []", "[[sweep]]"),
    ("[[sweep]]\nwidths = [2, 3, 2]", "'family'"),
    ("[[sweep]]\nfamily = 'relu'\nspec = 'relu:2-2-2'", "'family'"),
    ("[[sweep]]\nfamily = 'relu'", "'widths'"),
    ("[[sweep]]\nfamily = 'rely'\nwidths = [2, 3, 2]", "line 2"),
    ("[[sweep]]\nfamily = 'relu'\nwidht = [2, 3, 2]", "line 3, sweep[0].widht = 'widht'"),
    ("[[sweep]]\nfamily = 'relu'\nwidht = [2, 3, 2]", "'widths'"),
    ("\n\n[[sweep]]\nspec = 'relu:2-2-2'\n\n[[sweep]]\nspec = 'relu:1-2-2'\n# x\nflwo = 'gradient'", "line 9"),
    ("[[sweep]]\nspec = 'relu:2-2-2'\nflow = 'heavyball'", "'heavy_ball'"),
    ("[[sweep]]\nspec = 'relu:2-2-2'\nflow = 'heavyball'", "line 3"),
    ("[[sweep]]\nspec = 'relu:2-2-2'\nflow = 'heavy_ball:-1'", "line 3"),
    ("[[sweep]]\nspec = 'relu:2-2-2'\nloss = 'crossentropy'", "'cross_entropy'"),
    ("[[sweep]]\nspec = 'relu:2-2-2'\nseed = -1", "nonnegative"),
    ("[[sweep]]\nspec = 'relu:2-2-2'\nmax_degree = 13", "1 to 12"),
    ("[[sweep]]\nspec = 'relu:2-2-2'\ncompute = 'law'", "'laws'"),
    ("[[sweep]]\nspec = 'relu:2-2-2'\nparameters = []", "tensors"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, {from = 3, to = 2}, 2]", "{from = 3, to = 2}"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, {from = 3, to = 2}, 2]", "empty"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, {from = 3}, 2]", "'to' is missing"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, {from = 3, too = 4}, 2]", "'to'"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, {from = 1, to = 4, step = 0}, 2]", "step"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, [], 2]", "empty"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = []", "empty"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, 0, 2]", "start at 1"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, {from = 0, to = 2}, 2]", "start at 1"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, 1.5, 2]", "integer"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, true, 2]", "integer"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = 3", "list"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = {layers = 2}", "'each'"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = {layer = 2, each = 2}", "'layers'"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = {layers = 0, each = 2}", "start at 1"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, 'n', 2]", "'n'"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = [2, 3, 2]\nbias = []", "empty"),
    ("[[sweep]]\nfamily = 'mlp'\nwidths = [2, 3, 2]\nactivation = 'rely'", "'relu'"),
    ("[[sweep]]\nfamily = []\nwidths = [2, 3, 2]", "empty"),
    ("[[sweep]]\nfamily = 'part'\nblock = 'linear:1-2-1'\nparameters = ['W1']", "spec ="),
    ("[[sweep]]\nspec = 'relu:2-3-2'\nfilter = 'D'", "comparison"),
    ("[[sweep]]\nspec = 'relu:2-3-2'\nfilter = 'DD < 3'", "line 3"),
    ("[[sweep]]\nspec = 'relu:2-3-2'\nfilter = 3", "comparison"),
    ("[[sweep]]\nspec = 'relu:2-3-2'\nfilter = 'D < 3'", "none fulfils"),
    ("[[sweep]]\nspec = 'relu:2-3-2'\nsample = 0", "at least 1"),
    ("[[sweep]]\nspec = 'relu:2-3-2'\nsample = {count = 3, sed = 1}", "'seed'"),
    ("[[sweep]]\nspec = 'relu:2-3-2'\nvariables = {'n m' = 1}", "name"),
    ("[[sweep]]\nspec = 'relu:2-3-2'\nvariables = 3", "table"),
    ("[[sweep]]\nspec = 'relu:{n}-3-2'\nvariables = {m = 1}", "'n'"),
    ("[[sweep]]\nspec = 3", "spec"),
    ("[[sweep]]\nspec = []", "empty"),
    ("[[sweep]]\nspec = 'missing.toml'", "no such file"),
    ("[[sweep]]\nspec = {widths = [2, 3, 2]}", "'family'"),
    ("[[sweep]]\nfamily = 'relu'\nwidths = {layers = 30, each = {from = 1, to = 9}}", "'sample'"),
    ("time_limit = -1\n[[sweep]]\nspec = 'relu:2-3-2'", "seconds"),
    ("time_limit = 'soon'\n[[sweep]]\nspec = 'relu:2-3-2'", "line 1"),
    ("memory_limit = 1\n[[sweep]]\nspec = 'relu:2-3-2'", "megabytes"),
]


@pytest.mark.parametrize(("text", "expected"), UNREADABLE)
def test_what_cannot_be_read_is_named(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(text)
    with pytest.raises(LieLawsError) as caught:
        read_description(file)
    message = str(caught.value)
    assert expected in message
    assert "sweep.toml" in message
    assert "\n" not in message
    assert len(message) < 700


@pytest.mark.parametrize(
    "description",
    [None, 3, [], {}, {"sweep": []}, [3], [None], {"sweep": [3]}, {1: 2}, "missing.toml", ".", Path(), b"x", [{}]],
)
def test_objects_that_are_no_description(description: Any) -> None:
    with pytest.raises(LieLawsError):
        read_description(description)


def test_a_function_cannot_be_sent() -> None:
    own = lielaws.architecture(lambda p, x, ops: p.A @ x, parameters={"A": (2, 2)}, data={"x": (2,)})
    with pytest.raises(SpecError, match="'network'"):
        read_description([own])


def test_there_is_an_example_for_each_family() -> None:
    used = set()
    for file in SWEEPS.glob("*.toml"):
        found = read_description(file).cases
        assert 10 <= len(found) <= 400
        assert all(case.problem is None for case in found)
        text = file.read_text()
        used |= {
            name
            for name in families()
            if f'"{name}"' in text or f'"{name}:' in text or f'"{name.split("<")[0]}4"' in text
        }
    assert used == set(families())
