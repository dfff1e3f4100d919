"""`lielaws modification ...` on saved arrays."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

import lielaws
from lielaws.errors import LieLawsError
from lielaws.modification import (
    Modification,
    as_model,
    fine_tune,
    load_arrays,
    prune,
    prune_units,
    quantize,
    rescale,
    save_arrays,
    truncate,
)
from lielaws.modification.modification_commands import modification
from lielaws.modification.recipes import stated

SPEC = "relu:4-6-3"


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    network = lielaws.mlp([4, 6, 3])
    model = as_model(network, {name: rng.normal(size=shape) for name, shape in network.parameters.items()})
    x, y = rng.normal(size=(40, 4)), rng.integers(0, 3, 40)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    save_arrays(tmp_path / "m0.npz", model.params)
    tuned = fine_tune(model, (x, y), rate=0.05, steps=1).after
    save_arrays(tmp_path / "m1.npz", tuned.params)
    save_arrays(tmp_path / "m2.npz", quantize(tuned, 6).after.params)
    spoil(tmp_path, model.params)
    return tmp_path


def spoil(folder, params) -> None:
    """Files that are no models of this architecture, and data that are none."""
    np.savez(folder / "nan.npz", W1=params["W1"] * np.nan, W2=params["W2"])
    np.savez(folder / "complex.npz", W1=params["W1"] * 1j, W2=params["W2"])
    np.savez(folder / "biased.npz", b1=np.ones(6), **params)
    np.savez(folder / "nothing.npz", x=np.zeros((0, 4)), y=np.zeros(0, dtype=int))
    content = bytearray((folder / "m0.npz").read_bytes())
    content[60] ^= 0xFF
    (folder / "flipped.npz").write_bytes(bytes(content))
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(folder / "large.npz", "w") as archive:
        archive.writestr("W1.npy", b"\x93NUMPY\x01\x00v\x00" + header)


def run(*arguments, status: int = 0) -> str:
    result = CliRunner().invoke(modification, [str(argument) for argument in arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result.output


def test_an_accepted_chain(folder) -> None:
    text = run("certify", SPEC, folder / "m0.npz", folder / "m1.npz", "--data", folder / "data.npz")
    assert text.startswith("Conservation certificate: accepted")


def test_equal_files_are_known_to_have_equal_outputs(folder) -> None:
    options = ["--data", folder / "data.npz", "--feature-tolerance", "0", "--epsilon", "0", "--json"]
    record = json.loads(run("certify", SPEC, folder / "m0.npz", folder / "m0.npz", *options, status=1))
    verdicts = {clause["name"]: clause["verdict"] for clause in record["clauses"]}
    assert (verdicts["progress"], verdicts["features"], verdicts["preservation"]) == ("fail", "pass", "pass")


def test_one_line_for_each_clause(folder) -> None:
    models = [folder / "m0.npz", folder / "m1.npz"]
    lines = run("certify", SPEC, *models, "--data", folder / "data.npz", "--brief").splitlines()
    assert lines[0].startswith("Conservation certificate: accepted")
    assert [line.split()[:3] for line in lines if line.startswith("progress")] == [["progress", "pass", "[proved]"]]
    assert any(line.startswith("descent         not applicable") for line in lines)
    assert all(len(line) <= 116 for line in lines)
    assert len(lines) < 25


def test_a_chain_that_is_not_accepted_and_its_record(folder) -> None:
    models = [folder / f"m{k}.npz" for k in range(3)]
    options = ["--data", folder / "data.npz", "--done", "gradient_step:0.05", "--done", "quantize:6"]
    options += ["--smoothness", "15", "--certificate", folder / "c.json", "--delta", "1e-3", "--json"]
    record = json.loads(run("certify", SPEC, *models, *options, status=1))
    clauses = {clause["name"]: clause for clause in record["clauses"]}
    assert record["accepted"] is False
    assert clauses["descent"]["verdict"] == "pass"
    # Making it again gives the same arrays, so the step sizes are known.
    assert clauses["quantization"]["verdict"] == "pass"
    assert json.loads(run("show", folder / "c.json", "--json", status=1)) == record


@pytest.mark.parametrize(
    ("change", "function", "value"),
    [
        ("prune:0.3", prune, 0.3),
        ("prune_units:0.5", prune_units, 0.5),
        ("quantize:4", quantize, 4),
        ("low_rank:2", truncate, 2),
        ("rescale", rescale, None),
    ],
)
def test_apply(folder, change, function, value) -> None:
    run("apply", SPEC, folder / "m0.npz", change, folder / "out.npz")
    model = as_model(SPEC, load_arrays(folder / "m0.npz"))
    expected, found = function(model, value).after.params, load_arrays(folder / "out.npz")
    assert all(np.array_equal(found[name], expected[name]) for name in ("W1", "W2"))
    assert any(not np.array_equal(found[name], model.params[name]) for name in ("W1", "W2"))


def test_apply_with_data(folder) -> None:
    record = json.loads(
        run(
            "apply",
            SPEC,
            folder / "m0.npz",
            "gradient_step:0.05",
            folder / "o.npz",
            "--data",
            folder / "data.npz",
            "--json",
        )
    )
    assert record["done"] == "gradient_step"
    assert np.array_equal(load_arrays(folder / "o.npz")["W1"], load_arrays(folder / "m1.npz")["W1"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["m0.npz"], "length zero"),
        (["m0.npz", "m1.npz"], "needs a pair"),
        (["m0.npz", "m1.npz", "--data", "m0.npz"], "'x' is missing"),
        (["m0.npz", "none.npz", "--data", "data.npz"], "no such file"),
        (["m0.npz", "data.npz", "--data", "data.npz"], "'W1' is missing"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--done", "prun:1"], "did you mean"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--done", "prune:x"], "share is needed"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--done", "a", "--done", "b"], "one for each"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--done", "prune:2"], "share must be from 0 to 1"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--done", "quantize:0"], "bits must be from 1"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--done", "gradient_step:nan"], "rate must be"),
        (["m0.npz", "nan.npz", "--data", "data.npz"], "nan.npz: params['W1'] = 'nan at [0, 0]'"),
        (["m0.npz", "complex.npz", "--data", "data.npz"], "'W1' in complex.npz = 'array of complex128'"),
        (["m0.npz", "biased.npz", "--data", "data.npz"], "has no such parameter"),
        (["m0.npz", "large.npz", "--data", "data.npz"], "path = 'large.npz'"),
        (["m0.npz", "flipped.npz", "--data", "data.npz"], "cannot be read as arrays"),
        (["m0.npz", "m1.npz", "--data", "nothing.npz"], "data are empty"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--lower-bound", "9"], "no lower bound"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--loss", "mine"], "unknown"),
        (["m0.npz", "m1.npz", "--data", "data.npz", "--delta", "0"], "delta > 0"),
    ],
)
def test_bad_input(folder, arguments, words, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(modification, ["certify", SPEC, *arguments])
    assert isinstance(result.exception, LieLawsError)
    assert words in str(result.exception)


def test_the_file_is_named(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(modification, ["certify", "relu:4-5-3", "m0.npz", "m1.npz", "--data", "data.npz"])
    assert str(result.exception).startswith("m0.npz: params['W1']")


def test_what_is_stated_need_not_be_so() -> None:
    network = lielaws.mlp([2, 2, 2])
    model = as_model(network, {name: np.arange(4.0).reshape(2, 2) for name in ("W1", "W2")})
    pruned = prune(model, 0.5).after
    assert stated("prune:0.5", model, pruned).settings["tensors"] == ["W1", "W2"]
    assert stated("prune:0.9", model, pruned).settings == {"share": 0.9}
    assert stated("polish", model, pruned).done == "polish"
    assert isinstance(stated("low_rank:99", model, pruned), Modification)
