"""Spec files, and the choice between a string and a file."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy

from lielaws.errors import SpecError
from lielaws.spec import describe, load, load_architecture, read_text


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_load(tmp_path: Path) -> None:
    toml = write(tmp_path, "a.toml", 'family = "mlp"\nwidths = [2, 3]\nslope = 0.1\n')
    assert load(toml) == {"family": "mlp", "widths": [2, 3], "slope": Fraction(1, 10)}
    mapping = load(write(tmp_path, "a.JSON", '\ufeff{"family": "mlp", "slope": 1.5e-1, "n": 3}'))
    assert mapping == {"family": "mlp", "slope": Fraction(3, 20), "n": 3}
    assert type(mapping["n"]) is int
    for name in ("a.phi", "a.txt"):
        phi = load(str(write(tmp_path, name, "symbols: x y\nx*y\nx^2".replace("^", "**"))))
        assert phi == {"family": "phi", "symbols": ["x", "y"], "expressions": ["x*y", "x**2"]}


@pytest.mark.parametrize(
    ("name", "content", "pieces"),
    [
        ("a.toml", "", ["empty"]),
        ("a.json", " \n ", ["empty"]),
        ("a.phi", b"\xef\xbb\xbf", ["empty"]),
        ("a.toml", b"\xff\xfe\x00junk", ["UTF-8", "byte 0"]),
        ("a.json", b'{"a": "\xe9"}', ["UTF-8", "byte 7"]),
        ("a.toml", "family = \nwidths", ["TOML", "line 1"]),
        ("a.toml", "a = 1\na = 2\n", ["TOML", "line 2"]),
        ("a.toml", "a = nan", ["nan"]),
        ("a.toml", "a = 1e999999", ["1e999999", "exponent"]),
        ("a.toml", "a = " + "9" * 5000, ["too many digits"]),
        ("a.toml", "a = " + "[" * 100_000, ["nested too deeply"]),
        ("a.toml", "a" + ".a" * 500 + " = 1", ["nested too deeply"]),
        ("a.json", '{"a": 1,}', ["JSON", "line 1, column"]),
        ("a.json", '{"a": 1, "a": 2}', ["'a'", "twice"]),
        ("a.json", '{"a": {"b": 1, "b": 1}}', ["'b'", "twice"]),
        ("a.json", '{"a": NaN}', ["NaN"]),
        ("a.json", '{"a": -Infinity}', ["-Infinity"]),
        ("a.json", '{"a": 1e999999999}', ["exponent"]),
        ("a.json", '{"a": ' + "9" * 5000 + "}", ["300 digits"]),
        ("a.json", '{"a": ' + "[" * 100_000, ["nested too deeply"]),
        ("a.json", '{"a": ' + "[" * 300 + "]" * 300 + "}", ["nested too deeply"]),
        ("a.json", "[1, 2]", ["one table"]),
        ("a.json", "3", ["one table"]),
        ("a.json", "null\0", ["JSON"]),
        ("a.phi", "x*y", ["line 1", "symbols:"]),
        ("a.txt", "symbols: x\n__import__('os')", ["line 2"]),
        ("a.yaml", "a: 1", [".toml, .json, .phi, .txt"]),
        ("a.pkl", b"cos\nsystem\n", [".toml, .json"]),
    ],
)
def test_load_refuses(name: str, content: str | bytes, pieces: list[str], tmp_path: Path, refused: Any) -> None:
    assert isinstance(refused([name, *pieces], load, write(tmp_path, name, content)), SpecError)


def test_paths_that_cannot_be_read(tmp_path: Path, refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(["missing.toml", "no such file"], load, tmp_path / "missing.toml")
    (tmp_path / "folder.toml").mkdir()
    refused(["folder.toml", "directory"], load, tmp_path / "folder.toml")
    refused(["valid path"], load, "a\0b.toml")
    refused(["cannot be read"], load, "a" * 5000 + ".toml")
    os.mkfifo(tmp_path / "pipe.toml")
    refused(["pipe.toml", "no regular file"], load, tmp_path / "pipe.toml")
    monkeypatch.setattr("lielaws.spec.files._MOST_BYTES", 2**20)
    refused(["big.json", "larger than 1 MB"], load, write(tmp_path, "big.json", b" " * (2**20 + 1)))


@pytest.mark.usefixtures("toys")
def test_load_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlp = ("mlp", (2, 3), "relu", False, None)
    assert load_architecture("mlp:2-3") == mlp
    path = write(tmp_path, "m.toml", 'family = "mlp"\nwidths = [2, 3]')
    assert load_architecture(path) == mlp
    assert load_architecture(str(path)) == mlp
    monkeypatch.chdir(tmp_path)
    assert load_architecture("m.toml") == mlp
    x = sympy.Symbol("x")
    assert load_architecture(write(tmp_path, "m.phi", "symbols: x\nx**2")) == ("phi", (x,), (x**2,))
    write(
        tmp_path,
        "net.toml",
        'family = "network"\noutput = "C @ h"\n[parameters]\nA = [4, 3]\nC = [2, 4]\n[data]\nx = [3]\n'
        '[let]\nh = "relu(A @ x)"\n',
    )
    assert load_architecture("net.toml")[1:3] == ({"A": (4, 3), "C": (2, 4)}, {"x": (3,)})
    write(
        tmp_path,
        "deep.toml",
        'family = "sequential"\n[[blocks]]\nfamily = "mlp"\nwidths = [2, 3]\n'
        '[[blocks]]\nfamily = "residual"\nblock = {family = "mlp", widths = [2, 3]}\n',
    )
    assert load_architecture("deep.toml") == ("sequential", mlp, ("residual", mlp))


@pytest.mark.parametrize(
    "spec",
    [
        "relu+bias:3-4-3",
        "leaky_relu+slope=0.1:2-3-2",
        "conv:1-2-1+kernel=2+size=4",
        {"family": "network", "parameters": {"A": [4, 3]}, "data": {"x": [3]}, "output": "relu(1/2*A @ x)"},
        {"family": "sequential", "blocks": [{"family": "linear", "widths": [2, 3, 2]}]},
        {"family": "phi", "symbols": ["x", "y"], "expressions": ["x*y", "x**2/(x + y)"]},
    ],
    ids=str,
)
def test_architectures_are_rebuilt_from_their_own_specs(spec: Any) -> None:
    made = load_architecture(spec)
    assert made.spec is not None
    again = load_architecture(json.loads(json.dumps(describe(made.spec))))
    assert again.spec == made.spec
    assert dict(again.parameters) == dict(made.parameters)
    assert again.output_shape == made.output_shape


def test_a_file_of_laws_is_read_as_text(tmp_path: Path, refused: Any) -> None:
    assert read_text(write(tmp_path, "laws.md", "W1[0, 0]\n")) == "W1[0, 0]\n"
    refused(["file = ", "laws.md", "UTF-8"], read_text, write(tmp_path, "laws.md", b"\xff"))
    refused(["no such file"], read_text, tmp_path / "nothing")


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("spec", "pieces"),
    [
        ("nowhere.toml", ["nowhere.toml", "no such file"]),
        ("dir/nowhere.phi", ["no such file"]),
        ("some/where", ["must end in", "relu:3-4-3"]),
        (Path("a.yaml"), ["a.yaml", "must end in"]),
        ("linear", ["sizes are missing", ".toml"]),
        ("lienar:2-3", ["'linear'"]),
        (3, ["spec = 3", "path"]),
        (None, ["spec = None"]),
        (b"linear:2-3", ["spec"]),
    ],
)
def test_load_architecture_refuses(spec: Any, pieces: list[str], refused: Any) -> None:
    refused(pieces, load_architecture, spec)


@pytest.mark.usefixtures("toys")
def test_errors_name_the_file_and_the_key(tmp_path: Path, refused: Any) -> None:
    path = write(tmp_path, "m.toml", 'family = "mlp"\nwidths = [2, 3.0]')
    refused(["m.toml: widths[1] = ", "an integer is needed"], load_architecture, path)
    error = refused(["line break.toml", "no such file"], load_architecture, tmp_path / "line\nbreak.toml")
    assert isinstance(error, SpecError)
