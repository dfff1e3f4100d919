"""The audit computes; what it must find stands here alone."""

from __future__ import annotations

import json

import pytest

from lielaws.audit.verdicts import audit, save_certificates, statements
from lielaws.certificate.record import Certificate
from lielaws.checker.verify import verify
from lielaws.cli import main

EXPECTED = {
    "confirmed": {"G1", "G2", "G6", "G8", "G9", "G11", "G13", "G14", "G16", "G17", "G19", "G20", "G21", "G25", "G26"}
    | {"G27", "G28", "G29", "C1", "C2", "M2", "M3", "M5", "M8", "S1"},
    "conditional": {"G3", "G4", "G5", "G7", "G10", "G12", "G15", "G18", "G23", "G24", "M1", "M4", "M6", "M7"}
    | {"S2", "S3"},
    "refuted": {"G22", "G30"},
}


@pytest.fixture(scope="module")
def rows():
    return audit()


def test_verdicts(rows):
    verdicts = {row.id: row.verdict for row in rows}
    for verdict, names in EXPECTED.items():
        assert {name for name, found in verdicts.items() if found == verdict} == names
    assert set(verdicts) == {statement.id for statement in statements()}


def test_each_refutation_has_a_certificate(rows, tmp_path):
    written = save_certificates(rows, tmp_path)
    assert {path.name.split("-")[0] for path in written} >= EXPECTED["refuted"]
    assert len(written) == sum(not row.agrees and row.report is not None for row in rows)
    for path in written:
        # Regions are not read by the checker.
        if Certificate.load(path).record["setting"]["gates"] == "free":
            assert verify(path).reasons == ()


def test_the_smallest_counterexample_is_named(rows):
    conditions = {row.id: row.condition for row in rows if row.verdict == "refuted"}
    assert "1-1-1, claimed 1 laws, computed 0 laws" in conditions["G30"]
    assert "d 1, hidden 1, 2 experts" in conditions["G22"]


def test_conditions_name_both_sides(rows):
    for row in rows:
        if row.verdict == "conditional":
            assert row.condition.startswith("holds for: ")
            assert "Fails for: " in row.condition


def test_a_wrong_claim_is_not_confirmed():
    from dataclasses import replace

    statement = statements()[0]
    wrong = replace(statement, instances=tuple(replace(i, claimed=i.claimed + 1) for i in statement.instances))
    assert {row.verdict for row in audit([wrong])} == {"refuted"}


def test_json_of_the_command_line(capsys, monkeypatch):
    few = statements()[:3]
    monkeypatch.setattr("lielaws.audit.verdicts.statements", lambda: few)
    with pytest.raises(SystemExit) as stop:
        main(["audit", "--json", "--quiet"])
    assert stop.value.code == 0
    found = json.loads(capsys.readouterr().out)
    keys = {"id", "source", "instance", "claimed", "computed", "verdict", "condition", "seconds"}
    assert all(set(row) == keys for row in found)
