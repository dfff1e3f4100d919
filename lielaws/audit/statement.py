"""A published statement, and instances of it to compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Instance:
    """One case of a statement that claims a number of laws.

    label : the case, in words that can serve as a condition
    build : makes the architecture
    claimed : number of independent laws that the statement gives for it
    laws : laws that the statement gives, as text for `check_laws`; empty if only the number is claimed
    settings : flow, loss, gates, parameters, seed of the question
    symmetries : at most so many infinitesimal symmetries are claimed
    """

    label: str
    build: Callable[[], Any]
    claimed: int
    laws: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    symmetries: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe computed, in words, and whether that is what was claimed."""

    agrees: bool
    text: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One case of a statement that claims something other than a number of laws.

    claim : what is claimed, in words
    run : computes it
    """

    label: str
    claim: str
    run: Callable[[], Finding]


@dataclass(frozen=True, slots=True)
class Statement:
    """id, text and source as in the literature, and the instances."""

    id: str
    text: str
    source: str
    instances: tuple[Instance | Probe, ...]
