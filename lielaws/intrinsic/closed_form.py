"""Finds the metric in closed form, and measures that it is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lielaws.arraytypes import FloatArray
from lielaws.engine.flows.state import StateSpace
from lielaws.engine.laws.polynomial import Polynomial
from lielaws.engine.linalg.lift import integer_row
from lielaws.errors import InvalidArgumentError
from lielaws.intrinsic.chain_metric import chain_part
from lielaws.intrinsic.chains import Chain, random_chain
from lielaws.intrinsic.levels import Level, value_at
from lielaws.intrinsic.linear_metric import linear_part
from lielaws.intrinsic.metric_of_z import Metric, Part
from lielaws.intrinsic.phi_derivatives import PolynomialFunctions, Terms
from lielaws.intrinsic.problem import Problem
from lielaws.intrinsic.product import product_of
from lielaws.intrinsic.rank_one import Factor, RankOne, rank_one_tensor

_MOST_FUNCTIONS = 600
_SAMPLES = 4


def closed_form(
    problem: Problem, level: Level | None, point: Sequence[Fraction] | None, rng: np.random.Generator
) -> Metric | None:
    """The metric where it is known and was seen to be right; None otherwise.

    level, point : where it is asked for, if not at a generic point
    """
    functions = problem.polynomials
    if functions is None or functions.count > _MOST_FUNCTIONS:
        return None
    metric = (
        _rank_one_metric(problem, functions)
        or _chain_metric(problem, functions, level, point)
        or _linear_metric(functions)
    )
    if metric is None:
        return None
    if metric.laws:
        metric = replace(metric, law_values=_values(problem, level, point))
    metric = replace(metric, error=_error(problem, functions, metric, rng))
    return metric if metric.verified else None


def _values(problem: Problem, level: Level | None, point: Sequence[Fraction] | None) -> tuple[Fraction, ...] | None:
    if point is not None:
        return tuple(value_at(law, point) for law in problem.laws)
    values = level.of_laws(problem.report.laws) if level is not None else None
    return None if values is None else tuple(values)


# Blocks of rank one


def _rank_one_metric(problem: Problem, functions: PolynomialFunctions) -> Metric | None:
    parts: list[Part] = []
    for block in _blocks(functions.terms):
        tensor = rank_one_tensor(block)
        if tensor is None:
            return None
        factors, places, scale = tensor
        offsets = _offsets(factors, problem.laws)
        if offsets is None:
            return None
        space = problem.report.space
        named = tuple(Factor(members, power, _factor_name(space, members)) for members, power in factors)
        parts.append(RankOne(named, places, float(scale**2), offsets))
    return Metric(functions.count, tuple(law.name for law in problem.report.laws), None, tuple(parts))


def _blocks(functions: Sequence[Terms]) -> list[list[tuple[int, Terms]]]:
    """The functions with their places, by classes of those that are joined by common parameters."""
    owner: dict[int, int] = {}
    blocks: dict[int, list[tuple[int, Terms]]] = {}
    for place, terms in enumerate(functions):
        variables = {coordinate for monomial in terms for coordinate in monomial}
        joined = {owner[variable] for variable in variables if variable in owner}
        merged = [entry for number in sorted(joined) for entry in blocks.pop(number)]
        blocks[place] = [*merged, (place, terms)]
        for _, members in blocks[place]:
            owner |= {coordinate: place for monomial in members for coordinate in monomial}
    return list(blocks.values())


def _offsets(factors: Sequence[tuple[tuple[int, ...], int]], laws: Sequence[Polynomial]) -> FloatArray | None:
    """c_i = |u_i|^2 / a_i - |u_1|^2 / a_1 as combinations of the laws, (L, laws)."""
    squares: list[Terms] = [{(k, k): Fraction(1, power) for k in members} for members, power in factors]
    rows = []
    for square in squares:
        wanted: Terms = dict(square)
        for monomial, value in squares[0].items():
            wanted[monomial] = wanted.get(monomial, Fraction(0)) - value
        row = _combination(wanted, laws)
        if row is None:
            return None
        rows.append([float(value) for value in row])
    return np.array(rows).reshape(len(factors), len(laws))


def _combination(wanted: Terms, laws: Sequence[Polynomial]) -> list[Fraction] | None:
    """Coefficients with which the laws add up to a polynomial; None if they do not."""
    import flint

    wanted = {monomial: value for monomial, value in wanted.items() if value}
    if not wanted:
        return [Fraction(0)] * len(laws)
    involved = {coordinate for monomial in wanted for coordinate in monomial}
    chosen = [k for k, law in enumerate(laws) if law.coordinates & involved]
    monomials = list(dict.fromkeys([*wanted, *(m for k in chosen for m, _ in laws[k].terms)]))
    columns = [dict(laws[k].terms) for k in chosen]
    system = [[*(Fraction(column.get(m, 0)) for column in columns), -wanted.get(m, Fraction(0))] for m in monomials]
    matrix = flint.fmpz_mat([integer_row(row) for row in system])
    if matrix.rank() == len(chosen) + 1:
        return None
    basis, _ = matrix.nullspace()
    # The laws are independent, so one relation is all there is, and it involves the polynomial.
    relation = [int(row[0]) for row in basis.tolist()]
    result = [Fraction(0)] * len(laws)
    for k, value in zip(chosen, relation, strict=False):
        result[k] = Fraction(value, relation[-1])
    return result


def _factor_name(space: StateSpace, members: Sequence[int]) -> str:
    """The entries as slices where they fill some, tensor by tensor."""
    by_tensor: dict[str, list[tuple[int, ...]]] = {}
    for member in members:
        name, index = space.entry(member)
        by_tensor.setdefault(name, []).append(index)
    names = [_slice_name(name, space.shapes[name], indices) for name, indices in by_tensor.items()]
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _slice_name(name: str, shape: tuple[int, ...], indices: Sequence[tuple[int, ...]]) -> str:
    if not shape:
        return name
    varying = [len({index[axis] for index in indices}) for axis in range(len(shape))]
    full = all(count in (1, length) for count, length in zip(varying, shape, strict=True))
    if full and len(indices) == int(np.prod(varying)):
        entries = [
            ":" if count == length and length > 1 else str(index)
            for count, length, index in zip(varying, shape, indices[0], strict=True)
        ]
        return f"{name}[{','.join(entries)}]"
    return "(" + ", ".join(f"{name}[{','.join(map(str, index))}]" for index in indices) + ")"


def _linear_metric(functions: PolynomialFunctions) -> Metric | None:
    part = linear_part(functions.terms)
    return None if part is None else Metric(functions.count, (), (), (part,))


# Balanced products of matrices


def _chain_metric(
    problem: Problem, functions: PolynomialFunctions, level: Level | None, point: Sequence[Fraction] | None
) -> Metric | None:
    space = problem.report.space
    found = product_of(functions.terms, space) if level is not None or point is not None else None
    chain = None if found is None else _chain(found[0], space, level, point)
    part = None if found is None or chain is None else chain_part(chain, found[1])
    return None if part is None else Metric(functions.count, (), (), (part,))


def product_chain(problem: Problem, level: Level) -> Chain | None:
    """The chain whose product is phi, if the level makes it (relaxed) balanced."""
    functions, space = problem.polynomials, problem.report.space
    found = None if functions is None else product_of(functions.terms, space)
    return None if found is None else _chain(found[0], space, level, None)


def _chain(
    tensors: Sequence[tuple[str, bool]], space: StateSpace, level: Level | None, point: Sequence[Fraction] | None
) -> Chain | None:
    steps = _steps(tensors, space, level, point)
    if steps is None:
        return None
    matrices = _matrices(tensors, space)
    widths = (matrices[0].shape[1], *(matrix.shape[0] for matrix in matrices))
    return Chain(tuple(tensors), widths, tuple(steps))


def _matrices(tensors: Sequence[tuple[str, bool]], space: StateSpace) -> list[npt.NDArray[np.int64]]:
    return [space.indices(name).T if transposed else space.indices(name) for name, transposed in tensors]


def _steps(
    tensors: Sequence[tuple[str, bool]], space: StateSpace, level: Level | None, point: Sequence[Fraction] | None
) -> list[Fraction] | None:
    """d_l with U_{l+1}^T U_{l+1} = U_l U_l^T + d_l I; None if the differences are no multiples of the identity."""
    steps = []
    for left, right in pairwise(_matrices(tensors, space)):
        entries = dict(_gram_differences(left, right))
        values: dict[tuple[int, int], Fraction | None] = {}
        for pair, polynomial in entries.items():
            values[pair] = _level_value(level, polynomial) if level is not None else value_at(polynomial, point or ())
        scale = values[(0, 0)]
        if any(value is None or value != (scale if i == j else 0) for (i, j), value in values.items()):
            return None
        steps.append(Fraction(scale or 0))
    return steps


def _level_value(level: Level, polynomial: Polynomial) -> Fraction | None:
    if level.is_balanced:
        return Fraction(0)
    primitive = polynomial.primitive()
    value = level.values.get(primitive)
    return None if value is None else value * polynomial.terms[0][1] / primitive.terms[0][1]


def _gram_differences(
    left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> Iterator[tuple[tuple[int, int], Polynomial]]:
    """Entries of U_{l+1}^T U_{l+1} - U_l U_l^T as polynomials in the coordinates."""
    for i in range(len(left)):
        for j in range(i, len(left)):
            terms: dict[tuple[int, ...], int] = {}
            for sign, one, other in ((1, right[:, i], right[:, j]), (-1, left[i], left[j])):
                for a, b in zip(one.tolist(), other.tolist(), strict=True):
                    monomial = (min(a, b), max(a, b))
                    terms[monomial] = terms.get(monomial, 0) + sign
            yield (i, j), Polynomial.of(terms)


# Verification


def _error(problem: Problem, functions: PolynomialFunctions, metric: Metric, rng: np.random.Generator) -> float:
    """The largest relative deviation from d phi d phi^T at random parameters."""
    return max(_deviation(problem, functions, metric, _parameters(problem, metric, rng)) for _ in range(_SAMPLES))


def _parameters(problem: Problem, metric: Metric, rng: np.random.Generator) -> FloatArray:
    chain = next((part.chain for part in metric.parts if hasattr(part, "chain")), None)
    if chain is None:
        return rng.normal(size=problem.dimension)
    named = random_chain(chain, rng)
    return np.concatenate([named[name].ravel() for name in problem.report.space.shapes])


def _deviation(problem: Problem, functions: PolynomialFunctions, metric: Metric, theta: FloatArray) -> float:
    z, slopes = functions.evaluate(theta)
    expected = slopes @ slopes.T
    values: Mapping[str, float] | list[float] = []
    if metric.laws:
        values = [float(law.evaluate_states(theta[None])[0]) for law in problem.report.laws]
    try:
        found = metric.evaluate(z, values)
    except InvalidArgumentError:
        return float("inf")
    return float(np.abs(found - expected).max() / max(1e-300, np.abs(expected).max()))
