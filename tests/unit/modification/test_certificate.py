"""The record: what it says, how it prints, and that it cannot be altered without notice."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lielaws.errors import CertificateError, LieLawsError
from lielaws.modification import ConservationCertificate, Row, certify, fine_tune, prune, quantize
from lielaws.modification.clause_rows import Clause, compare
from tests.unit.modification.trained import Trained


@pytest.fixture(scope="module")
def certificate(small: Trained) -> ConservationCertificate:
    tuned = fine_tune(small.model, small.data, rate=0.1, steps=5)
    pruned = prune(tuned.after, 0.1)
    return certify([tuned, pruned, quantize(pruned.after, 6)], small.data, feature_tolerance=0.5)


def test_the_report_shows_the_pair_that_breaks_the_arg_max_and_the_heuristics(certificate) -> None:
    text = " ".join(str(certificate).split())
    assert "falls from 1 to 0. No contradiction: the theorem is about predictions drawn" in text
    assert "false as theorems: [[2, 2, 1], [2, 2, -1], [1, -1, 1/2]] has rank 3, and rank 1" in text
    assert "I(Z; Y | X) = 0" in text
    assert "capacity_rules: pass [heuristic]" in text
    assert "L* = 0: the cross-entropy is never negative" in text
    assert all(len(line) <= 120 for line in str(certificate).splitlines())


def test_clauses_by_name(certificate) -> None:
    assert certificate["progress"] is certificate.clause("progress")
    with pytest.raises(LieLawsError, match="did you mean 'progress'"):
        certificate.clause("progres")


def test_the_worst_row_decides() -> None:
    def clause(*verdicts):
        return Clause("c", "claim", tuple(Row(1, "x", 0.0, "<=", 0.0, verdict) for verdict in verdicts))

    assert clause("pass", "pass").verdict == "pass"
    assert clause("pass", "not applicable").verdict == "not applicable"
    assert clause("not applicable", "undecided").verdict == "undecided"
    assert clause("pass", "undecided", "fail").verdict == "fail"
    assert clause().verdict == "not applicable"


def test_comparisons_leave_room_for_rounding() -> None:
    assert compare(1, "x", 1.0, "<=", 1.1, tolerance=0.05).verdict == "pass"
    assert compare(1, "x", 1.0, "<=", 1.1, tolerance=0.2).verdict == "undecided"
    assert compare(1, "x", 1.3, "<=", 1.1, tolerance=0.05).verdict == "fail"
    assert compare(1, "x", 1.0, "<=", 1.1, tolerance=0.2, theorem=True).verdict == "pass"
    assert compare(1, "x", 1.3, "<=", 1.1, tolerance=0.05, theorem=True).verdict == "fail"
    assert compare(1, "x", 1.0, ">=", 1.0).verdict == "pass"
    assert compare(1, "x", np.nextafter(1.0, 0), ">=", 1.0).verdict == "fail"
    assert compare(1, "x", 1.0, "<=", np.inf).verdict == "pass"
    assert compare(1, "x", np.inf, "<=", 1.0).verdict == "fail"
    assert compare(1, "x", np.nan, "<=", 1.0).verdict == "undecided"


def test_numbers_of_other_types(small: Trained) -> None:
    made = fine_tune(small.model, small.data, rate=np.float32(0.1), steps=np.int64(1))
    options = {"delta": np.float32(1e-6), "seed": np.int64(3), "epsilon": 1, "smoothness": np.float32(50)}
    found = certify([made], small.data, **options)
    assert json.loads(found.to_json())["settings"]["seed"] == 3
    assert found["descent"].verdict in {"pass", "not applicable"}


def altered(certificate, change) -> str:
    record = certificate.to_dict()
    change(record)
    return json.dumps(record)


def flip(record) -> None:
    row = next(row for row in record["clauses"][0]["rows"] if row["verdict"] == "fail")
    row["verdict"] = "pass"


def lie(record) -> None:
    record["accepted"] = True


def praise(record) -> None:
    record["clauses"][0]["verdict"] = "pass"


def shorten(record) -> None:
    record["clauses"] = record["clauses"][1:]


def empty(record) -> None:
    record["modifications"] = []


def rename(record) -> None:
    record["format"] = "other"


def age(record) -> None:
    record["version"] = 99


def spoil(record) -> None:
    record["clauses"][0]["rows"][0]["left"] = "much"


def extend(record) -> None:
    record["clauses"][0]["rows"][0]["extra"] = 1


@pytest.mark.parametrize("change", [flip, lie, praise, shorten, empty, rename, age, spoil, extend])
def test_altered_records_are_refused(certificate, change, tmp_path) -> None:
    path = tmp_path / "c.json"
    path.write_text(altered(certificate, change), encoding="utf-8")
    with pytest.raises(CertificateError) as caught:
        ConservationCertificate.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": NaN}', '{"a": 1, "a": 1}', "[" * 100_000, "\x00\xff"])
def test_what_is_no_record(text, tmp_path) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(CertificateError):
        ConservationCertificate.load(path)


def test_paths(certificate, tmp_path) -> None:
    with pytest.raises(CertificateError, match="cannot be read"):
        ConservationCertificate.load(tmp_path / "none.json")
    with pytest.raises(CertificateError, match="cannot be written"):
        certificate.save(tmp_path / "no" / "c.json")
    with pytest.raises(CertificateError, match="cannot be read"):
        ConservationCertificate.load(tmp_path)
