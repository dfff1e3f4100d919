"""Where no number is given: infinite information, or more of it than the samples can resolve."""

from __future__ import annotations

import numpy as np

from lielaws.arraytypes import IntArray
from lielaws.information import discrete, gaussian
from lielaws.information.neighbours import K, function_likeness
from lielaws.information.resampling import Spread
from lielaws.information.samples import Sample, by_class

INFINITE = (
    "infinite: Z is a function of X and not discrete, so that I(X; Z) = H(Z) is infinite where X has a density, and "
    "cannot be told from the number of samples where X is discrete; give noise=sigma for I(X; Z + N), or round Z to "
    "few values"
)
_GROWTH = (
    "the estimate grows like log n, as it does where the information is infinite (Z a function of X without noise): it "
    "is infinite, or larger than {count} samples can show; give noise=sigma, or more samples"
)
_FUNCTION = (
    "between neighbouring X, Z changes as a smooth function of X without noise does: the information is infinite, or "
    "larger than {count} samples can show; give noise=sigma"
)
_AFFINE = "infinite: a column of Z is an affine function of X and the other columns, to rounding; give noise=sigma"
_SINGULAR = "a column of {name} is an affine function of its other columns, to rounding; leave it out, or give noise"

# In units of log n the estimate of an infinite information grows by 1, of a resolved one by 0.
_UNRESOLVED_SLOPE = 2 / 3
_LIKE_A_FUNCTION = 0.7
_MOST_ALONE = 0.5
_MOST_UNSEEN = 0.5
_LEAST_NEIGHBOURS = 2 * (K + 1)


def contradiction(x: Sample, z: Sample) -> str | None:
    """Two samples of the same X with different Z, if there are any."""
    order = np.lexsort((z.codes, x.codes))
    a, b = x.codes[order], z.codes[order]
    clash = np.flatnonzero((a[1:] == a[:-1]) & (b[1:] != b[:-1]))
    if not len(clash):
        return None
    first, second = sorted((int(order[clash[0]]), int(order[clash[0] + 1])))
    return f"samples {first} and {second} have the same x and different z: Z is no function of X"


def refusal(method: str, x: Sample, z: Sample) -> str | None:
    """What can be seen before the estimate is made."""
    count = x.count
    if method == "gaussian":
        return _gaussian(x, z)
    if method == "discrete":
        if x.distinct == count and z.distinct == count:
            return f"no value of x or z occurs twice: frequencies would give log n = {np.log(count):.3g} whatever it is"
        return unseen(discrete.joint_codes(x.codes, z.codes))
    if reason := few(count):
        return reason
    if x.continuous and z.continuous and x.count >= 2 * (x.width + z.width + 3) and _affine(x, z):
        return _AFFINE
    if method == "mixed" and (x.discrete or z.discrete):
        return _classes(x, z)
    return None


def unseen(codes: IntArray) -> str | None:
    """Whether most values were not seen yet, so that frequencies say nothing."""
    missing = 1 - discrete.coverage(codes)
    if missing <= _MOST_UNSEEN:
        return None
    return f"an estimated {missing:.0%} of the values were not seen yet (Good and Turing): more samples are needed"


def few(count: int) -> str | None:
    """Whether halves of the samples would be too few for neighbours."""
    least = 2 * _LEAST_NEIGHBOURS
    if count >= least:
        return None
    return f"{count} samples; at least {least} are needed, so that half of them have {K} neighbours"


def _classes(x: Sample, z: Sample) -> str | None:
    classes = by_class(x, z)[0]
    share = 1 - classes.ties
    if share <= _MOST_ALONE:
        return None
    return f"{share:.0%} of the values of {classes.argument} occur once: classes need several samples each"


def _gaussian(x: Sample, z: Sample) -> str | None:
    width = x.width + z.width
    if x.count < 2 * (width + 3):
        return f"{x.count} samples of {width} coordinates; covariances need {2 * (width + 3)} at least"
    for sample in (x, z):
        if gaussian.singular(sample.standardized):
            return _SINGULAR.format(name=sample.argument)
    return _AFFINE if _affine(x, z) else None


def _affine(x: Sample, z: Sample) -> bool:
    """Whether the joint variable lies in a subspace where neither variable does: their information is infinite."""
    if gaussian.singular(x.standardized) or gaussian.singular(z.standardized):
        return False
    return gaussian.singular(np.concatenate([x.standardized, z.standardized], axis=1))


def growing(count: int, found: Spread) -> str | None:
    """Whether the estimate grows with the samples as that of an infinite information does."""
    significant = found.slope > _UNRESOLVED_SLOPE and found.growth > 2 * found.deviation
    return _GROWTH.format(count=count) if significant else None


def unresolved(method: str, x: Sample, z: Sample, found: Spread) -> str | None:
    """Symptoms of infinite information in an estimate by nearest neighbours."""
    if method not in {"ksg", "mixed"} or x.discrete or z.discrete:
        return None
    if reason := growing(x.count, found):
        return reason
    likeness, error = function_likeness(x.standardized, z.standardized)
    if likeness - 2 * error > _LIKE_A_FUNCTION:
        return _FUNCTION.format(count=x.count)
    return None
