"""One table of a sweep: the grid of its points, and the case that each of them is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lielaws.errors import LieLawsError
from lielaws.sweeps.canonical import as_mapping, find_family
from lielaws.sweeps.case import Case
from lielaws.sweeps.comparisons import Comparison, read_comparison
from lielaws.sweeps.grids import Chain, Grid, Mapped, Product, Values
from lielaws.sweeps.places import Spot
from lielaws.sweeps.ranges import each_size, integers, listed, plain_values
from lielaws.sweeps.settings import SETTINGS, settings_grid
from lielaws.sweeps.specs import spec_entries
from lielaws.sweeps.templates import filled, written_template

_FAMILY = re.compile("[:+]")
OWN_KEYS = ("family", "spec", "variables", "filter", "sample", *SETTINGS)
DEFAULT_KEYS = ("filter", *SETTINGS)
"""keys that may also stand at the top of a file, for all tables"""


@dataclass(frozen=True, slots=True)
class Template:
    """A spec with holes, and the settings that come with it."""

    spec: Any
    settings: Mapping[str, Any]
    spot: Spot


@dataclass(frozen=True, slots=True)
class Table:
    """
    points : grid of (variables, template, settings of the file, settings of the table); pairs, except for the template
    filters : conditions that a case must fulfil
    sample : how many cases are drawn, and the seed; None for all of them
    """

    points: Grid
    filters: tuple[Comparison, ...]
    sample: tuple[int, int] | None
    spot: Spot

    def case(self, number: int) -> Case:
        """The case at a point; where its expressions have no value that fits, one with a problem."""
        pairs, template, inherited, chosen = self.points.at(number)
        variables = dict(pairs)
        settings = {**dict(inherited), **template.settings, **dict(chosen)}
        choice = settings.pop("flow", None)
        compute = settings.pop("compute", "laws")
        if choice is not None:
            settings |= {"flow": choice.written, "flow_identity": choice.identity}
        settings |= {"find_laws": compute != "count", "certificate": compute == "certificates"}
        try:
            spec = as_mapping(filled(template.spec, variables, template.spot))
        except LieLawsError as error:
            written = written_template(template.spec)
            family = written["family"] if isinstance(written, dict) else _FAMILY.split(written)[0].strip()
            written = {"family": family, "template": written, **variables}
            return Case(written, problem=str(error), variables=variables, **settings)
        return Case(spec, variables=variables, **settings)


def read_table(table: Any, defaults: Mapping[str, Any], spot: Spot, folder: Any = None) -> Table:
    """A table of a description.

    Parameters
    ----------
    table : its keys and values
    defaults : filter and settings for keys that it has not
    spot : its place
    folder : where the spec files that it names are; by default the current one

    Raises SpecError for unknown keys, empty ranges, and whatever cannot be read.
    """
    if not isinstance(table, Mapping):
        raise spot.error(table, "a table with a key 'family' or 'spec' is needed")
    if ("family" in table) == ("spec" in table):
        for key in table:
            if key not in OWN_KEYS and get_close_matches(str(key), ("family", "spec")):
                raise spot.key(str(key)).unknown(OWN_KEYS)
        raise spot.error(table, "either the key 'family' or the key 'spec' is needed")
    variables = _variables(table.get("variables", {}), spot.key("variables"))
    templates = _family_templates(table, spot) if "family" in table else _spec_templates(table, spot, folder)
    chosen = {name: (table[name], spot.key(name)) for name in SETTINGS if name in table}
    inherited = {name: (defaults[name], Spot(spot.where, spot.text, (name,))) for name in SETTINGS if name in defaults}
    grids = (
        Product(tuple(settings_grid(name, *place) for name, place in each.items())) for each in (inherited, chosen)
    )
    return Table(
        Product((variables, templates, *grids)),
        (*_filters(defaults, Spot(spot.where, spot.text)), *_filters(table, spot)),
        _sample(table, spot),
        spot,
    )


def _variables(value: Any, spot: Spot) -> Grid:
    from lielaws.spec.tokens import is_name

    if not isinstance(value, Mapping):
        raise spot.error(value, "a table of names and values is needed, such as n = {from = 1, to = 4}")
    for name in value:
        if not isinstance(name, str) or not is_name(name) or "." in name:
            raise spot.error(name, "a name such as n or d_model is needed")
    return Product(tuple(_named(name, plain_values(entry, spot.key(name))) for name, entry in value.items()))


def _named(name: str, grid: Grid) -> Grid:
    return Mapped(lambda value: (name, value), grid)


def _family_templates(table: Mapping[str, Any], spot: Spot) -> Grid:
    from lielaws.spec.families import families

    keys = {name: value for name, value in table.items() if name not in OWN_KEYS}
    parts: list[Grid] = []
    for name in listed(table["family"], spot.key("family")):
        family = find_family(name)
        if family is None:
            raise spot.key("family", str(name)).unknown(families(), "this family is")
        if clash := [key for key in family.keywords if key in OWN_KEYS and key in table]:
            remedy = f"family '{name}' has an option of this name; write spec = {{family = '{name}', ...}}"
            raise spot.key(clash[0]).error(table[clash[0]], remedy)
        for key in keys:
            if key not in family.keywords:
                raise spot.key(key).unknown({*family.keywords, *OWN_KEYS}, f"this key of family '{name}' is")
        if missing := [key for key in family.required if key not in keys]:
            raise spot.error(f"family {name}", f"the key '{missing[0]}' is missing; give its values")
        sizes = family.sizes_argument if isinstance(family.sizes_argument, str) else None
        axes = [_keyword(key, value, family.keywords[key], key == sizes, spot.key(key)) for key, value in keys.items()]
        parts.append(Mapped(_template(name, spot), Product(tuple(axes))))
    return Chain(tuple(parts))


def _template(name: str, spot: Spot) -> Any:
    return lambda pairs: Template({"family": name, **dict(pairs)}, {}, spot)


def _keyword(key: str, value: Any, kind: str, is_sizes: bool, spot: Spot) -> Grid:
    if is_sizes:
        return _named(key, each_size(value, spot))
    if kind == "int":
        return _named(key, integers(value, spot))
    if kind in {"ints", "rationals", "blocks", "symbols", "expressions"}:
        return _named(key, plain_values(value, spot, lists=True))
    if kind in {"shapes", "let"}:
        return _named(key, Values([value]))
    return _named(key, plain_values(value, spot))


def _spec_templates(table: Mapping[str, Any], spot: Spot, folder: Any) -> Grid:
    for key in table:
        if key not in OWN_KEYS:
            raise spot.key(key).unknown(OWN_KEYS)
    entries: list[Template] = []
    for value in listed(table["spec"], spot.key("spec")):
        spec, settings = spec_entries(value, spot.key("spec"), folder)
        entries.append(Template(spec, settings, spot.key("spec")))
    return Values(entries)


def _filters(table: Mapping[str, Any], spot: Spot) -> Iterable[Comparison]:
    place = spot.key("filter")
    value = table.get("filter", [])
    texts: Sequence[Any] = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise place.error(value, "a comparison such as 'D <= 400', or a list of them, is needed")
    return [read_comparison(text, str(place)) for text in texts]


def _sample(table: Mapping[str, Any], spot: Spot) -> tuple[int, int] | None:
    from lielaws.spec.kinds import to_int
    from lielaws.spec.messages import Place

    value, place = table.get("sample"), spot.key("sample")
    if value is None:
        return None
    entries = value if isinstance(value, Mapping) else {"count": value}
    for key in entries:
        if key not in {"count", "seed"}:
            raise place.key(key).unknown(("count", "seed"))
    count = to_int(entries.get("count"), Place(str(place)))
    seed = to_int(entries.get("seed", 0), Place(str(place.key("seed"))))
    if count < 1 or seed < 0:
        raise place.error(value, "a number of cases of at least 1, and a seed of at least 0, are needed")
    return count, seed
