"""What the documentation shows is what happens."""

from __future__ import annotations

import doctest

import pytest

import lielaws.information
import lielaws.lineage


@pytest.mark.parametrize("module", [lielaws.information, lielaws.lineage], ids=lambda module: module.__name__)
def test_examples(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted > 5
    assert not found.failed
