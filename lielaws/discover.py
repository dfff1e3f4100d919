"""From an architecture to all its conservation laws: the stages composed. The only module that sees every stage."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lielaws.architectures.base import Architecture
from lielaws.architectures.composition import part
from lielaws.arraytypes import IntArray
from lielaws.checks import positive, positive_int
from lielaws.engine.arithmetic.modular import retried
from lielaws.engine.closure.growth import (
    Growth,
    KnownGrowth,
    ModularGrowth,
    bytes_of_sparse_growth,
    grow,
)
from lielaws.engine.closure.point import TraceDimension, dimension_at, rational_point
from lielaws.engine.closure.real import proved_growth
from lielaws.engine.closure.sparse_family import SparseFamily
from lielaws.engine.closure.sparse_rows import MOST_SPARSE
from lielaws.engine.flows.fields import VectorFields, vector_fields
from lielaws.engine.flows.gradient import GradientFlow
from lielaws.engine.flows.regions import realizable_patterns
from lielaws.engine.laws.law import Law
from lielaws.engine.laws.lazy_laws import LazyLaws
from lielaws.engine.laws.search import SearchResult, search
from lielaws.engine.laws.unit_laws import UnitLaws
from lielaws.engine.paths.streams import NotGatedError
from lielaws.engine.paths.unit_classes import Classes, unit_classes
from lielaws.engine.potential.potentials import build_potential, check_loss
from lielaws.engine.theorems.product_form import ProductForm
from lielaws.engine.theorems.product_laws import ProductLaws
from lielaws.engine.theorems.recognition import product_form
from lielaws.errors import ExactnessError, InvalidArgumentError, SizeError
from lielaws.progress import Progress, watched
from lielaws.questions import Settings, as_architecture, as_question
from lielaws.report.report import NOT_SEARCHED, Report

_LARGEST_DEGREE = 12
_BYTES_PER_ENTRY = 32
# Tensors that a refusal names: those that cost most.
_MOST_NAMED = 3
# Brackets of smaller networks take less than a second, and all of them are looked at in the same way.
LEAST_BY_THEOREM = 1000
# Brackets of larger networks take minutes.
_MOST_BY_BRACKETS = 5000


def discover_laws(
    arch: Any,
    *,
    inputs: Any = None,
    flow: Any = None,
    loss: str = "any",
    gates: str = "free",
    parameters: Any = None,
    max_degree: int = 2,
    find_laws: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
    time_limit: float | None = None,
) -> Report:
    """All conservation laws of an architecture under a flow, and the exact number that there can be at most.

    Parameters
    ----------
    arch : spec string such as "relu:3-4-3", path of a spec file, Architecture, (symbols, expressions), or a PyTorch
        module
    inputs : for a module an example of its inputs, see :func:`from_torch`
    flow : GradientFlow() by default; or WeightDecay, HeavyBall, Nesterov, MirrorFlow, MetricFlow, or a text such as
        "heavy_ball:1/2". Laws may then depend on time and velocities
    loss : "any": the gradient of the loss with respect to the output is arbitrary; "cross_entropy": its entries sum to
        zero over the last axis
    gates : "free": activation patterns are arbitrary (the path-lifting of arXiv 2307.00144); "realizable": those that
        occur near one random integer point, which the seed chooses. The count is then that of its region
    parameters : names of the tensors that laws may involve; all by default. The count is then that of laws of these
        tensors alone, which hold whatever the others are
    max_degree : largest degree of the polynomials that are searched, 1 to 12
    find_laws : False to count only
    seed : of the random points and members; the same seed gives the same report
    progress : called as progress(stage, done, total); without one, a bar is shown in a terminal or a notebook after
        two seconds. Stages are also recorded by the logger "lielaws"
    time_limit : seconds, after which what is known by then is returned: a bound that may be too high, and the laws
        found so far. Single steps are not broken off, so that it may take somewhat longer

    The count is arXiv 2307.00144, Thm 3.3: D minus the trace dimension of the Lie algebra that the gradients of the
    potentials generate. Raises a LieLawsError for input that cannot be used.
    """
    settings = Settings(flow, loss, gates, parameters, seed)
    if positive_int("max_degree", max_degree) > _LARGEST_DEGREE:
        raise InvalidArgumentError("max_degree", max_degree, f"at most {_LARGEST_DEGREE} is supported")
    if time_limit is not None:
        time_limit = positive("time_limit", time_limit)
    seconds: dict[str, float] = {}
    with watched(progress, time_limit) as watch:
        with _timed(seconds, "architecture"):
            whole, settings = as_question(arch, settings, inputs)
            architecture, fields = prepare(whole, settings)
        rng, result = np.random.default_rng(seed), NOT_SEARCHED
        with _timed(seconds, "count"):
            growth = count_dimensions(fields, rng, watch)
        at_most = fields.space.dimension - growth.rank
        laws: Sequence[Law] = ()
        if find_laws:
            with _timed(seconds, "laws"):
                if fields.theorem is not None:
                    laws, result = _confirmed_laws(architecture.name, fields, rng)
                else:
                    sparse = None
                    # Where data are to be drawn, another growth takes longer than a search.
                    if isinstance(growth, ModularGrowth) and growth.sparse is not None and not growth.sparse.samples:
                        sparse = SparseFamily(fields, growth, rng)
                    result = search(fields, at_most, rng, max_degree=max_degree, sparse=sparse, progress=watch)
                    laws = tuple(Law(polynomial, fields.space) for polynomial in result.laws)
    if len(laws) > at_most:
        # Both bounds are proved, so that this never happens.
        text = f"{len(laws)} laws were proved, but at most {at_most} are possible; please report this network"
        raise ExactnessError(f"internal error in '{architecture.name}': {text}")
    return Report(
        architecture,
        whole.dimension,
        settings.gates,
        fields,
        growth,
        result,
        max_degree,
        seed,
        laws,
        seconds,
        stopped=time_limit if watch.over else None,
    )


def prepare(architecture: Architecture, settings: Settings) -> tuple[Architecture, VectorFields]:
    """The part of an architecture that laws may involve, and its vector fields; checks the flow and the memory."""
    settings.flow.check(architecture.parameters)
    if settings.parameters is not None:
        architecture = part(architecture, settings.parameters)
    theorem, reason = find_theorem(architecture, settings)
    if theorem is not None:
        gates = isinstance(theorem, Classes)
        potential = build_potential(architecture.traced, settings.loss, independent_gates=gates)
        return architecture, vector_fields(settings.flow, potential, theorem=theorem)
    needed, memory = _BYTES_PER_ENTRY * architecture.dimension**2, _memory()
    if needed > memory and architecture.dimension > MOST_SPARSE:
        raise _too_large(architecture, needed, memory, reason)
    potential = architecture.potential_for(settings.loss)
    patterns = None
    if settings.gates == "realizable" and potential.gates:
        patterns = realizable_patterns(potential, np.random.default_rng(settings.seed))
    fields = vector_fields(settings.flow, potential, patterns)
    if needed > memory and bytes_of_sparse_growth(fields, np.random.default_rng(settings.seed)) > memory:
        raise _too_large(architecture, needed, memory, reason)
    return architecture, fields


def find_theorem(architecture: Architecture, settings: Settings) -> tuple[Classes | ProductForm | None, str]:
    """The theorem that tells the laws of a large network; None, and why there is none, for others."""
    if architecture.dimension < LEAST_BY_THEOREM:
        return None, ""
    if not isinstance(settings.flow, GradientFlow) or settings.gates != "free" or settings.parameters is not None:
        return None, "theorems are for gradient flow, free gates and all parameters"
    check_loss(architecture.traced, settings.loss)
    if settings.loss == "any":
        form = product_form(architecture.traced, np.random.default_rng(settings.seed))
        # Where a theorem leaves a gap, brackets may close it.
        if form is not None and (not form.missing or architecture.dimension > _MOST_BY_BRACKETS):
            return form, ""
    try:
        return unit_classes(architecture.traced, settings.loss), ""
    except NotGatedError as error:
        return None, f"it has no form that a theorem is known for, and its hidden units are not all gated: {error}"


def laws_of_theorem(fields: VectorFields) -> LazyLaws:
    """All the laws that the theorem of a family tells."""
    is_gated, space = isinstance(fields.theorem, Classes), fields.space
    return UnitLaws(fields.theorem, space) if is_gated else ProductLaws(fields.theorem, space)


def _confirmed_laws(name: str, fields: VectorFields, rng: np.random.Generator) -> tuple[LazyLaws, SearchResult]:
    """The laws that a theorem tells; a backward pass of the network confirms them."""
    laws = laws_of_theorem(fields)

    def changes() -> IntArray:
        prime = fields.prime(rng)
        point = fields.draw_points(rng, 1, prime)
        field = fields.evaluate(point.vector, fields.choose(rng, 1, point, free_gates=True), point.arithmetic)
        return laws.changes(point.vector[0, 0], field[0, 0], prime)

    if retried(changes, "the network has no value at the points that were tried").any():
        raise ExactnessError(f"internal error in '{name}': a law of a theorem changes; please report this network")
    return laws, SearchResult(tried=("laws of a theorem",), degree=2)


def count_dimensions(fields: VectorFields, rng: np.random.Generator, progress: Progress | None = None) -> Growth:
    """The growth of the brackets: of a theorem where there is one, modulo a prime where that is true, else proved with
    real values."""
    if fields.theorem is not None:
        return KnownGrowth.of(fields.theorem.ranks)
    growth = grow(fields, rng, progress=progress)
    return growth if fields.rational else proved_growth(fields, growth, rng, progress)


def trace_dimension(arch: Any, at: Mapping[str, Any], *, seed: int = 0) -> TraceDimension:
    """dim Lie(W) at a given rational point, which may be special.

    Parameters
    ----------
    arch : as for :func:`discover_laws`, polynomial or rational
    at : name -> array of rational numbers; floats are read as the decimal that they print

    `.value` is the rank of brackets there, a lower bound in any case; `.proven` says whether it is the dimension: it
    is if it equals the generic dimension, known from the laws, or if the brackets were seen to close as vector fields
    over the constants. Definition: arXiv 2307.00144, section 3.
    """
    architecture = as_architecture(arch)
    point = rational_point(architecture.parameters, at)
    report = discover_laws(architecture, seed=seed)
    upper = report.dimension - len(report.laws)
    return dimension_at(report.fields, point, upper, np.random.default_rng(seed))


def _memory() -> int:
    """The bytes that this machine has."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 8 * 2**30


def _too_large(architecture: Architecture, needed: int, memory: int, reason: str) -> SizeError:
    """Of a state space whose dense matrices would not fit; reason : why they are needed."""
    dimension = architecture.dimension
    sizes = {name: math.prod(shape) for name, shape in architecture.parameters.items()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_MOST_NAMED]
    tensors = ", ".join(f"{name} {sizes[name]:,}" for name in largest)
    most = math.isqrt(memory // _BYTES_PER_ENTRY)
    # Matrices have two sizes, most of them.
    factor = math.sqrt(dimension / most)
    text = f"{architecture.name}: {dimension:,} parameters ({tensors}{', ..' if len(sizes) > _MOST_NAMED else ''})"
    remedy = (
        f"about {needed / 2**30:,.0f} GiB would be needed for brackets; up to {most:,} parameters fit here, as "
        f"with all sizes {factor:.1f} times smaller"
    )
    return SizeError("arch", text, f"{remedy}. {reason[:1].upper()}{reason[1:]}" if reason else remedy)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start
