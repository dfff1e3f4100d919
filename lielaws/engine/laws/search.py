"""The law search: one ansatz after the other until the count is reached.

Every polynomial that leaves this module has been verified, and the set is independent: its gradients have full rank at
a point modulo a prime, which is a proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Protocol

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.engine.flows.fields import VectorFields
from lielaws.engine.laws.ansatz import Ansatz, Labels, blocks, graded, structured, timed
from lielaws.engine.laws.characters import sign_characters
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.laws.power_sums import power_sums
from lielaws.engine.laws.proof_families import Family, families
from lielaws.engine.laws.refutation import changing, polynomial_gradients
from lielaws.engine.laws.solve import Samples, candidate_laws
from lielaws.engine.laws.terms import TermTable
from lielaws.engine.laws.verify import Verification, verified
from lielaws.engine.laws.wide_products import wide_products
from lielaws.engine.linalg import EXPLORATION_PRIME, Echelon
from lielaws.engine.linalg.centred import LARGEST_PRIME
from lielaws.errors import ExactnessError
from lielaws.progress import Progress, TimeUpError

_ATTEMPTS = 3
# A nullspace of so many columns takes about a minute.
_LARGEST_BLOCK = 6000
# Each misses a candidate that is no law with the probability of a zero only.
_FEW_SAMPLES = 2
_POWER_SUMS = "sums of powers of parameters"


class Sparse(Protocol):
    """A family whose brackets are sparse: see `engine.closure.sparse_family`."""

    def complement_at(self, prime: int) -> tuple[IntArray, IntArray]: ...
    def sample(self, count: int, prime: int) -> tuple[IntArray, IntArray]: ...


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Independent verified laws, simplest first.

    verified : all polynomials that were verified, those that depend on others included
    verifications : how they were verified, one for each ansatz that contributed
    tried : names of the ansatz spaces that were searched; skipped : of those that were too large
    degree : up to which degree all polynomials were searched, or the count was reached before that mattered
    """

    laws: tuple[Polynomial, ...] = ()
    verified: frozenset[Polynomial] = frozenset()
    verifications: tuple[Verification, ...] = ()
    tried: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    degree: int = 0


def search(
    fields: VectorFields,
    wanted: int,
    rng: np.random.Generator,
    *,
    labels: Labels | None = None,
    max_degree: int = 2,
    sparse: Sparse | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Look for `wanted` independent laws, the upper bound of the count; fewer are returned if no more are found.

    Parameters
    ----------
    labels : those of the sign characters by default; zeros for systems that are not split into blocks
    max_degree : of the polynomials that are tried
    sparse : for families with sparse brackets, off which sums of powers of single parameters are read
    """
    result = SearchResult()
    if not wanted:
        return result
    if sparse is not None:
        samples = Samples(next(families(fields)), rng)
        looked_at = partial(_looked_at, sparse, progress, wanted)
        candidates = power_sums(looked_at, wanted, max_degree, partial(_holds, samples), rng)
        result = _with_power_sums(result, candidates, samples.family, rng)
        if len(result.laws) >= wanted:
            return result
    labels = sign_characters(fields) if labels is None else labels
    stages = _stages(fields, max_degree, rng)
    if sparse is not None and max_degree >= 2:
        stages = chain(_wide_stages(fields, sparse, labels, rng), stages)

    def report(ansatz: Ansatz) -> None:
        if progress is not None:
            progress(f"laws: {ansatz.name}", len(result.laws), wanted)

    with suppress(TimeUpError):
        for samples, given in stages:
            ansatz = _affordable(given, labels)
            report(ansatz)
            known = _POWER_SUMS in result.tried and _of_powers(ansatz.table)
            for table in () if known or ansatz.table is None else timed(ansatz.table, ansatz.degree, fields.space):
                report(ansatz)
                if len(result.laws) < wanted:
                    with suppress(ExactnessError):
                        result = _try(table, result, samples, labels)
            result = _with_ansatz(result, ansatz)
            if len(result.laws) >= wanted:
                break
    return result


def _affordable(ansatz: Ansatz, labels: Labels) -> Ansatz:
    """Without its table if that does not fall into small blocks."""
    if ansatz.table is None or ansatz.table.count <= _LARGEST_BLOCK:
        return ansatz
    largest = len(blocks(ansatz.table, labels)[-1])
    return ansatz if largest <= _LARGEST_BLOCK else replace(ansatz, table=None)


def _of_powers(table: TermTable | None) -> bool:
    """Whether each candidate is a power of one coordinate."""
    if table is None or len(table.owners) > table.count:
        return False
    return bool((table.factors == table.factors[:, :1]).all())


def _with_ansatz(result: SearchResult, ansatz: Ansatz) -> SearchResult:
    """After an ansatz was gone through, or was found to be too large."""
    if ansatz.table is None:
        return replace(result, skipped=tuple(dict.fromkeys((*result.skipped, ansatz.name))))
    tried = tuple(dict.fromkeys((*result.tried, ansatz.name)))
    is_full = ansatz.is_full and not result.skipped
    return replace(result, tried=tried, degree=ansatz.degree if is_full else result.degree)


def _stages(fields: VectorFields, max_degree: int, rng: np.random.Generator) -> Iterator[tuple[Samples, Ansatz]]:
    """What to try, and with which family.

    All families have their turn before all polynomials do: what free values miss has the forms of other laws.
    """
    known: list[Samples] = []
    for family in families(fields):
        known.append(Samples(family, rng))
        for ansatz in structured(fields.space, max_degree):
            yield known[-1], ansatz
    for samples in known:
        for ansatz in graded(fields.space, max_degree):
            yield samples, ansatz


def _holds(samples: Samples, laws: list[Polynomial]) -> bool:
    """Whether no law changes along a few vector fields, modulo a prime."""
    points, values = samples.take(_FEW_SAMPLES)
    table = TermTable.of(laws, samples.family.fields.space.dimension)
    return not table.derivatives(points, values, samples.prime).any()


def _looked_at(sparse: Sparse, progress: Progress | None, wanted: int, prime: int) -> tuple[IntArray, IntArray]:
    if progress is not None:
        progress(f"laws: {_POWER_SUMS}", 0, wanted)
    return sparse.complement_at(prime)


def _with_power_sums(
    result: SearchResult, candidates: Iterator[list[Polynomial]], family: Family, rng: np.random.Generator
) -> SearchResult:
    """Named among what was tried only if all of them were."""
    with suppress(ExactnessError, TimeUpError):
        for found in candidates:
            kept, verification = verified(found, family, rng) if found else ([], None)
            result = _with_laws(result, kept, verification, family.fields.space.dimension, rng)
        result = replace(result, tried=(_POWER_SUMS,))
    return result


def _wide_stages(
    fields: VectorFields, sparse: Sparse, labels: Labels, rng: np.random.Generator
) -> Iterator[tuple[Samples, Ansatz]]:
    _, complement = sparse.complement_at(LARGEST_PRIME)
    samples = Samples(next(families(fields)), rng, LARGEST_PRIME, sparse.sample)
    yield samples, wide_products(labels, complement, LARGEST_PRIME)


def _try(table: TermTable, result: SearchResult, samples: Samples, labels: Labels) -> SearchResult:
    kept: list[Polynomial] = []
    verification = None
    for attempt in range(1, _ATTEMPTS + 1):
        found = candidate_laws(table, labels, samples, attempt)
        if not found:
            break
        kept, verification = verified(found, samples.family, samples.rng)
        kept = _unrefuted(kept, samples)
        if len(kept) == len(found):
            break
    return _with_laws(result, kept, verification, table.dimension, samples.rng)


def _with_laws(
    result: SearchResult,
    kept: list[Polynomial],
    verification: Verification | None,
    dimension: int,
    rng: np.random.Generator,
) -> SearchResult:
    """With further laws; those that depend on others are left out."""
    if not kept or verification is None:
        return result
    laws = independent((*result.laws, *kept), dimension, rng)
    if len(laws) > len(result.laws):
        result = replace(result, verifications=(*result.verifications, verification))
    return replace(result, laws=laws, verified=result.verified | frozenset(kept))


def _unrefuted(laws: list[Polynomial], samples: Samples) -> list[Polynomial]:
    """Laws that were proved for the network as it was rewritten, without those that real values contradict.

    There are none unless a rule is wrong: a gap is shown then, and no false law.
    """
    original = samples.family.original
    if original is None or not laws:
        return laws
    changes = changing(polynomial_gradients(laws), original, samples.rng)
    return [law for law, refuted in zip(laws, changes, strict=True) if not refuted]


def independent(laws: Sequence[Polynomial], dimension: int, rng: np.random.Generator) -> tuple[Polynomial, ...]:
    """The simplest laws whose gradients are independent at a random point modulo a prime."""
    ordered = sorted(set(laws), key=lambda law: law.simplicity)
    if not ordered:
        return ()
    point = rng.integers(0, EXPLORATION_PRIME, dimension, dtype=np.int64)
    gradients = TermTable.of(ordered, dimension).gradients(point, EXPLORATION_PRIME)
    kept = Echelon(dimension, EXPLORATION_PRIME).extend(gradients)
    return tuple(ordered[k] for k in kept)
