"""A sweep from its description to its results."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lielaws.checks import positive_int
from lielaws.errors import InvalidArgumentError, nearest
from lielaws.progress import Progress
from lielaws.sweeps.case import Case
from lielaws.sweeps.compute import Outcome, failed
from lielaws.sweeps.description import Description, read_description
from lielaws.sweeps.limits import Limits, read_limits
from lielaws.sweeps.results import Results
from lielaws.sweeps.schema import row_of
from lielaws.sweeps.store import Store

Outcomes = Generator[tuple[str, Outcome], None, None]
Compute = Callable[[list[dict[str, Any]]], Outcomes]

EXECUTORS = ("processes", "dask")
_SHARE = 0.8
_LEAST_SHARE = 512.0


def sweep(
    description: Any,
    results: str | os.PathLike[str] | None = None,
    *,
    jobs: int | None = None,
    executor: Any = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
    time_limit: Any = None,
    memory_limit: Any = None,
    retry_errors: bool = False,
    certificates: bool = False,
) -> Results:
    """Compute the laws of many architectures, in parallel, into one file; a sweep that was stopped goes on.

    Parameters
    ----------
    description : path of a TOML file, a mapping with the same keys, or an iterable of specs, mappings and Architectures
    results : the SQLite file; by default that of the description with the suffix .sqlite. Cases that have a row there
        are not computed again, and rows of other cases stay
    jobs : worker processes; by default one for each processor that may be used
    executor : "processes", "dask", or any executor of `concurrent.futures`, in which each thread or process then uses
        a further process to enforce the limits
    scheduler : address of the scheduler, for "dask"
    progress : called as progress("sweep", done, total), at first with what was done before
    time_limit : seconds for each case, or "none"; by default that of the description, else 600
    memory_limit : megabytes for the process of a case, or "none"; by default that of the description, else, for
        processes on this machine, four fifths of its memory, divided by the jobs
    retry_errors : compute the cases again whose row has an error
    certificates : keep the certificates, in the folder `<results>.certificates`

    One case that fails, or exceeds its limits, does not stop the others: its row says why. Rows are written as soon as
    they are done. Returns the results of the whole file. Raises a LieLawsError for a description that cannot be used,
    for a file that cannot be written or that another sweep is writing, and for an executor that does not work.
    """
    found = read_description(description)
    cases = tuple(replace(case, certificate=True) for case in found.cases) if certificates else found.cases
    workers = _jobs(jobs)
    share = _share_of_memory(workers) if executor is None or executor == "processes" else None
    limits = _limits(found, share, time_limit, memory_limit)
    path = results_path(description, results)
    with _outcomes(executor, scheduler, workers, limits) as compute:
        store = Store(path)
        try:
            _fill(store, cases, compute, retry_errors, progress)
        finally:
            store.close()
    return Results(path)


def results_path(description: Any, results: str | os.PathLike[str] | None) -> Path:
    """Where the results go. Raises InvalidArgumentError if nothing says so."""
    if results is not None:
        if not isinstance(results, str | os.PathLike) or not os.fspath(results):
            raise InvalidArgumentError("results", results, "the name of a file is needed, such as 'sweep.sqlite'")
        return Path(results)
    if isinstance(description, str | os.PathLike):
        return Path(description).with_suffix(".sqlite")
    raise InvalidArgumentError("results", None, "the name of a file is needed, such as 'sweep.sqlite'")


def _fill(
    store: Store,
    cases: tuple[Case, ...],
    compute: Compute,
    retry_errors: bool,
    progress: Progress | None,
) -> None:
    known = store.known()
    pending = {
        case.key: case
        for case in cases
        if case.key not in known
        or (retry_errors and known[case.key].failed)
        or (case.certificate and not known[case.key].certified and not known[case.key].failed)
    }
    done = len(cases) - len(pending)
    if progress is not None:
        progress("sweep", done, len(cases))
    # Whatever stops the loop ends the processes, too.
    with closing(_all_outcomes(pending, compute)) as outcomes:
        for key, outcome in outcomes:
            store.write(row_of(pending[key]), _named(pending[key], outcome))
            done += 1
            if progress is not None:
                progress("sweep", done, len(cases))


def _all_outcomes(pending: dict[str, Case], compute: Compute) -> Outcomes:
    for key, case in pending.items():
        if case.problem is not None:
            yield key, failed(case.problem)
    # In the order of their keys, which is a random one: small and large cases come mixed, so that the remaining time is
    # known early, and no large one is left for the end by design.
    questions = [case.question() for _, case in sorted(pending.items()) if case.problem is None]
    if questions:
        yield from compute(questions)


def _named(case: Case, outcome: Outcome) -> Outcome:
    """The outcome with the name and the size of an architecture that was not computed."""
    if outcome.row.get("architecture"):
        return outcome
    architecture = case.architecture()
    known = {"architecture": case.name, "n_parameters": architecture.dimension if architecture else None}
    return Outcome({**known, **outcome.row}, outcome.certificate)


def _jobs(jobs: Any) -> int:
    if jobs is not None:
        return positive_int("jobs", jobs)
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)


def _limits(found: Description, megabytes: float | None, time_limit: Any, memory_limit: Any) -> Limits:
    given = {"time_limit": time_limit, "memory_limit": memory_limit}
    chosen = {name: (value, name) for name, value in given.items() if value is not None}
    return read_limits({**found.limits, **chosen}, Limits(megabytes=megabytes))


def _share_of_memory(jobs: int) -> float | None:
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (AttributeError, ValueError, OSError):
        return None
    return max(_LEAST_SHARE, float(round(_SHARE * memory / jobs)))


@contextmanager
def _outcomes(executor: Any, scheduler: Any, jobs: int, limits: Limits) -> Iterator[Compute]:
    """What computes a list of questions; whatever it needs is there before a file is touched."""
    from lielaws.sweeps.cluster import Cluster
    from lielaws.sweeps.foreign import run_on
    from lielaws.sweeps.local import run_local

    if executor == "dask":
        cluster = Cluster(scheduler)
        try:
            yield lambda questions: run_on(cluster.executor(), questions, limits)
        finally:
            cluster.close()
        return
    if scheduler is not None:
        raise InvalidArgumentError("scheduler", scheduler, "it belongs to executor='dask'; leave it out")
    if executor is None or executor == "processes":
        yield lambda questions: run_local(questions, jobs, limits)
    elif isinstance(executor, Executor):
        yield lambda questions: run_on(executor, questions, limits)
    elif isinstance(executor, str):
        raise InvalidArgumentError("executor", executor, nearest(executor, EXECUTORS))
    else:
        remedy = "'processes', 'dask' or an executor of concurrent.futures is needed"
        raise InvalidArgumentError("executor", executor, remedy)
