"""The shape of the package: imports go one way, files stay small, nothing that is read gets executed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.quick import QUICK

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "lielaws"
LONGEST_FILE = 320
MOST_FILES = 15
MOST_PARAMETERS = 12

# Folders that are too full, and why.
FULL_FOLDERS = {
    "architectures": "a file for each family, and what several of them share",
    "engine.laws": "a module for each class of laws",
    "formulas": "five layers of search are to become two loops",
    "inertia": "derivations that never change belong in a notebook and a test",
    "intrinsic": "three routes to the same ranks are to become one",
    "modification": "a file for each kind of change; the clauses have a room of their own",
    "sweeps": "eight files expand a grid, and may become one room",
}

# Public functions whose many keywords are part of the contract.
LONG_SIGNATURES = {
    "lielaws.architectures.attention.attention",
    "lielaws.architectures.transformer.transformer",
    "lielaws.architectures.transformer.transformer_block",
    "lielaws.formulas.conjecturing.conjecture",
    "lielaws.inertia.simulation.simulate",
    "lielaws.lineage.compare.lineage",
    "lielaws.lineage.drift.allowed_drift",
    "lielaws.modification.certify.certify",
    "lielaws.training.balance.LawBalance.__init__",
}

# Names that several modules may have. A room may also name its first module like itself. The checker has names of its
# own: it derives again what the engine derives, with its own mistakes, so that a rules.py of both is meant.
SAME_NAMES = {
    "plots": "of the room, in every room",
    "text": "of the room's record",
    "base": "of architectures, and of array arithmetics",
    "modular": "matrices of residues, and the arithmetic that the graph is read in",
    # A text, and what it is the text of.
    **dict.fromkeys(("expressions", "flows", "symbolic"), "spec and what it reads"),
}

# Built on the rest, and imported by none of it.
APPLICATIONS = {
    "audit",
    "formulas",
    "inertia",
    "information",
    "intrinsic",
    "lineage",
    "modification",
    "sweeps",
    "training",
}
FRONT_DOORS = {"", "cli", "catalogue"}

# A layer imports from layers further left, or from itself. Layers in one group know nothing of each other.
ORDER = (
    {"errors", "arraytypes"},
    {"checks"},
    {"engine.linalg", "progress"},
    {"engine.arithmetic"},
    {"engine.graph"},
    {"engine.values", "engine.paths"},
    {"engine.potential"},
    {"architectures"},
    {"torch"},
    {"engine.flows"},
    {"engine.closure", "engine.laws"},
    {"engine.theorems"},
    {"certificate"},
    {"checker"},
    {"report"},
    {"questions"},
    {"discover"},
    {"check", "intrinsic", "training", "inertia", "sweeps"},
    {"information", "lineage", "formulas"},
    {"modification"},
    {"audit"},
    {"catalogue"},
    {"cli"},
)
RANK = {layer: rank for rank, group in enumerate(ORDER) for layer in group}
SPEC_IMPORTS = {"errors", "engine.graph", "architectures", "engine.flows", "spec"}
SPEC_USERS = {"engine.flows", "report", "questions", "discover", "check", "sweeps", "formulas", "cli"}

# The checker must not share the mistakes of the search.
CHECKER_IMPORTS = {"lielaws.errors", "lielaws.certificate.record"}
CHECKER_NEVER = {"architectures", "report", "discover"}

# The methods of a record that may know, when they are called, the module that writes the record.
SHOWN_BY = {"__str__", "_repr_html_", "latex"}

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

MODULE_OF = {"python-flint": "flint"}
SLOW_TO_IMPORT = ("sympy", "scipy.integrate", "matplotlib", "tqdm", "click")
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "numpy.linalg", "scipy.linalg", "sympy.parsing", "random"}
# Floats propose an inverse or a choice of rows there, of which bounds then prove what is claimed.
PROOFS_WITH_FLOATS = {"lielaws.engine.linalg.nonsingular", "lielaws.checker.numbers.balls"}
# Here floats guess, build or measure; what is decided is decided in exact or interval arithmetic.
FLOAT_LINEAR_ALGEBRA = {"information", "intrinsic", "modification"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "parse_expr", "parse_latex", "literal_eval"}


@dataclass(frozen=True)
class Import:
    """One import: who, what, where, whether it runs only when a function is called, and when which method is."""

    module: str
    target: str
    line: int
    lazy: bool
    typing_only: bool
    method: str = ""

    @property
    def layer(self) -> str:
        return layer_of(self.module)

    @property
    def target_layer(self) -> str:
        return layer_of(self.target)

    @property
    def internal(self) -> bool:
        return self.target.split(".")[0] == "lielaws"

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def layer_of(module: str) -> str:
    """`report` of `lielaws.report.text`, `engine.laws` of `lielaws.engine.laws.law`; empty for `lielaws` itself."""
    parts = [*module.split("."), ""][1:]
    return ".".join(parts[:2]) if parts[0] == "engine" and parts[1] else parts[0]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for module, tree in modules().items() for found in _imports(module, tree, False, False))


def _imports(
    module: str, node: ast.AST, lazy: bool, typing_only: bool, method: str = "", in_class: bool = False
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(module, name.name, child.lineno, lazy, typing_only, method) for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            for name in child.names:
                whole = f"{base}.{name.name}"
                target = whole if whole in modules() or base in {"numpy", "scipy"} else base
                yield Import(module, target, child.lineno, lazy, typing_only, method)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            guard = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            name = child.name if in_class and isinstance(child, ast.FunctionDef) else method
            yield from _imports(
                module, child, lazy or inside, typing_only or guard, name, isinstance(child, ast.ClassDef)
            )


def internal_imports() -> Iterator[Import]:
    """Those between modules of the library; `lielaws/__init__.py` lists the public names and may see everything."""
    return (found for found in imports() if found.internal and found.module != "lielaws")


def report_all(violations: list[str]) -> None:
    assert not violations, "\n" + "\n".join(violations)


def test_every_module_has_a_layer() -> None:
    unknown = {layer_of(module) for module in modules()} - set(RANK) - {"spec", "engine", ""}
    assert not unknown, f"add {sorted(unknown)} to ORDER"


def test_imports_go_one_way() -> None:
    def allowed(found: Import) -> bool:
        if found.layer == "spec":
            return found.target_layer in SPEC_IMPORTS
        if found.target_layer == "spec":
            return True  # the next test
        return found.layer == found.target_layer or RANK.get(found.target_layer, 99) < RANK[found.layer]

    report_all([str(found) for found in internal_imports() if not allowed(found)])


def test_specs_are_read_only_where_they_come_in() -> None:
    def allowed(found: Import) -> bool:
        checker = found.layer == "checker" and found.target in CHECKER_IMPORTS
        return found.layer == "spec" or checker or (found.layer in SPEC_USERS and found.lazy)

    uses = [found for found in internal_imports() if found.target_layer == "spec" and not found.typing_only]
    report_all([f"{found} (must be inside a function)" for found in uses if not allowed(found)])


def checkers() -> set[str]:
    return {module for module in modules() if layer_of(module) == "checker"}


def test_the_checker_stands_alone() -> None:
    own = checkers()
    direct = [found for found in internal_imports() if found.module in own]
    report_all([str(found) for found in direct if found.target not in CHECKER_IMPORTS | own])


def test_nothing_the_checker_imports_leads_to_the_search() -> None:
    reached, waiting = set(), list(checkers())
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting += [
            found.target for found in internal_imports() if found.module == module and found.target not in reached
        ]
    report_all(sorted(m for m in reached if layer_of(m) in CHECKER_NEVER or m.startswith("lielaws.engine")))


def test_there_is_no_cycle_of_modules() -> None:
    """Late imports count as well, but for those of what shows a record: its text is a function of it."""
    edges: dict[str, set[str]] = {}
    for found in internal_imports():
        if not found.typing_only and found.method not in SHOWN_BY and found.target != found.module:
            edges.setdefault(found.module, set()).add(found.target)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for target in sorted(edges.get(module, ())):
                visit(target, (*path, module))
            done.add(module)

    for module in sorted(edges):
        visit(module, ())


def test_files_stay_small() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    long = {path: length for path, length in lengths.items() if length > LONGEST_FILE}
    report_all([f"{path.relative_to(ROOT)}: {length} lines" for path, length in long.items()])


def sizes_of_folders() -> dict[str, int]:
    files: dict[str, int] = {}
    for path in SOURCE.rglob("*.py"):
        folder = ".".join(path.parent.relative_to(SOURCE).parts)
        files[folder] = files.get(folder, 0) + 1
    return files


def test_folders_stay_small() -> None:
    full = {folder: count for folder, count in sizes_of_folders().items() if count > MOST_FILES}
    report_all([f"{folder}: {count} files" for folder, count in full.items() if folder not in FULL_FOLDERS])
    report_all([f"{folder} is no longer full" for folder in FULL_FOLDERS if folder not in full])


def test_files_with_quick_tests_exist() -> None:
    report_all([path for path in QUICK if not (ROOT / "tests" / path).exists()])


def test_functions_take_few_parameters() -> None:
    def counted(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        return len(names) - (names[:1] in (["self"], ["cls"])) + len(function.args.kwonlyargs)

    long = {name: counted(function) for name, function in functions() if counted(function) > MOST_PARAMETERS}
    report_all([f"{name}: {count} parameters" for name, count in long.items() if name not in LONG_SIGNATURES])


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """All functions and methods, with their full names."""

    def inside(name: str, node: ast.AST) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            whole = f"{name}.{child.name}" if isinstance(child, DEFINITIONS) else name
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield whole, child
            yield from inside(whole, child)

    return (found for module, tree in modules().items() for found in inside(module, tree))


def test_no_two_modules_have_one_name() -> None:
    named: dict[tuple[str, bool], list[str]] = {}
    for module in modules():
        *_, room, name = ["", *module.split(".")]
        if name != room and name not in SAME_NAMES:
            named.setdefault((name, layer_of(module) == "checker"), []).append(module)
    report_all([", ".join(found) for found in named.values() if len(found) > 1])


def test_no_application_is_imported_by_the_core() -> None:
    core = [found for found in internal_imports() if found.layer not in APPLICATIONS | FRONT_DOORS]
    report_all([str(found) for found in core if found.target_layer in APPLICATIONS])


def test_forbidden_modules_are_not_imported() -> None:
    def forbidden(target: str) -> bool:
        return any(target == name or target.startswith(f"{name}.") for name in FORBIDDEN_MODULES)

    def allowed(found: Import) -> bool:
        float_room = found.layer in FLOAT_LINEAR_ALGEBRA or found.module in PROOFS_WITH_FLOATS
        return found.target.startswith("scipy.linalg") and float_room

    report_all([str(found) for found in imports() if forbidden(found.target) and not allowed(found)])


def test_nothing_is_executed_and_no_float_decides() -> None:
    report_all([text for module, tree in modules().items() for text in _offences(module, tree)])


def _offences(module: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        floats = isinstance(node, ast.Attribute) and node.attr == "linalg" and module not in PROOFS_WITH_FLOATS
        if floats and ast.unparse(node.value) in {"np", "numpy"}:
            yield f"{module}:{node.lineno} uses {ast.unparse(node)}"
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        strict = any(keyword.arg == "strict" and ast.unparse(keyword.value) == "True" for keyword in node.keywords)
        last = called.rpartition(".")[2]
        if called in FORBIDDEN_CALLS or (last in FORBIDDEN_CALLS and last.startswith("parse_")):
            yield f"{module}:{node.lineno} calls {called}"
        if last in {"sympify", "_sympify"} and not strict:
            yield f"{module}:{node.lineno} calls {called} without strict=True, which executes text"
        if called in {"sympy.S", "S"}:
            yield f"{module}:{node.lineno} calls {called}, which executes text"


def third_party() -> Iterator[Import]:
    return (found for found in imports() if not found.internal and _top(found.target) not in sys.stdlib_module_names)


def _top(module: str) -> str:
    return module.partition(".")[0]


def declared() -> dict[str, set[str]]:
    """Importable names of the core dependencies, and of those in extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [entry for entries in project["optional-dependencies"].values() for entry in entries]
    names = {"core": project["dependencies"], "extra": extras}
    bare = {kind: {re.split(r"[\s<>=!\[;]", entry)[0] for entry in entries} for kind, entries in names.items()}
    return {kind: {MODULE_OF.get(name, name.replace("-", "_")) for name in found} for kind, found in bare.items()}


def test_dependencies_are_declared_and_used() -> None:
    core, extra = declared()["core"], declared()["extra"]
    used = {_top(found.target) for found in third_party() if not found.typing_only}
    assert core <= used, f"declared, but not imported anywhere: {sorted(core - used)}"
    report_all(
        [f"{found}: not declared" for found in third_party() if _top(found.target) not in core | extra | {"IPython"}]
    )


def test_optional_packages_are_imported_where_they_are_used() -> None:
    core = declared()["core"]
    eager = [found for found in third_party() if not found.lazy and not found.typing_only]
    report_all([f"{found} (optional: inside a function)" for found in eager if _top(found.target) not in core])


@pytest.mark.parametrize("name", SLOW_TO_IMPORT)
def test_import_leaves_out_what_it_does_not_need(name: str, loaded: frozenset[str]) -> None:
    assert name not in loaded


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    """All modules that `import lielaws` loads in a fresh interpreter."""
    code = "import lielaws, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return frozenset(run.stdout.split())
