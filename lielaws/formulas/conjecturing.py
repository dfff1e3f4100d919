"""From results to the formula behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lielaws.checks import integer
from lielaws.errors import InvalidArgumentError
from lielaws.formulas.conjecture_record import Conjecture
from lielaws.formulas.counting import Counter, Make, counter
from lielaws.formulas.rounds import inquire
from lielaws.formulas.rows import read_rows
from lielaws.progress import Progress

_MOST_FRESH = 200


def conjecture(
    results: Any = None,
    *,
    family: str | None = None,
    where: Mapping[str, Any] | None = None,
    make: Make | None = None,
    sizes: Mapping[str, Iterable[Any]] | None = None,
    depth: int | Iterable[int] | None = None,
    largest: int | None = None,
    flow: Any = None,
    loss: str | None = None,
    gates: str | None = None,
    fresh: int = 8,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conjecture:
    """The closed form of the number of laws over a family of architectures, as a function of its sizes.

    Parameters
    ----------
    results : rows, that is, mappings with `sizes` (name -> integer, or a list of widths) and `n_laws`; or the path of a
        file of results (of a sweep, CSV, JSON or JSON lines). `family`, `spec`, `flow`, `loss`, `gates`, `closed`,
        `growth`, `error` and other columns are used where they are there
    family : only rows of this family; without results, the family whose counts are computed
    where : only rows with these values, such as {"flow": "gradient"}
    make : from sizes, in the form of the rows, to a spec, an architecture, a report, or the count itself. Without it,
        fresh cases are made from the specs of the rows
    sizes : without results, the values of each size, such as {"n": range(1, 4), "m": [2, 3]}
    depth, largest : without results and sizes, the numbers of layers and the largest size
    flow, loss, gates : as for :func:`lielaws.discover_laws`, where the rows do not tell
    fresh : how many fresh cases, at least, the formula is checked on; 0 for none
    seed : of what is held back, of samples, and of fresh cases; the same seed gives the same answer
    progress : called as progress(stage, done, total)

    What is looked for, the simplest first: polynomials with rational coefficients of degree up to four; sums over the
    layers of networks of varying depth; pieces, separated by linear inequalities with coefficients up to two, minima,
    maxima and products; corrections beyond a border. All fits are exact. The formula that is chosen has the shortest
    description; a formula with fewer cases than it needs to be believed is not returned.

    It is an observation about finitely many cases, never a theorem. Raises a LieLawsError for results that cannot be
    used, among them rows that contradict each other.
    """
    integer("fresh", fresh, 0, _MOST_FRESH)
    integer("seed", seed, 0, 2**63)
    settings = {name: value for name, value in (("flow", flow), ("loss", loss), ("gates", gates)) if value is not None}
    if results is None:
        from lielaws.formulas.generate import own_rows

        results, make = own_rows(family, make, sizes, depth, largest, settings, seed)
    elif sizes is not None or depth is not None or largest is not None:
        given = "sizes" if sizes is not None else "depth" if depth is not None else "largest"
        raise InvalidArgumentError(given, sizes or depth or largest, "it describes own computations; omit the results")
    rows = read_rows(results, family, where)
    rng = np.random.default_rng(seed)
    counts: Counter | str = counter(rows, make, settings, seed) if fresh else "none were asked for"
    usable = counts if isinstance(counts, Counter) else None
    inquiry = inquire(rows, usable, fresh, rng, progress)
    from lielaws.formulas.summary import summarize

    reason = counts if isinstance(counts, str) else None
    return summarize(rows, inquiry, reason)
