"""What discovery does when time is over, while it runs, and with networks that are too large."""

from __future__ import annotations

import logging
import time

import pytest

import lielaws
from lielaws.progress import TimeUpError, Watch


@pytest.mark.parametrize("spec", ["tanh:12-12-12", "relu2:8-8-8-4", "linear+bias:8-9-8"])
def test_what_is_known_when_the_time_is_over_is_true(spec: str) -> None:
    whole = lielaws.discover_laws(spec)
    for limit in (1e-6, 0.02, 0.05):
        report = lielaws.discover_laws(spec, time_limit=limit)
        assert report.n_laws >= whole.n_laws
        assert len(report.laws) <= whole.n_laws
        assert lielaws.verify(report.certificate)
        if not report.complete:
            assert report.stopped == limit
            assert f"The time limit of {limit:g} seconds ended it" in str(report)


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    report = lielaws.discover_laws("relu:2-3-2", time_limit=60)
    assert report.stopped is None
    assert str(report) == str(lielaws.discover_laws("relu:2-3-2"))


@pytest.mark.parametrize("limit", [0, -1, float("nan"), "soon", True])
def test_limits_that_are_none(limit: object) -> None:
    with pytest.raises(lielaws.LieLawsError, match="time_limit"):
        lielaws.discover_laws("relu:2-3-2", time_limit=limit)


def test_a_watch_passes_on_until_the_time_is_over() -> None:
    seen: list[tuple[str, int, int]] = []
    watch = Watch(lambda *state: seen.append(state), 0.05)
    watch("first", 1, 2)
    time.sleep(0.06)
    with pytest.raises(TimeUpError):
        watch("second", 2, 2)
    assert watch.over
    assert seen == [("first", 1, 2), ("second", 2, 2)]


def test_stages_are_recorded(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="lielaws"):
        lielaws.discover_laws("tanh:2-3-2")
    assert any("brackets of depth 1" in record.message for record in caplog.records)


def test_a_refusal_names_what_costs_and_what_would_fit() -> None:
    with pytest.raises(lielaws.LieLawsError) as refused:
        lielaws.discover_laws("tanh:784-300-10")
    text = str(refused.value)
    for part in ("238,200 parameters", "W1 235,200", "fit here", "times smaller", "'exp'"):
        assert part in text
