"""Specs: strings, files and expressions to architectures. Everything foreign is read as data, nothing is executed."""

from lielaws.spec.evaluation import evaluate as evaluate
from lielaws.spec.expressions import read_phi_file as read_phi_file
from lielaws.spec.expressions import to_sympy as to_sympy
from lielaws.spec.families import Family as Family
from lielaws.spec.files import load as load
from lielaws.spec.files import read_text as read_text
from lielaws.spec.flows import read_flow as read_flow
from lielaws.spec.language import Expression as Expression
from lielaws.spec.language import parse as parse
from lielaws.spec.lawtexts import LawText as LawText
from lielaws.spec.lawtexts import parse_laws as parse_laws
from lielaws.spec.networks import network as network
from lielaws.spec.networks import network_function as network_function
from lielaws.spec.registry import build_from_mapping as build_from_mapping
from lielaws.spec.registry import build_from_tree as build_from_tree
from lielaws.spec.registry import describe as describe
from lielaws.spec.registry import load_architecture as load_architecture
from lielaws.spec.registry import load_question as load_question
from lielaws.spec.strings import SpecTree as SpecTree
from lielaws.spec.strings import parse_spec as parse_spec
