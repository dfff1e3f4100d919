"""Networks that the tests of this folder share."""

from __future__ import annotations

import pytest

from tests.unit.modification.trained import Trained, blobs, digits


@pytest.fixture(scope="session", params=["digits", "blobs"])
def trained(request: pytest.FixtureRequest) -> Trained:
    if request.param == "digits":
        pytest.importorskip("sklearn")
        return digits()
    return blobs()


@pytest.fixture(scope="session")
def small() -> Trained:
    return blobs()
