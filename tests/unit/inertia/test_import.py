"""What `import lielaws.inertia` loads, in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys


def test_the_import_is_light():
    code = "import lielaws.inertia, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert not {"sympy", "matplotlib", "scipy.integrate", "torch"} & set(run.stdout.split())
