"""What `pytest -m quick` runs: a few fast tests of each area, under a minute with all that it takes to find them.

Paths of files or folders below `tests`, with a regular expression for the names of tests that are meant; the longest
path that fits decides.
"""

from __future__ import annotations

import re
from pathlib import Path

ALL = ""
QUICK = {
    "test_structure.py": "stay_small|one_way|stands_alone|executed|forbidden",
    # The rooms of the engine
    "unit/engine": ALL,
    "unit/engine/linalg": r"singular|pivot|span|proved|prime|lift",
    "unit/engine/flows/test_flow_input.py": r"names",
    "unit/engine/values/test_rules.py": r"zeros|traps|left_as",
    # Answers
    "theory/test_published_counts.py": r"published_one.*(linear:2-3-2|linear:3-3-3-3|relu:2-3-2\]|1-3-1|conv:1-2-1)",
    "theory/test_foundation.py": r"answers\[(root_of_two_squared|gate_of_a_square|normalizing_flow)-0\]",
    "theory/test_functions.py": r"no_law\[(tanh|gelu)\]|swiglu|attention|TestRelations",
    "theory/test_roots_and_gates.py": r"counts\[(expanded_square|cosine_of_a_gate|root_of_two|fourth_root)\]",
    "theory/test_flows.py": r"energy_is_no_law|part_of_the_parameters|does_not_decay",
    "properties/test_same_function.py": r"test_(both_are_one_function|counts_agree)\[[01]\]",
    "properties/test_laws_along_flows.py": r"every_family.*(relu:2-3-2|linear:2-3-2)",
    # Certificates, and lies
    "certificate/test_valid.py": r"test_(files|version_1|the_subject)|valid\[(linear|relu|tanh)",
    "certificate/test_lies.py": r"\[(no_law|rank_too_high|a_law_of_another_network|singular_block0)\]",
    # What users hand in, and applications
    "unit/spec/test_spec_strings.py": ALL,
    "unit/spec/test_spec_language.py": r"builtins|attacks",
    "unit/architectures/test_activations.py": ALL,
    "unit/architectures/test_reparameterization.py": r"gives|symbols|powers_of_a_gate",
    "unit/sweeps/test_sweep_description.py": r"test_[a-m]",
    "unit/training/test_bad_input.py": r"test_[a-h]",
    "unit/inertia/test_momentum_map.py": ALL,
    "unit/intrinsic/test_exact.py": ALL,
    "unit/formulas/test_rows.py": r"test_[a-d]",
    "unit/lineage/test_drift.py": r"test_[a-d]",
    "unit/modification/test_rounding.py": ALL,
    "unit/information/test_refusals.py": r"test_[a-d]",
    "unit/test_presentation.py": ALL,
}
_FOLDER = Path(__file__).parent


def quick_names(path: Path) -> str | None:
    """The expression for the names of quick tests in a file; None if there are none."""
    inside = path.relative_to(_FOLDER).as_posix() if path.is_relative_to(_FOLDER) else ""
    fitting = [known for known in QUICK if inside == known or inside.startswith(f"{known}/")]
    return QUICK[max(fitting, key=len)] if fitting else None


def is_quick(path: Path, name: str) -> bool:
    wanted = quick_names(path)
    return wanted is not None and re.search(wanted, name) is not None
