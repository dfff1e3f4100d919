"""Shared settings: hypothesis profiles, and no state of random generators between tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("dev", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True)
settings.register_profile("nightly", parent=settings.get_profile("dev"), max_examples=500)
settings.load_profile(os.environ.get("LIELAWS_HYPOTHESIS", "ci"))
