"""Where an estimator is known to fail: warnings in the result, each with its reason."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import digamma

from lielaws.arraytypes import IntArray
from lielaws.information import discrete, gaussian
from lielaws.information.neighbours import K
from lielaws.information.resampling import Spread
from lielaws.information.samples import Sample

_MANY_TIES = 0.05
_LEAST_COVERAGE = 0.9
_NOTICED_SLOPE = 0.15
_NORMAL = 4.0
_FEW = 50


def warnings_for(method: str, x: Sample, z: Sample, found: Spread) -> tuple[str, ...]:
    if method == "gaussian":
        return _gaussian(x, z)
    return (
        unseen_warning(discrete.joint_codes(x.codes, z.codes))
        if method == "discrete"
        else _neighbours(method, x, z, found)
    )


def _gaussian(x: Sample, z: Sample) -> tuple[str, ...]:
    text = "it assumes jointly Gaussian variables, and sees nothing but covariances"
    excess = gaussian.kurtosis_excess(np.concatenate([x.standardized, z.standardized], axis=1))
    if abs(excess) < _NORMAL:
        return ()
    return (f"{text}; these are not Gaussian: Mardia's kurtosis is {excess:.1f} standard deviations off",)


def unseen_warning(codes: IntArray) -> tuple[str, ...]:
    seen = discrete.coverage(codes)
    if seen >= _LEAST_COVERAGE:
        return ()
    unseen = f"an estimated {1 - seen:.0%} of the values were not seen yet (Good and Turing)"
    return (f"{unseen}: frequencies are no good estimate, and the interval is too narrow",)


def _neighbours(method: str, x: Sample, z: Sample, found: Spread) -> tuple[str, ...]:
    count = x.count
    classes = x.discrete or z.discrete
    width = (z.width if x.discrete else x.width) if classes else x.width + z.width
    warnings = []
    if width > math.log2(count):
        warnings.append(
            f"{width} coordinates are many for {count} samples: nearest neighbours are far away, and the estimate is "
            "biased towards 0, often by most of the truth, which the interval may miss"
        )
    if found.slope > _NOTICED_SLOPE and found.growth > 2 * found.deviation:
        warnings.append(
            f"not converged: it grows by {found.slope:.2f} for each unit of log n; the interval has been widened "
            "upwards for that, by extrapolation"
        )
    most = float(digamma(count) - digamma(K))
    if not classes and found.value > most / 2:
        warnings.append(f"{count} samples cannot show more than {most:.3g} nats: read it as a lower bound")
    if count < _FEW:
        warnings.append(
            f"{count} samples are few: of intervals at 95% about 87% hold the truth, measured on Gaussians with fewer "
            f"than {_FEW}"
        )
    if method == "ksg":
        warnings += [
            f"{sample.ties:.0%} of the samples of {sample.argument} share their value with another one; 'mixed' "
            "allows for that"
            for sample in (x, z)
            if sample.ties > _MANY_TIES
        ]
    return tuple(warnings)
