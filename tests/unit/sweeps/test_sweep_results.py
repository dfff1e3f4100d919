"""Reading results: conditions, arrangements, other formats, plots."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path
from typing import Any, cast

import pytest

import lielaws
from lielaws.errors import LieLawsError, SpecError
from lielaws.sweeps import plots
from lielaws.sweeps import results as reader
from lielaws.sweeps.comparisons import read_comparison
from lielaws.sweeps.results import Results
from lielaws.sweeps.run import sweep
from lielaws.sweeps.schema import check_file
from lielaws.sweeps.store import Store
from tests.unit.sweeps.test_sweep_run import Inline

TABLES: list[dict[str, Any]] = [
    {"family": ["linear", "relu"], "widths": {"layers": [2, 3], "each": [1, 2]}},
    {"family": "attention", "d_model": [2, 3], "d_head": [1, 2], "heads": [1, 2], "compute": "count"},
    {"family": "relu", "widths": [2, 2, 1], "bias": True, "loss": ["any", "cross_entropy"], "seed": 3},
]
VALUES = {"widths": [2, 3, 2], "D": 12, "family": "relu", "flow": "heavy_ball:1/2", "complete": True, "kv_heads": None}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Results:
    path = tmp_path_factory.mktemp("results") / "a.sqlite"
    return sweep({"sweep": TABLES}, path, executor=Inline())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D <= 12", True),
        ("D<12", False),
        ("1 < widths[1] <= 3", True),
        ("1 < widths[1] < 3", False),
        ("widths[-1] == 2", True),
        ("sum(widths) == 7", True),
        ("max(widths) == len(widths)", True),
        ("min(D, 4) = 4", True),
        ("D/5 == 2.4", True),
        ("D/5 == 2.4000001", False),
        ("2*widths[1] - 1 == 5", True),
        ("family == relu", True),
        ("family = 'relu'", True),
        ('family != "relu"', False),
        ("flow == heavy_ball:1/2", True),
        ("complete == true", True),
        ("complete == 1", False),
        ("kv_heads == none", True),
        ("kv_heads != none", False),
        ("kv_heads < 3", False),
        ("widths[3] < 3", False),
        ("D == family", False),
    ],
)
def test_comparisons(text: str, expected: bool) -> None:
    assert read_comparison(text).holds(VALUES) is expected


@pytest.mark.parametrize(
    "text",
    [
        "D",
        "",
        "D <",
        "< 3",
        "D << 3",
        "D < E",
        "widths < 3",
        "D <= 2**2**9",
        "__import__('os') == 1",
        "D < (3",
        3,
        None,
    ],
)
def test_no_comparisons(text: Any) -> None:
    with pytest.raises(SpecError):
        read_comparison(text).holds(VALUES)


def test_filters_narrow_down(found: Results) -> None:
    assert len(found) == 2 * (8 + 16) + 8 + 2
    assert {row["family"] for row in found.filter("family != relu")} == {"linear", "attention"}
    assert all(row["sizes"]["heads"] == 2 for row in found.filter("heads == 2"))
    assert len(found.filter("heads == 2")) == 4
    assert len(found.filter("heads >= 1", "d_model + d_head == 5")) == 2
    assert len(found.filter("widths[3] >= 1")) == 2 * 2**4
    assert len(found.filter("D > 1000")) == 0
    assert [row["options"] for row in found.filter("bias == true")] == [{"bias": True}] * 2
    assert len(found.errors) == len(found.filter("error != none")) == 1
    with pytest.raises(SpecError, match="'heads'"):
        found.filter("head == 2").rows()


def test_columns_and_the_summary(found: Results) -> None:
    rows = found.rows()
    assert found.column("widths[0]") == [
        row["sizes"]["widths"][0] if "widths" in row["sizes"] else None for row in rows
    ]
    assert found.filter("family == attention").column("d_model*heads") == [
        row["sizes"]["d_model"] * row["sizes"]["heads"] for row in rows if row["family"] == "attention"
    ]
    assert found.column("D") == [row["n_parameters"] for row in rows]
    summary = found.summary()
    assert summary["counted"] == 8
    assert summary["errors"] == 1
    assert summary["cases"] == len(rows) == sum(summary.values()) - len(rows)


def test_the_order_is_that_of_the_rows_not_of_the_run(found: Results) -> None:
    rows = found.rows()
    order = [(row["family"], row["flow"], row["n_parameters"], row["architecture"]) for row in rows]
    assert order == sorted(order)


def test_sizes_can_be_queried_in_sql(found: Results) -> None:
    connection = sqlite3.connect(found.path)
    query = (
        "SELECT count(*) FROM cases WHERE json_extract(sizes, '$.heads') = 2 AND json_extract(sizes, '$.d_head') = 1"
    )
    assert connection.execute(query).fetchone() == (2,)
    connection.close()


def test_pandas(found: Results) -> None:
    pytest.importorskip("pandas")
    frame = found.to_pandas()
    assert len(frame) == len(found)
    assert frame["n_parameters"].dtype == "Int64"
    assert frame["growth"].iloc[0] == found.rows()[0]["growth"]
    assert len(frame.lielaws.errors) == 1
    assert len(frame.lielaws.complete) == found.summary()["complete"]
    assert len(frame.lielaws.gaps) == found.summary()["gaps"]
    linear = frame[(frame["family"] == "linear") & frame["widths[3]"].isna() & (frame["widths[2]"] == 1)]
    assert linear.lielaws.pivot("widths[0]", "widths[1]").loc[1, 2] == 3
    with pytest.raises(AttributeError):
        frame[["growth"]].lielaws.errors  # noqa: B018


def test_parquet(found: Results, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    found.to_parquet(tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column("n_laws").to_pylist() == found.column("n_laws")
    assert table.column("widths[1]").to_pylist() == found.column("widths[1]")
    with pytest.raises(LieLawsError):
        found.to_parquet(tmp_path / "missing" / "a.parquet")


def test_extras_that_are_missing(found: Results, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("pyarrow", "pandas", "matplotlib.figure", "distributed"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(LieLawsError, match=r"lielaws\[parquet\]"):
        found.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(LieLawsError, match="pandas"):
        found.to_pandas()
    with pytest.raises(LieLawsError, match=r"lielaws\[plot\]"):
        plots.time_against(found)
    with pytest.raises(LieLawsError, match=r"lielaws\[dask\]"):
        sweep(["relu:1-1"], tmp_path / "a.sqlite", executor="dask", scheduler="tcp://127.0.0.1:1")


def test_plots(found: Results, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    linear = found.filter("family == linear", "len(widths) == 3")
    axes = plots.laws_against(linear, "widths[1]")
    assert [line.get_label() for line in axes.get_lines()] == [
        f"linear {n}-n-{m}" for n, m in ((1, 1), (1, 2), (2, 1), (2, 2))
    ]
    for line in axes.get_lines():
        assert line.get_xydata().tolist() == [[1, 1], [2, 3]]
    heat = plots.heat_map(linear, "widths[0]", "widths[1]")
    assert heat.images[0].get_array().tolist() == [[1, 3], [1, 3]]
    assert heat.get_xlabel() == "widths[1]"
    growth = plots.growth_vectors(linear.filter("D == 6", "widths[0] == 1"))
    assert growth.get_lines()[0].get_ydata().tolist() == [2 / 6, 3 / 6, 3 / 6]
    time = plots.time_against(found)
    assert sum(len(line.get_xdata()) for line in time.get_lines()) == len(found) - 1
    given = plots.time_against(found, ax=heat)
    assert given is heat
    for kind in ("laws:widths[1]", "heat:widths[0],widths[1]", "time", "growth"):
        plots.save_plot(linear, kind, tmp_path / "a.svg")
        assert "<svg" in (tmp_path / "a.svg").read_text()
    for size in ("family", "widths", "widths[9]", "nothing"):
        with pytest.raises(LieLawsError, match="size"):
            plots.laws_against(linear, size)
    with pytest.raises(LieLawsError, match="nothing to draw"):
        plots.growth_vectors(found.errors)


@pytest.mark.parametrize("path", ["missing.sqlite", ".", None, 3, "\0"])
def test_files_that_are_no_results(path: Any) -> None:
    with pytest.raises(LieLawsError, match="results = "):
        lielaws.results(path)


def test_a_damaged_file(found: Results, tmp_path: Path) -> None:
    data = bytearray(found.path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    (tmp_path / "a.sqlite").write_bytes(data)
    with pytest.raises(LieLawsError, match="cannot be read"):
        lielaws.results(tmp_path / "a.sqlite").rows()


def test_a_file_that_a_sweep_creates_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.touch()
    writer = threading.Thread(target=lambda: Store(path).close())

    class Slow:
        """A connection that leaves the writer a moment after each answer."""

        def __init__(self) -> None:
            self.real = sqlite3.connect(path, isolation_level=None)

        def execute(self, text: str) -> sqlite3.Cursor:
            found = self.real.execute(text)
            if "application_id" in text:
                writer.start()
                writer.join(0.5)
            return found

    slow = Slow()
    with contextlib.closing(slow.real):
        assert not check_file(cast("sqlite3.Connection", slow), path)
    writer.join()
    with contextlib.closing(sqlite3.connect(path)) as after:
        assert check_file(after, path)


@pytest.mark.parametrize("failures", [1, 3, 100])
def test_a_moment_at_which_a_file_cannot_be_read(
    failures: int, found: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a sweep starts, ends, or recovers from a kill."""
    opened, left = reader._opened, [failures]

    def failing(path: Path, mode: str) -> sqlite3.Connection:
        left[0] -= 1
        if left[0] >= 0:
            raise sqlite3.OperationalError("unable to open database file")
        return opened(path, mode)

    expected = found.rows()
    monkeypatch.setattr(reader, "_opened", failing)
    monkeypatch.setattr(reader, "_WAITS", (0.001,) * 4)
    if failures < 5:
        assert found.rows() == expected
    else:
        with pytest.raises(LieLawsError, match="it cannot be read"):
            found.rows()
