"""Executes a copy of every notebook; fails if one raises, or was committed without its outputs.

python .ci/run_notebooks.py [notebook ...]        default: notebooks/*.ipynb
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
SECONDS_PER_CELL = 300


def main(arguments: list[str]) -> int:
    paths = [Path(argument) for argument in arguments] or sorted(FOLDER.glob("*.ipynb"))
    if not paths:
        print("no notebooks")
    failures = [failure for path in paths for failure in check(path)]
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


def check(path: Path) -> list[str]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    failures = [f"{path.name}: {text}" for text in committed_problems(notebook)]
    start = time.perf_counter()
    try:
        execute(notebook)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        failures.append(f"{path.name}: {error}")
    print(f"{path.name}: {time.perf_counter() - start:.1f} s, {'failed' if failures else 'passed'}", flush=True)
    return failures


def committed_problems(notebook: Any) -> list[str]:
    """Code cells that were never executed, or that failed, in the committed file."""
    problems = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            problems.append(f"cell {number} was committed without being executed")
        if any(output.output_type == "error" for output in cell.outputs):
            problems.append(f"cell {number} was committed with an error")
    return problems


def execute(notebook: Any) -> None:
    """Run the notebook in an empty folder, in this environment; nothing is written back."""
    # The kernel named in the file may not be registered here; this environment's own one always is.
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=SECONDS_PER_CELL,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        )
        client.execute()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
