"""The rank of a dense matrix modulo a prime: centred float64 arrays against FLINT and against one product of matrices.

python benchmarks/dense_rank.py [N ...]     4000 by default; ratios of processor seconds, in one run
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

# Read when numpy is first imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import flint
import numpy as np

from lielaws.engine.linalg.centred import LARGEST_PRIME, CentredEchelon


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def main(sizes: list[int]) -> int:
    rng, wrong = np.random.default_rng(0), 0
    for n in sizes or [4000]:
        matrix, floats = rng.integers(0, LARGEST_PRIME, (n, n), dtype=np.int64), rng.normal(size=(n, n))
        echelon = CentredEchelon(n, LARGEST_PRIME)
        ours, _ = seconds(lambda echelon=echelon, matrix=matrix: echelon.extend(matrix))
        product, _ = seconds(lambda floats=floats: floats @ floats)
        theirs = flint.nmod_mat(n, n, matrix.ravel().tolist(), LARGEST_PRIME)
        flints, rank = seconds(theirs.rank)
        wrong += echelon.rank != rank
        ratios = f"{ours / product:.2f} of a product of matrices, {flints / ours:.1f} times faster than FLINT"
        print(f"n = {n}: {ours:.2f} s, {ratios}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main([int(text) for text in sys.argv[1:]]))
