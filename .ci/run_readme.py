"""Runs the examples of README.md and compares their output: `>>>` sessions, and `$ lielaws` commands.

A block whose first line is a comment with a file name, such as `# net.toml`, is a file that the commands may use. Times
may differ. `--write` prints the README with the real output of the commands instead.
"""

from __future__ import annotations

import contextlib
import difflib
import doctest
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w-]+\.(?:toml|json|phi|txt))\n")
TIMES = re.compile(r"\d+\.\d+( seconds|(?<=\d)(?=[,)]))")


def main(arguments: list[str]) -> int:
    text = README.read_text(encoding="utf-8")
    start = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for kind, body in BLOCK.findall(text):
                if match := FILE.match(body):
                    Path(match.group(1)).write_text(body, encoding="utf-8")
                assert kind != "python", "examples are sessions (pycon), so that they are run"
            if arguments == ["--write"]:
                # Commands may use files that the sessions before them wrote.
                with contextlib.redirect_stdout(sys.stderr):
                    sessions(text)
                print(BLOCK.sub(lambda match: rewritten(*match.groups()), text), end="")
                return 0
            failures = sessions(text) + sum(not same(body) for kind, body in BLOCK.findall(text) if kind == "console")
        finally:
            os.chdir(start)
    print(f"README.md: {failures or 'no'} failures")
    return 1 if failures else 0


def sessions(text: str) -> int:
    """Number of failures among the `>>>` examples, which share their names."""
    blocks = "".join(body + "\n" for kind, body in BLOCK.findall(text) if kind == "pycon")
    test = doctest.DocTestParser().get_doctest(blocks, {}, "README.md", str(README), 0)
    return doctest.DocTestRunner().run(test).failed


def same(body: str) -> bool:
    """Whether the commands of a block print what it shows."""
    shown, real = (TIMES.sub(r"#\1", text) for text in (body, run(body)))
    if shown != real:
        print(*difflib.unified_diff(shown.splitlines(), real.splitlines(), "README.md", "real", lineterm=""), sep="\n")
    return shown == real


def rewritten(kind: str, body: str) -> str:
    return f"```{kind}\n{run(body) if kind == 'console' else body}```"


def run(body: str) -> str:
    """The block with real output, stderr included."""
    return "".join(_run(body))


def _run(body: str) -> Iterator[str]:
    for line in body.splitlines():
        if line.startswith("$ "):
            program, *arguments = shlex.split(line[2:])
            assert program == "lielaws", line
            command = [sys.executable, "-m", "lielaws.cli", *arguments]
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            yield f"{line}\n{result.stdout}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
