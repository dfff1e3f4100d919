"""The nearest-neighbour estimates are those of scikit-learn where it has them: for variables of one coordinate."""

from __future__ import annotations

import numpy as np
import pytest

from lielaws.information import mutual_information

selection = pytest.importorskip("sklearn.feature_selection")


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.95])
def test_continuous_variables(rho: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    z = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=300)
    (theirs,) = selection.mutual_info_regression(x[:, None], z, n_neighbors=3, random_state=0)
    assert mutual_information(x, z, method="ksg", resamples=20).value == pytest.approx(theirs, abs=1e-9)


def test_a_discrete_variable() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=300)
    z = (x + 0.5 * rng.normal(size=300) > 0).astype(int) + (x > 1)
    (theirs,) = selection.mutual_info_classif(x[:, None], z, n_neighbors=3, random_state=0)
    assert mutual_information(x, z, resamples=20).value == pytest.approx(theirs, abs=1e-9)
