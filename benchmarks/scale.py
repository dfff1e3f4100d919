"""Real sizes: processor seconds to discover all laws and to check the certificate, and the memory that it takes.

python benchmarks/scale.py                      everything
python benchmarks/scale.py attention relu       the cases whose names contain one of the texts
python benchmarks/scale.py --case NAME          one case in this process, as JSON

Each case runs in a process of its own, on one processor, so that its peak memory is its own. The exponent a is that of
seconds ~ D^a between the smallest and the largest ReLU network of a million parameters or more.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

# Read when numpy is first imported, which is when a case runs.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

LIMIT_SECONDS = 1200
VGG = (64, 64, "max", 128, 128, "max", 256, 256, 256, "max", 512, 512, 512, "max", 512, 512, 512, "max")


def _vgg(library: Any) -> Any:
    """VGG-16 for images of 32 x 32, with one dense layer after the convolutions."""
    from lielaws.architectures.convolution import padded, pooled

    def network(p: Any, x: Any, ops: Any) -> Any:
        layer = 0
        for channels in VGG:
            if channels == "max":
                x = pooled(x, "max", 2, ops)
                continue
            layer += 1
            sums = ops.einsum("oikl,ipqkl->opq", p[f"W{layer}"], ops.patches(padded(x, 1, ops), 3, 1))
            x = ops.relu(sums + p[f"b{layer}"].reshape(-1, 1, 1))
        return p.F @ x.reshape(-1) + p.f

    widths = [3, *(channels for channels in VGG if channels != "max")]
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        shapes |= {f"W{layer}": (outputs, inputs, 3, 3), f"b{layer}": (outputs,)}
    shapes |= {"F": (10, widths[-1]), "f": (10,)}
    return library.architecture(network, shapes, {"x": (3, 32, 32)}, name="VGG-16")


def _stream(width: int, hidden: int, blocks: int) -> Callable[[Any], Any]:
    """A residual network with ReLU after each sum."""

    def network(p: Any, x: Any, ops: Any) -> Any:
        s = ops.relu(p.S @ x)
        for k in range(blocks):
            s = ops.relu(s + p[f"C{k}"] @ ops.relu(p[f"A{k}"] @ s + p[f"a{k}"]))
        return p.O @ s

    shapes: dict[str, tuple[int, ...]] = {"S": (width, width), "O": (10, width)}
    for k in range(blocks):
        shapes |= {f"A{k}": (hidden, width), f"a{k}": (hidden,), f"C{k}": (width, hidden)}
    return lambda library: library.architecture(network, shapes, {"x": (width,)}, name="gated stream")


def _monomials(count: int, terms: int, degree: int) -> Callable[[Any], Any]:
    """Random monomials of random symbols."""

    def make(library: Any) -> Any:
        import numpy as np
        import sympy

        symbols = sympy.symbols(f"t0:{count}")
        places = np.random.default_rng(0).integers(0, count, (terms, degree))
        used = np.unique(places).tolist()
        phi = [sympy.Mul(*[symbols[k] for k in row]) for row in places.tolist()]
        return library.from_phi([symbols[k] for k in used], phi)

    return make


def _factorization(rows: int, columns: int, rank: int, share: float) -> Callable[[Any], Any]:
    """Some of the entries of P Q^T."""

    def make(library: Any) -> Any:
        import numpy as np
        import sympy

        p, q = sympy.symbols(f"p0:{rows * rank}"), sympy.symbols(f"q0:{columns * rank}")
        seen = np.argwhere(np.random.default_rng(0).random((rows, columns)) < share).tolist()
        return library.from_phi(
            [*p, *q], [sympy.Add(*[p[i * rank + k] * q[j * rank + k] for k in range(rank)]) for i, j in seen]
        )

    return make


def _spec(spec: str) -> Callable[[Any], Any]:
    return lambda library: spec


CASES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "relu:784-100-10": (_spec("relu:784-100-10"), "any"),
    "relu:784-1024-1024-10": (_spec("relu:784-1024-1024-10"), "any"),
    "relu+bias:784-1024-1024-10": (_spec("relu+bias:784-1024-1024-10"), "any"),
    "the same, cross-entropy": (_spec("relu+bias:784-1024-1024-10"), "cross_entropy"),
    "leaky_relu:784-1024-1024-10": (_spec("leaky_relu:784-1024-1024-10"), "any"),
    "relu:784-2200-2200-1500-10": (_spec("relu:784-2200-2200-1500-10"), "any"),
    "relu+bias:784-7200-7200-6000-10": (_spec("relu+bias:784-7200-7200-6000-10"), "any"),
    "VGG-16": (_vgg, "any"),
    "gated stream 1000, 500, 10 blocks": (_stream(1000, 500, 10), "any"),
    "linear:60-60-60": (_spec("linear:60-60-60"), "any"),
    "linear:1000-500-1000": (_spec("linear:1000-500-1000"), "any"),
    "linear:3000-1600-3000": (_spec("linear:3000-1600-3000"), "any"),
    "linear:577-577-577-577": (_spec("linear:577-577-577-577"), "any"),
    "linear:784-1000-1000-10": (_spec("linear:784-1000-1000-10"), "any"),
    "attention, 12 heads": (lambda library: library.attention(768, 64, heads=12), "any"),
    "attention, 12 heads, 4 keys": (lambda library: library.attention(768, 64, heads=12, kv_heads=4), "any"),
    "swiglu 768, 3072": (lambda library: library.glu(768, 3072), "any"),
    "40,000 monomials of degree 3": (_monomials(20_000, 40_000, 3), "any"),
    "26,000 monomials of degree 4": (_monomials(20_000, 26_000, 4), "any"),
    "a tenth of 500 x 400 of rank 5": (_factorization(500, 400, 5, 0.1), "any"),
}
GROWTH = ("relu:784-1024-1024-10", "relu+bias:784-7200-7200-6000-10")


def measure(name: str) -> dict[str, Any]:
    """Discover and check one case in this process."""
    import lielaws

    make, loss = CASES[name]
    # The fixed cost of the first discovery and check is no part of any case.
    lielaws.verify(lielaws.discover_laws("relu:40-40-10").certificate)
    start = time.process_time()
    report = lielaws.discover_laws(make(lielaws), loss=loss)
    discovered = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.json"
        report.certificate.save(path)
        verification, size = lielaws.verify(path), path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "parameters": report.n_parameters,
        "laws": len(report.laws),
        "complete": report.complete and verification.valid,
        "discover": discovered - start,
        "check": time.process_time() - discovered,
        "bytes": size,
        # Kilobytes on Linux, bytes on macOS.
        "megabytes": peak / (2**20 if sys.platform == "darwin" else 2**10),
    }


def measure_apart(name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--case", name]
    run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if run.returncode:
        raise SystemExit(f"{name}: {run.stderr.strip()}")
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def main(texts: list[str]) -> int:
    if texts[:1] == ["--case"]:
        print(json.dumps(measure(texts[1])))
        return 0
    chosen = [name for name in CASES if not texts or any(text in name for text in texts)]
    print(f"{'case':<35}{'D':>12}{'laws':>10}{'discover':>11}{'check':>10}{'memory':>10}{'certificate':>13}")
    found = {}
    for name in chosen:
        case = found[name] = measure_apart(name)
        print(
            f"{name:<35}{case['parameters']:>12,}{case['laws']:>10,}{case['discover']:>9.2f} s{case['check']:>8.2f} s"
            f"{case['megabytes']:>7.0f} MB{case['bytes']:>11,} B{'' if case['complete'] else '   not complete'}"
        )
    if set(GROWTH) <= found.keys():
        small, large = (found[name] for name in GROWTH)
        seconds = math.log((large["discover"] + large["check"]) / (small["discover"] + small["check"]))
        print(f"exponent: {seconds / math.log(large['parameters'] / small['parameters']):.2f}")
    return 0 if all(case["complete"] for case in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
