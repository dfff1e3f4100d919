"""Shared settings: hypothesis profiles, and which tests are quick."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.quick import is_quick, quick_names

settings.register_profile("dev", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True)
settings.register_profile("nightly", parent=settings.get_profile("dev"), max_examples=500)
settings.load_profile(os.environ.get("LIELAWS_HYPOTHESIS", "ci"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files without quick tests are not even imported for `-m quick`: that takes longer than the tests."""
    quick = config.getoption("markexpr") == "quick" and collection_path.name.startswith("test_")
    return True if quick and collection_path.is_file() and quick_names(collection_path) is None else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        slow = any(item.get_closest_marker(name) for name in ("slow", "dask"))
        if not slow and is_quick(item.path, item.name):
            item.add_marker(pytest.mark.quick)
