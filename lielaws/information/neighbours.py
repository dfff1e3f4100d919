"""Nearest-neighbour estimators of mutual information; each returns one term for each sample, whose mean it is.

* `ksg_terms`: two continuous variables; Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69, 066138 (2004), their
  first estimator, equation (8).
* `tied_terms`: the same where values are repeated; Gao, Kannan, Oh and Viswanath, NeurIPS 2017, algorithm 1.
* `class_terms`: one discrete and one continuous variable; Ross, PLoS ONE 9(2), e87357 (2014), equation (2).
* `conditional_terms`: I(X; Y | Z) of continuous variables; Frenzel and Pompe, Phys. Rev. Lett. 99, 204101 (2007).

Distances are the largest over all coordinates, so that those of a joint variable are the larger of two.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import digamma

from lielaws.arraytypes import FloatArray, IntArray

K = 3
"""Neighbours; Kraskov et al. recommend 2 to 4."""

_TREE_COORDINATES = 5
_MOST_PAIRS = 3000 * 3000


class Metric:
    """Distances between the samples of one variable, for all samples or some of them.

    In more than five coordinates a tree visits nearly all points; the matrix of distances is then faster, and serves
    all subsamples.
    """

    def __init__(self, rows: FloatArray) -> None:
        self._rows = rows
        self._matrix: FloatArray | None = None

    @property
    def rows(self) -> FloatArray:
        return self._rows

    def distances(self, chosen: IntArray) -> FloatArray:
        """(m, m) among the chosen samples."""
        if self._matrix is None and len(self._rows) ** 2 <= _MOST_PAIRS:
            self._matrix = _all_distances(self._rows)
        if self._matrix is None:
            return _all_distances(self._rows[chosen])
        return np.asarray(self._matrix[np.ix_(chosen, chosen)])


def _all_distances(rows: FloatArray) -> FloatArray:
    matrix = np.zeros((len(rows), len(rows)))
    for column in rows.T:
        np.maximum(matrix, np.abs(column[:, None] - column), out=matrix)
    return matrix


def _in_pairs(metrics: tuple[Metric, ...], chosen: IntArray) -> bool:
    """Whether matrices of distances are faster than trees, and fit."""
    coordinates = sum(metric.rows.shape[1] for metric in metrics)
    return coordinates > _TREE_COORDINATES and len(chosen) ** 2 <= _MOST_PAIRS


def _kth_distance(metrics: tuple[Metric, ...], chosen: IntArray, k: int) -> FloatArray:
    """From each sample to its k-th neighbour in the joint space."""
    if _in_pairs(metrics, chosen):
        joint = metrics[0].distances(chosen)
        for metric in metrics[1:]:
            joint = np.maximum(joint, metric.distances(chosen))
        return np.asarray(np.partition(joint, k, axis=1)[:, k])
    points = np.concatenate([metric.rows[chosen] for metric in metrics], axis=1)
    return np.asarray(cKDTree(points).query(points, k + 1, p=np.inf)[0][:, -1])


def _within(metrics: tuple[Metric, ...], chosen: IntArray, radius: FloatArray, pairs: bool) -> FloatArray:
    """How many samples, itself included, are at most so far from each."""
    if pairs:
        joint = metrics[0].distances(chosen)
        for metric in metrics[1:]:
            joint = np.maximum(joint, metric.distances(chosen))
        return np.asarray((joint <= radius[:, None]).sum(axis=1), dtype=np.float64)
    points = np.concatenate([metric.rows[chosen] for metric in metrics], axis=1)
    tree = cKDTree(points)
    return np.asarray(tree.query_ball_point(points, radius, p=np.inf, return_length=True), dtype=np.float64)


def ksg_terms(x: Metric, z: Metric, chosen: IntArray, k: int = K) -> FloatArray:
    """psi(k) + psi(n) - psi(n_x + 1) - psi(n_z + 1), with n_x the samples closer in X than the k-th joint neighbour."""
    pairs = _in_pairs((x, z), chosen)
    # The largest number below: neighbours at the very distance do not count.
    radius = np.nextafter(_kth_distance((x, z), chosen, k), 0.0)
    counts = [_within((metric,), chosen, radius, pairs) for metric in (x, z)]
    return np.asarray(digamma(k) + digamma(len(chosen)) - digamma(counts[0]) - digamma(counts[1]))


def tied_terms(x: Metric, z: Metric, chosen: IntArray, k: int = K) -> FloatArray:
    """As `ksg_terms`; where the k-th neighbour coincides with the sample, all that coincide are its neighbours."""
    pairs = _in_pairs((x, z), chosen)
    distance = _kth_distance((x, z), chosen, k)
    radius = np.where(distance > 0, np.nextafter(distance, 0.0), 0.0)
    same = distance == 0
    neighbours = np.full(len(chosen), float(k))
    if same.any():
        neighbours[same] = _within((x, z), chosen, np.zeros(len(chosen)), pairs)[same]
    counts = [_within((metric,), chosen, radius, pairs) for metric in (x, z)]
    return np.asarray(digamma(neighbours) + digamma(len(chosen)) - digamma(counts[0]) - digamma(counts[1]))


def class_terms(codes: IntArray, z: Metric, chosen: IntArray, k: int = K) -> FloatArray:
    """psi(k) + psi(n) - psi(n of the class) - psi(m), with m the samples closer than the k-th of the same class.

    Classes with one sample only are left out, as in the paper; those with few use fewer neighbours.
    """
    values, members, counts = np.unique(codes[chosen], return_inverse=True, return_counts=True)
    kept = counts[members] > 1
    chosen, members = chosen[kept], members[kept]
    if not len(chosen):
        return np.zeros(0)
    radius, neighbours = np.empty(len(chosen)), np.empty(len(chosen))
    for value in range(len(values)):
        rows = np.flatnonzero(members == value)
        if not len(rows):
            continue
        near = min(k, len(rows) - 1)
        distance = _kth_distance((z,), chosen[rows], near)
        radius[rows] = np.where(distance > 0, np.nextafter(distance, 0.0), 0.0)
        neighbours[rows] = near
        if (distance == 0).any():
            pairs = _in_pairs((z,), chosen[rows])
            together = _within((z,), chosen[rows], np.zeros(len(rows)), pairs)
            neighbours[rows] = np.where(distance == 0, together, near)
    around = _within((z,), chosen, radius, _in_pairs((z,), chosen))
    return np.asarray(digamma(neighbours) + digamma(len(chosen)) - digamma(counts[members]) - digamma(around))


def conditional_terms(x: Metric, y: Metric, z: Metric, chosen: IntArray, k: int = K) -> FloatArray:
    """psi(k) + psi(n_z + 1) - psi(n_xz + 1) - psi(n_yz + 1)."""
    pairs = _in_pairs((x, y, z), chosen)
    radius = np.nextafter(_kth_distance((x, y, z), chosen, k), 0.0)
    inner, left, right = (digamma(_within(metrics, chosen, radius, pairs)) for metrics in ((z,), (x, z), (y, z)))
    return np.asarray(digamma(k) + inner - left - right)


def function_likeness(x: FloatArray, z: FloatArray, near: int = 8) -> tuple[float, float]:
    """How fast Z gets closer as X does: the slope of log distance in Z against that in X, and its standard error.

    From the first to the `near`-th neighbour in X. 1 for a smooth function of X, 0 where noise in Z is larger than what
    X changes between neighbours; (0, inf) where nothing can be said.
    """
    if len(x) <= near + 1:
        return 0.0, float("inf")
    distance, index = cKDTree(x).query(x, near + 1)
    change = np.sqrt(((z[index[:, [1, near]]] - z[:, None]) ** 2).sum(axis=2))
    step = distance[:, [1, near]]
    moved: npt.NDArray[np.bool_] = (change > 0).all(axis=1) & (step > 0).all(axis=1)
    if moved.sum() <= near:
        return 0.0, float("inf")
    rise = np.log(change[moved, 1] / change[moved, 0])
    run = float(np.log(step[moved, 1] / step[moved, 0]).mean())
    if not run > 0:
        return 0.0, float("inf")
    return float(rise.mean() / run), float(rise.std() / np.sqrt(len(rise)) / run)
