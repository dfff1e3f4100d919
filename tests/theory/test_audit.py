"""The audit computes; what it must find stands here alone."""

from __future__ import annotations

import json

import pytest

from lielaws.audit.run import audit, statements
from lielaws.cli import main

EXPECTED = {
    "confirmed": {"G1", "G2", "G6", "G8", "G13", "G16", "G17", "G19", "G25", "G26", "G28", "C1", "C2"},
    "conditional": {"G3", "G4", "G5", "G7", "G10", "G12", "G15", "G18", "G23", "G24", "G27"},
    "refuted": {"G22", "G30"},
}


@pytest.fixture(scope="module")
def rows():
    return audit()


def test_verdicts(rows):
    verdicts = {row.id: row.verdict for row in rows}
    for verdict, names in EXPECTED.items():
        assert {name for name in names if verdicts[name] != verdict} == set()
    assert set(verdicts) == {statement.id for statement in statements()}


def test_each_refutation_has_a_certificate(rows):
    for row in rows:
        if not row.agrees:
            assert row.report.certificate.upper_bound == row.report.n_laws


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


def test_json_of_the_command_line(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["audit", "--json", "--quiet"])
    assert stop.value.code == 0
    found = json.loads(capsys.readouterr().out)
    keys = {"id", "source", "instance", "claimed", "computed", "verdict", "condition", "seconds"}
    assert all(set(row) == keys for row in found)
