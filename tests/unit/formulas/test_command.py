"""The command `lielaws conjecture`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lielaws.errors import InvalidArgumentError, LieLawsError
from lielaws.formulas.command import conjecture_command
from tests.unit.formulas.helpers import TWO_LAYERS


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [row | {"family": "linear", "flow": "gradient"} for row in TWO_LAYERS]
    rows += [{"sizes": {"hidden": k}, "n_laws": k, "family": "glu", "flow": "gradient"} for k in range(1, 9)]
    path: Path = tmp_path_factory.mktemp("rows") / "rows.json"
    path.write_text(json.dumps(rows))
    return str(path)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(conjecture_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_one_family(file: str) -> None:
    text = run(file, "--family", "linear", "--quiet")
    assert text.startswith("Number of laws of linear as a function of n, r, m\n")
    assert "r*(r + 1)/2" in text
    assert "if r <= n + m" in text
    assert "of glu" not in text


def test_every_family(file: str) -> None:
    text = run(file, "--fresh", "0")
    assert text.index("of glu") < text.index("of linear")


def test_json(file: str) -> None:
    found = json.loads(run(file, "--json", "--where", "family=glu"))
    assert found["formula"] == "hidden"
    assert len(json.loads(run(file, "--json"))) == 2


def test_one_formula_for_each_setting_that_matters(tmp_path: Path) -> None:
    """And a family about which nothing can be said does not hide the others."""
    rows = [
        {"sizes": {"hidden": k}, "n_laws": k * times, "family": "glu", "activation": name, "bias": False}
        for k in range(1, 9)
        for name, times in (("silu", 1), ("relu", 2), ("gelu", 1))
    ]
    rows += [{"sizes": {"n": 1}, "n_laws": count, "family": "odd"} for count in (1, 2)]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows))
    text = run(str(path), "--fresh", "0")
    assert "Number of laws of glu with activation = relu as a function of hidden\n  2*hidden" in text
    assert "Number of laws of glu with activation = silu as a function of hidden\n  hidden" in text
    assert "odd: results = 'the sizes n=1 have the counts 1, 2': no column separates them" in text
    found = json.loads(run(str(path), "--fresh", "0", "--json"))
    assert [each.get("where") for each in found] == [{"activation": name} for name in ("gelu", "relu", "silu")] + [None]
    with pytest.raises(LieLawsError, match="no column separates them"):
        run(str(path), "--family", "odd")


def test_latex(file: str) -> None:
    assert run(file, "--family", "glu", "--latex") == "hidden\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "flow"], "NAME=VALUE is needed"),
        (["--where", "flow=other"], "flow = 'other'"),
        (["--family", "gluu"], "'glu'"),
        (["--fresh", "-1"], "fresh = -1"),
    ],
)
def test_mistakes(file: str, arguments: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        run(file, *arguments)
