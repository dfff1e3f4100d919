"""`lielaws sweep` and `lielaws results` as they are used."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lielaws.cli import cli, main
from lielaws.sweeps.results import Results
from lielaws.sweeps.run import sweep
from tests.unit.sweeps.test_sweep_run import Inline

FILE = """
[[sweep]]
family = ["linear", "relu"]
widths = [[1, 2], { from = 1, to = 3 }, 2]
flow = ["gradient", "heavy_ball:1/2"]
filter = "D <= 12"

[[sweep]]
spec = "relu:{n}-{n-1}-1"
variables = { n = 1 }
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("commands") / "a.toml"
    path.write_text(FILE.replace("n = 1", "n = [1, 2]"))
    sweep(path, executor=Inline())
    return path.with_suffix(".sqlite")


def out(*arguments: str | Path) -> str:
    done = CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_sweep_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[sweep]]\nspec = ["relu:2-2-2", "gelu:2-2-2"]\n')
    text = out("sweep", tmp_path / "a.toml", "-j", "1", "--quiet", "--certificates")
    assert text == f"{tmp_path}/a.sqlite: 2 cases, 2 with a complete list of laws, 0 with a gap, 0 with an error\n"
    assert len(list((tmp_path / "a.sqlite.certificates").iterdir())) == 2
    again = json.loads(out("sweep", tmp_path / "a.toml", "--json"))
    assert again == {"results": f"{tmp_path}/a.sqlite", "cases": 2, "complete": 2, "gaps": 0, "counted": 0, "errors": 0}


def test_the_cases_can_be_listed(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(FILE.replace("n = 1 ", "n = [1, 2] "))
    lines = out("sweep", tmp_path / "a.toml", "--list").splitlines()
    assert lines[0] == "linear:1-1-2"
    assert "relu(template=relu:{n}-{n-1}-1, n=1)" not in lines
    assert lines[-1] == "26 cases"
    assert len(json.loads(out("sweep", tmp_path / "a.toml", "--list", "--json"))) == 26
    assert not (tmp_path / "a.sqlite").exists()


def test_results_as_a_table(file: Path) -> None:
    lines = out("results", file).splitlines()
    assert lines[0].split() == ["architecture", "flow", "D", "laws", "found", "complete", "growth", "seconds", "error"]
    assert len(lines) == 27
    assert out("results", file, "--errors").splitlines()[1].startswith("relu(n=1)")
    some = out(
        "results", file, "--filter", "family == relu", "--filter", "D > 8", "--columns", "architecture,widths[1],n_laws"
    )
    assert [line.split() for line in some.splitlines()] == [
        ["architecture", "widths[1]", "laws"],
        ["relu:1-3-2", "3", "3"],
        ["relu:2-3-2", "3", "3"],
        ["relu:1-3-2", "3", "0"],
        ["relu:2-3-2", "3", "0"],
    ]


def test_results_as_a_pivot(file: Path) -> None:
    both = ["results", file, "--filter", "family == linear", "--pivot", "widths[0]", "widths[1]"]
    arguments = [*both, "--filter", "flow == gradient"]
    assert [line.split() for line in out(*arguments).splitlines()] == [
        ["widths[0]", "\\", "widths[1]", "1", "2", "3"],
        ["1", "1", "3", "6"],
        ["2", "1", "3", "6"],
    ]
    assert json.loads(out(*arguments, "--json"))["rows"] == [[1, 1, 3, 6], [2, 1, 3, 6]]
    assert out(*both).splitlines()[1].split() == ["1", "0,", "1", "1,", "3", "3,", "6"]


def test_results_in_other_formats(file: Path, tmp_path: Path) -> None:
    assert json.loads(out("results", file, "--json")) == Results(file).rows()
    out("results", file, "--csv", tmp_path / "a.csv", "--jsonl", tmp_path / "a.jsonl")
    with (tmp_path / "a.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["widths[1]"] for row in rows] == [
        str(row["sizes"]["widths"][1]) if "widths" in row["sizes"] else "" for row in Results(file)
    ]
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == Results(file).rows()


BAD = [
    (["sweep", "missing.toml"], "no such file"),
    (["sweep", "."], "directory"),
    (["sweep", "{folder}/bad.toml"], "line 2"),
    (["sweep", "{folder}/good.toml", "-o", "{folder}/missing/a.sqlite"], "no such directory"),
    (["sweep", "{folder}/good.toml", "--jobs", "0"], "jobs"),
    (["sweep", "{folder}/good.toml", "--time-limit", "x"], "time_limit"),
    (["sweep", "{folder}/good.toml", "--executor", "dsk"], "'dask'"),
    (["sweep", "{folder}/good.toml", "--scheduler", "tcp://x:1"], "scheduler"),
    (["sweep", "{folder}/good.toml", "-o", "{folder}/good.toml"], "no file of results"),
    (["sweep"], "FILE"),
    (["results", "missing.sqlite"], "no such file"),
    (["results", "{folder}/good.toml"], "no file of results"),
    (["results", "{folder}"], "directory"),
    (["results", "{file}", "--filter", "D"], "comparison"),
    (["results", "{file}", "--filter", "DD < 3"], "'D'"),
    (["results", "{file}", "--columns", "architecturre"], "'architecture'"),
    (["results", "{file}", "--pivot", "widths[0]", "hidden"], "hidden"),
    (["results", "{file}", "--plot", "pie", "a.png"], "pie"),
    (["results", "{file}", "--plot", "laws", "a.png"], "laws:widths[1]"),
    (["results", "{file}", "--plot", "time", "{folder}/missing/a.png"], "cannot be written"),
    (["results", "{file}", "--plot", "time", "{folder}/a.xyz"], "cannot be written"),
    (["results", "{file}", "--csv", "{folder}/missing/a.csv"], "cannot be written"),
]


@pytest.mark.parametrize(("arguments", "expected"), BAD)
def test_bad_input_is_one_line(
    arguments: list[str], expected: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--plot" in arguments:
        pytest.importorskip("matplotlib")
    (tmp_path / "good.toml").write_text('[[sweep]]\nspec = "relu:2-2-2"\n')
    (tmp_path / "bad.toml").write_text('[[sweep]]\nspecs = "relu:2-2-2"\n')
    with pytest.raises(SystemExit) as caught:
        main([argument.format(folder=tmp_path, file=file) for argument in arguments])
    assert caught.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert expected in shown.err
    assert shown.err.startswith("lielaws: ")
    assert shown.err.count("\n") == 1
    assert {entry.name for entry in tmp_path.iterdir()} == {"good.toml", "bad.toml"}
