"""What results may look like, and what is said of those that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.formulas.conjecturing import conjecture
from lielaws.formulas.row_files import rows_of_file
from lielaws.formulas.rows import read_rows
from tests.unit.formulas.helpers import TWO_LAYERS, grid, rows, two_layers

LISTS = [{"sizes": [row["sizes"][name] for name in "nrm"], "n_laws": row["n_laws"]} for row in TWO_LAYERS]


@pytest.mark.parametrize(
    "results",
    [
        TWO_LAYERS,
        (dict(row) for row in TWO_LAYERS),
        LISTS,
        [{"sizes": np.array(row["sizes"]), "n_laws": np.int64(row["n_laws"])} for row in LISTS],
        [{"sizes": {"widths": row["sizes"]}, "n_laws": row["n_laws"]} for row in LISTS],
        [{"sizes": {"widths": row["sizes"], "rank": row["sizes"][1]}, "n_laws": row["n_laws"]} for row in LISTS],
        [{"sizes": json.dumps(row["sizes"]), "n_laws": row["n_laws"]} for row in TWO_LAYERS],
        [{"sizes": "-".join(map(str, row["sizes"])), "n_laws": float(row["n_laws"])} for row in LISTS],
        [{"spec": f"linear:{'-'.join(map(str, row['sizes']))}", "n_laws": row["n_laws"]} for row in LISTS],
        [{f"widths[{i}]": w for i, w in enumerate(row["sizes"])} | {"n_laws": row["n_laws"]} for row in LISTS],
        [row | {"error": None, "complete": False, "growth": [1, 1], "closed": True} for row in TWO_LAYERS],
    ],
    ids=["mapping", "generator", "list", "numpy", "named list", "twins", "JSON", "text", "spec", "flat", "outcomes"],
)
def test_layouts_of_rows(results: Any) -> None:
    found = conjecture(results, fresh=0)
    assert [text[1].split(" with")[0] for text in found.piece_texts] in (
        ["r*(r + 1)/2", "N*r - N*(N - 1)/2"],
        ["rank*(rank + 1)/2", "N*rank - N*(N - 1)/2"],
    )
    assert found.evaluate([2, 9, 1]) == two_layers(2, 9, 1)


def test_numbered_sizes_are_a_chain() -> None:
    sizes = [
        {f"w{i}": w for i, w in enumerate(chosen.values())} for chosen in grid(a=(1, 2), b=(2, 3), c=(1, 4), d=(2, 3))
    ]
    found = conjecture(rows(sizes, lambda w0, w1, w2, w3: w1 + w2))
    assert found.piece_texts[0][1] in ("sum(w[l], l=1..2)", "w1 + w2")
    assert found.evaluate({"w0": 9, "w1": 2, "w2": 3, "w3": 1}) == 5


def test_rows_that_say_nothing_are_left_out_and_counted() -> None:
    sizes = {"n": 1, "r": 99, "m": 1}
    useless = [
        {"sizes": sizes, "error": "out of memory", "n_laws": None},
        {"sizes": sizes, "n_laws": None},
        {"sizes": sizes, "n_laws": float("nan")},
        {"sizes": sizes, "n_laws": 5, "closed": False},
        {"sizes": sizes, "n_laws": 5, "growth": "[3, 4, 5]"},
    ]
    found = conjecture([*TWO_LAYERS, *useless])
    assert found.rows == len(TWO_LAYERS)
    assert sum(int(note.split()[0]) for note in found.notes if "left out" in note) == len(useless)


def test_repeated_rows_count_once() -> None:
    found = conjecture([*TWO_LAYERS, *TWO_LAYERS])
    assert found.rows == len(TWO_LAYERS)
    assert any("repeat" in note for note in found.notes)


def test_counts_that_contradict_each_other_name_the_column_that_separates_them() -> None:
    both = [row | {"flow": "gradient", "seconds": 1.5} for row in TWO_LAYERS]
    both += [row | {"flow": "heavy_ball:1", "n_laws": 0, "seconds": 2.5} for row in TWO_LAYERS]
    with pytest.raises(InvalidArgumentError, match=r"they depend on flow; choose with where=\{'flow': 'gradient'\}"):
        conjecture(both)
    assert conjecture(both, where={"flow": "heavy_ball:1"}).formula == 0
    nested = [
        row | {"options": {"softmax": flag}, "n_laws": row["n_laws"] + flag} for row in TWO_LAYERS for flag in (0, 1)
    ]
    with pytest.raises(InvalidArgumentError, match="depend on softmax"):
        conjecture(nested)


def test_rows_that_differ_in_a_setting_are_noted() -> None:
    mixed = [row | {"loss": "any" if row["sizes"]["n"] < 3 else "cross_entropy"} for row in TWO_LAYERS]
    assert any("mix loss = any, cross_entropy" in note for note in conjecture(mixed).notes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conjecture([]), "at least a few rows"),
        (conjecture, "rows, a family, or make and sizes"),
        (lambda: conjecture(5), "an iterable of mappings"),
        (lambda: conjecture({"sizes": [1, 2]}), "an iterable of mappings"),
        (lambda: conjecture([1]), r"results\[0\] = 1"),
        (lambda: conjecture([{"n_laws": 1}]), "the key 'sizes' is missing"),
        (lambda: conjecture([{"sizes": [1, 2]}]), "the key 'n_laws' is missing"),
        (lambda: conjecture([{"sizes": {}, "n_laws": 1}]), "at least one size"),
        (lambda: conjecture([{"sizes": 3, "n_laws": 1}]), "a mapping of names to sizes"),
        (lambda: conjecture([{"sizes": "3x4", "n_laws": 1}]), "sizes such as 2-3-2"),
        (lambda: conjecture([{"sizes": {"n": 1.5}, "n_laws": 1}]), r"\['n'\] = 1.5: sizes are integers"),
        (lambda: conjecture([{"sizes": {"n": True}, "n_laws": 1}]), "sizes are integers"),
        (lambda: conjecture([{"sizes": {"n": -1}, "n_laws": 1}]), "sizes lie between"),
        (lambda: conjecture([{"sizes": {"n": 2**40}, "n_laws": 1}]), "sizes lie between"),
        (lambda: conjecture([{"sizes": {3: 1}, "n_laws": 1}]), "names of sizes are texts"),
        (lambda: conjecture([{"sizes": [3], "n_laws": 1}]), "at least two widths"),
        (lambda: conjecture([{"sizes": {"n": 1}, "n_laws": -1}]), "not negative"),
        (lambda: conjecture([{"sizes": {"n": 1}, "n_laws": 1.5}]), "a count is an integer"),
        (lambda: conjecture([{"sizes": {"n": 1}, "n_laws": "7"}]), "a count is an integer"),
        (lambda: conjecture([{"sizes": {"n": 1}, "error": "x"}]), "none can be used: 1 they are errors"),
        (lambda: conjecture([*TWO_LAYERS, {"sizes": {"n": 1}, "n_laws": 1}]), "rows differ in the size"),
        (lambda: conjecture([*LISTS, {"sizes": {"widths": 2}, "n_laws": 1}]), "is a list in other rows"),
        (lambda: conjecture(rows([{"a": [1, 2], "b": [1, 2]}], lambda a, b: 1)), "only one of the sizes may be a list"),
        (lambda: conjecture([*TWO_LAYERS, TWO_LAYERS[0] | {"n_laws": 99}]), "have the counts 1, 99"),
        (
            lambda: conjecture([row | {"family": "ab"[row["sizes"]["n"] > 1]} for row in TWO_LAYERS]),
            "choose one of a, b",
        ),
        (lambda: conjecture(TWO_LAYERS, family=3), "the name of a family"),
        (lambda: conjecture([row | {"family": "linear"} for row in TWO_LAYERS], family="linaer"), "'linear'"),
        (lambda: conjecture(TWO_LAYERS, where="flow"), "a mapping of columns"),
        (lambda: conjecture(TWO_LAYERS, fresh=-1), "fresh = -1"),
        (lambda: conjecture(TWO_LAYERS, fresh=2.0), "fresh = 2.0"),
        (lambda: conjecture(TWO_LAYERS, seed="x"), "seed = 'x'"),
        (lambda: conjecture(TWO_LAYERS, make=3), "a function from sizes"),
        (lambda: conjecture(TWO_LAYERS, make=lambda sizes: None), "it must return"),
        (lambda: conjecture(TWO_LAYERS, make=lambda sizes: 1 + two_layers(**sizes)), "where the results have"),
        (lambda: conjecture(TWO_LAYERS, sizes={"n": [1]}), "omit the results"),
        (lambda: conjecture(family="linaer"), "did you mean 'linear'"),
        (lambda: conjecture(family="linear", depth=0), "depth = 0"),
        (lambda: conjecture(family="linear", depth="2"), "depth = '2'"),
        (lambda: conjecture(family="linear", largest=0), "largest = 0"),
        (lambda: conjecture(family="phi"), "it has no sizes"),
        (lambda: conjecture(make=lambda sizes: 1), "the values of each size"),
        (lambda: conjecture(make=lambda sizes: 1, sizes={"n": 1.5}), "a list or a range"),
        (lambda: conjecture(make=lambda sizes: 1, sizes={"n": []}), "at least one value"),
        (lambda: conjecture("missing.json"), "missing.json"),
        (lambda: conjecture("missing.sqlite"), "missing.sqlite"),
    ],
)
def test_mistakes_are_explained_in_one_line(call: Callable[[], object], message: str) -> None:
    with pytest.raises(LieLawsError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"n": 1, "r": 2}, "give all of them"),
        ([1, 2], "give all of them"),
        ({"n": 1, "r": 2, "m": 1.5}, "sizes are integers"),
        (None, "a mapping of names to sizes"),
    ],
)
def test_sizes_to_evaluate_at_are_checked(sizes: Any, message: str) -> None:
    with pytest.raises(LieLawsError, match=message):
        conjecture(TWO_LAYERS).evaluate(sizes)


def test_a_size_that_never_changes_is_named() -> None:
    found = conjecture([row for row in TWO_LAYERS if row["sizes"]["m"] == 2])
    assert not found.determined
    assert found.fixed == {"m": 2}
    assert {"n": 1, "r": 1, "m": 3} in [proposal.sizes for proposal in found.proposals]
    assert any("m is 2 in all rows" in entry.text for entry in found.ambiguities)
    with pytest.raises(LieLawsError, match="only about m = 2"):
        found.evaluate({"n": 1, "r": 1, "m": 3})


def test_an_entry_of_a_list_that_never_changes_is_named() -> None:
    found = conjecture([row | {"sizes": {"widths": row["sizes"]}} for row in LISTS if row["sizes"][2] == 2])
    assert found.evaluate({"widths": [1, 9, 2]}) == two_layers(1, 9, 2)
    with pytest.raises(LieLawsError, match="only about m = 2"):
        found.evaluate({"widths": [1, 9, 3]})


def test_sizes_that_are_always_equal_are_named() -> None:
    found = conjecture([row for row in TWO_LAYERS if row["sizes"]["m"] == row["sizes"]["n"]])
    assert not found.determined
    assert any("n and m are equal in all rows" in entry.text for entry in found.ambiguities)


def test_options_of_a_family_are_no_open_question() -> None:
    sizes = [{"d_model": d, "hidden": h, "tokens": 3} for d in range(1, 5) for h in range(1, 5)]
    found = conjecture(rows(sizes, lambda d_model, hidden, tokens: hidden, family="glu"))
    assert found.determined
    assert any("tokens is 3" in entry.text for entry in found.ambiguities)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_rows_determine_nothing(count: int) -> None:
    found = conjecture(TWO_LAYERS[5 : 5 + count])
    assert not found.determined
    assert found.proposals


def test_rows_as_a_sweep_keeps_them() -> None:
    """Fresh cases are made from the specs, with the options of most rows, and under their settings."""
    results = []
    for row in LISTS:
        spec = {"family": "linear", "widths": row["sizes"], "bias": False}
        sizes = {"widths": row["sizes"], "batch": None}
        settings = {"flow": "gradient", "loss": "any", "gates": "free", "parameters": None, "seed": 0}
        outcome = {"growth": [1, 2, 2], "closed": True, "complete": True, "error": None, "seconds": 0.1}
        results.append(
            {"family": "linear", "spec": spec, "sizes": sizes, "n_laws": row["n_laws"], **settings, **outcome}
        )
    found = conjecture(results)
    assert found.family == "linear"
    assert found.determined
    assert found.fresh
    assert all(check.agrees and set(check.sizes) == {"widths"} for check in found.fresh)
    other = [row | {"options": {"bias": row["sizes"]["widths"][1] > 8}} for row in results]
    assert conjecture(other).fresh


def test_specs_that_give_other_counts_are_not_used() -> None:
    results = [row | {"spec": f"relu:{'-'.join(map(str, row['sizes']))}"} for row in LISTS]
    found = conjecture(results)
    assert not found.fresh
    assert any("laws, the row has" in note for note in found.notes)


def test_files(tmp_path: Path) -> None:
    table = tmp_path / "rows.json"
    table.write_text(json.dumps(TWO_LAYERS))
    lines = tmp_path / "rows.jsonl"
    lines.write_text("\n".join(map(json.dumps, TWO_LAYERS)))
    flat = tmp_path / "rows.csv"
    flat.write_text(
        "n,r,m,n_laws,complete\n"
        + "".join(f"{','.join(map(str, r['sizes'].values()))},{r['n_laws']},True\n" for r in TWO_LAYERS)
    )
    for path in (table, lines, flat):
        assert conjecture(path, fresh=0).evaluate({"n": 2, "r": 9, "m": 1}) == two_layers(2, 9, 1)
    assert len(list(rows_of_file(str(flat)))) == len(TWO_LAYERS)
    for name, content in (("bad.json", "{"), ("object.json", "{}"), ("bad.jsonl", "{\n"), ("bad.csv", "\x00")):
        bad = tmp_path / name
        bad.write_text(content)
        with pytest.raises(LieLawsError):
            conjecture(bad)
    with pytest.raises(LieLawsError):
        conjecture(tmp_path)


def test_the_columns_of_a_list_and_of_single_sizes_are_one() -> None:
    """A sweep over templates has the variables and the widths made from them."""
    results = [
        {"sizes": {"widths": [n, r, n], "n": n, "r": r}, "n_laws": two_layers(n, r, n)}
        for n in range(1, 4)
        for r in range(1, 9)
    ]
    shape = read_rows(results).shape
    assert shape.columns == ("n", "r")
    assert conjecture(results).evaluate({"widths": [2, 9, 2]}) == two_layers(2, 9, 2)
