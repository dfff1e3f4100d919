"""Specs: strings, files and expressions to architectures. Everything foreign is read as data, nothing is executed."""

from lielaws.spec.evaluation import evaluate
from lielaws.spec.expressions import to_sympy
from lielaws.spec.families import Family
from lielaws.spec.files import load, read_text
from lielaws.spec.flows import read_flow
from lielaws.spec.language import Expression, parse
from lielaws.spec.lawtexts import LawText, parse_laws
from lielaws.spec.loading import load_architecture, load_question
from lielaws.spec.networks import network, network_function
from lielaws.spec.phi import read_phi_file
from lielaws.spec.registry import build_from_mapping, build_from_tree, describe
from lielaws.spec.strings import SpecTree, parse_spec

__all__ = [
    "Expression",
    "Family",
    "LawText",
    "SpecTree",
    "build_from_mapping",
    "build_from_tree",
    "describe",
    "evaluate",
    "load",
    "load_architecture",
    "load_question",
    "network",
    "network_function",
    "parse",
    "parse_laws",
    "parse_spec",
    "read_flow",
    "read_phi_file",
    "read_text",
    "to_sympy",
]
