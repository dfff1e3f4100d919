"""Certificates that were tampered with: none that states something false is accepted, and none is hard to answer.

LIELAWS_TAMPERING sets the number of mutants, 1000 by default.
"""

from __future__ import annotations

import json
import os
import random
import resource
from pathlib import Path

import pytest

from lielaws.certificate.record import parse_record
from lielaws.checker.verify import verify
from tests.certificate.cases import TAMPERED, record
from tests.certificate.mutations import mutant
from tests.certificate.truth import falsehood

MUTANTS = int(os.environ.get("LIELAWS_TAMPERING", "1000"))
MOST_KILOBYTES = 2**20


@pytest.mark.parametrize("name", TAMPERED)
def test_no_tampered_certificate_lies(name: str, tmp_path: Path) -> None:
    generator = random.Random(f"{name} 0")
    original, path = record(name), tmp_path / "certificate.json"
    accepted = 0
    path.write_text(json.dumps(original), encoding="utf-8")
    assert verify(path).valid
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(-(-MUTANTS // len(TAMPERED))):
        content = mutant(original, generator)
        path.write_text(content, encoding="utf-8")
        verification = verify(path)
        assert verification.valid or verification.reasons
        if verification.valid:
            accepted += 1
            assert falsehood(dict(parse_record(content, "mutant"))) is None, content
    # Some changes leave the statement true: a checker that accepts nothing would pass everything else.
    assert accepted > 0
    print(f"{name}: {accepted} accepted, all of them true")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KILOBYTES


@pytest.mark.parametrize("name", TAMPERED)
def test_the_oracle_agrees_with_the_library(name: str) -> None:
    assert falsehood(record(name)) is None
