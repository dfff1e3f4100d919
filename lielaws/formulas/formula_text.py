"""Formulas and what is known of them in words, and in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from lielaws.formulas.cases import DEPTH, FIRST, HIDDEN, LAST, PICKED, Derived, Form, Name
from lielaws.formulas.conditions import Condition, Conjunction
from lielaws.formulas.conjecture_record import Conjecture
from lielaws.formulas.formula_terms import Polynomial
from lielaws.formulas.sizes import Shape
from lielaws.formulas.written_formulas import Writer, sides, with_sums

_SHOWN = 8
_REFUTED = 4
_LONGEST = 150
_FRAMES = {"hidden": "the hidden layers l", "weights": "the weight matrices l", "layers": "all layers l"}


class _Printer(StrPrinter):  # type: ignore[misc]
    def _print_Sum(self, expression: Any) -> str:
        _, low, high = expression.limits[0]
        # As symbols, the entries of a chain stand where a person writes them: w[l]*(w[l] + 1).
        entries = {entry: sp.Symbol(str(entry).replace(" ", "")) for entry in expression.function.atoms(sp.Indexed)}
        inner = self._print(expression.function.xreplace(entries))
        return f"sum({inner}, l={self._print(low)}..{self._print(high)})".replace(" - 1)", "-1)")


def expression_text(expression: Any) -> str:
    return str(_Printer().doprint(expression))


def form_text(form: Form, shape: Shape) -> str:
    """A form in the sizes."""
    return expression_text(Writer(shape).form(form))


def polynomial_text(polynomial: Polynomial, shape: Shape) -> str:
    """With abbreviations for positive parts, and for a sum of sizes that occurs several times."""
    clipped = [form for term in polynomial.terms for form, _ in (*term.outer, *term.local) if form.clipped]
    letters = (sp.Dummy(letter) for letter in "uvst")
    short = dict(zip(dict.fromkeys(clipped), letters, strict=False))
    written = Writer(shape, short).polynomial(polynomial)
    where = [f"{symbol.name} = {_clipped_text(form, shape)}" for form, symbol in short.items()]
    if not written.has(sp.Sum):
        shortened, sums = with_sums(written)
        for symbol, total in sums.items():
            if shortened.count(symbol) > 1:
                names = sorted(map(str, total.args), key=lambda name: _place(name, shape))
                written = shortened
                where.append(f"{symbol} = {' + '.join(names)}")
    plainly = {symbol: sp.Symbol(symbol.name) for symbol in short.values()}
    text = expression_text(written.xreplace(plainly))
    return f"{text} with {', '.join(where)}" if where else text


def _clipped_text(form: Form, shape: Shape) -> str:
    parts = sorted(form.coefficients, key=lambda entry: entry[1] < 0)
    text = ""
    for name, value in (*parts, *([("", form.constant)] if form.constant else [])):
        number = (
            str(abs(value))
            if name == ""
            else f"{abs(value)}*{_name(name, shape)}"
            if abs(value) > 1
            else _name(name, shape)
        )
        text += (f" {'-' if value < 0 else '+'} " if text else "-" if value < 0 else "") + number
    return f"max(0, {text})"


def _place(name: str, shape: Shape) -> int:
    return shape.columns.index(name) if name in shape.columns else len(shape.columns)


def condition_text(condition: Condition, shape: Shape) -> str:
    """An inequality without negative coefficients, such as `r <= n + m`."""
    left, right = sides(condition)
    everywhere = _quantified(condition, shape)
    if everywhere is not None:
        return everywhere
    text = _inequality(left, right, condition.bound, shape)
    return f"{text} for every hidden layer l" if condition.statistic.layered else text


def _quantified(condition: Condition, shape: Shape) -> str | None:
    """Conditions on the least or largest width are conditions on every width."""
    ((name, value), *more) = condition.statistic.form.coefficients
    if more or not isinstance(name, Derived) or name.kind not in PICKED:
        return None
    if name.kind == "second":
        return f"at most one {'channel number' if shape.letter == 'c' else 'width'} <= {-condition.bound - 1}"
    which = ("hidden " if name.names == (HIDDEN,) else "") + ("channel number" if shape.letter == "c" else "width")
    some = (name.kind == "least") == (value > 0)
    relation = f"<= {condition.bound}" if value > 0 else f">= {-condition.bound}"
    return f"{'some' if some else 'every'} {which} {relation}"


def _inequality(left: Sequence[tuple[Name, int]], right: Sequence[tuple[Name, int]], bound: int, shape: Shape) -> str:
    if not right:
        return f"{_sum(left, shape)} <= {bound}"
    if not left:
        return f"{_sum(right, shape)} >= {-bound}"
    shift = f" + {bound}" if bound > 0 else f" - {-bound}" if bound < 0 else ""
    return f"{_sum(left, shape)} <= {_sum(right, shape)}{shift}"


def _sum(parts: Sequence[tuple[Name, int]], shape: Shape) -> str:
    return " + ".join(_name(name, shape) if value == 1 else f"{value}*{_name(name, shape)}" for name, value in parts)


def _name(name: Name, shape: Shape) -> str:
    if isinstance(name, Derived) or name in (FIRST, LAST, DEPTH) or name.startswith("w["):
        text = str(name)
        return text.replace("w[", f"{shape.letter}[")
    return name


def conjunction_text(conditions: Conjunction, shape: Shape) -> str:
    return " and ".join(condition_text(condition, shape) for condition in conditions)


def sizes_text(sizes: Any) -> str:
    if isinstance(sizes, dict):
        return ", ".join(f"{name}={sizes_text(value)}" for name, value in sizes.items())
    return "-".join(map(str, sizes)) if isinstance(sizes, list | tuple) else str(sizes)


def conjecture_text(found: Conjecture) -> str:
    """The formula, the evidence, and what is open."""
    family = f" of {found.family}" if found.family else ""
    fixed = "".join(f", {name} = {value}" for name, value in found.fixed.items())
    chosen = ", ".join(f"{name} = {value}" for name, value in found.where.items() if name != "family")
    family += f" with {chosen}" if chosen else ""
    lines = [f"Number of laws{family} as a function of {', '.join(found.variables) or 'nothing'}{fixed}"]
    lines += [f"  {line}" for line in _pieces(found)]
    lines += ["", *(f"  {name:<12}{text}" for name, text in _evidence(found))]
    others = [ambiguity for ambiguity in found.ambiguities if not ambiguity.same]
    for title, entries in (
        ("Same values", [ambiguity.text for ambiguity in found.ambiguities if ambiguity.same]),
        ("Open", [ambiguity.text for ambiguity in others if ambiguity.simple]),
        ("Less simple, or beside the question", [ambiguity.text for ambiguity in others if not ambiguity.simple]),
        ("Cases that would decide", [f"{sizes_text(p.sizes)}: {p.reason}" for p in found.proposals]),
        ("Not covered", [f"{sizes_text(sizes)} has {count}" for sizes, count in found.deviating]),
        ("Notes", list(found.notes)),
    ):
        if entries:
            lines += ["", title, *(f"  {_short(entry)}" for entry in entries[:_SHOWN])]
            lines += [f"  and {len(entries) - _SHOWN} more"] if len(entries) > _SHOWN else []
    return "\n".join(lines)


def _pieces(found: Conjecture) -> list[str]:
    if not found.piece_texts:
        return ["no formula was found that explains more cases than it has coefficients"]
    width = max(len(expression) for _, expression, _ in found.piece_texts)
    lines = []
    for condition, expression, count in found.piece_texts:
        alone = len(found.piece_texts) == 1 and not condition
        when = "" if alone else f"  {f'if {condition}' if condition else 'otherwise'}"
        lines.append(f"{expression:<{width}}{when}  ({count} cases)".rstrip())
    if not found.complete:
        lines.append(f"{'open':<{width}}  otherwise  ({len(found.deviating)} cases)")
    return lines


def _evidence(found: Conjecture) -> list[tuple[str, str]]:
    lines = [("data", f"{found.rows} cases, of which {found.fits} agree, for {found.unknowns} coefficients")]
    if found.held_back.cases:
        lines.append(("held back", f"{found.held_back.cases} cases, of which {found.held_back.agree} agree"))
    else:
        lines.append(("held back", "none: all cases were needed to find the formula"))
    if found.fresh:
        agree = sum(check.agrees for check in found.fresh)
        lines.append(("fresh", f"{len(found.fresh)} further cases computed, of which {agree} agree"))
        lines += [
            ("", f"{sizes_text(check.sizes)} has {check.computed}, not {check.predicted}")
            for check in found.fresh
            if not check.agrees
        ]
    shown = found.refuted[-_REFUTED:]
    lines += [("refuted", f"{_short(formula)}: {sizes_text(sizes)} has {count}") for formula, sizes, count in shown]
    lines.append(("status", _status(found)))
    return lines


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _status(found: Conjecture) -> str:
    if not found.piece_texts:
        return "no formula within what was searched"
    if not found.complete:
        return "no formula for all cases within what was searched; this one holds in its regime only"
    if not found.determined:
        return "it fits all the data, but they do not determine it"
    return "it fits all the data; an observation, not a theorem"


class _Latex(LatexPrinter):  # type: ignore[misc]
    def _print_Indexed(self, expression: Any) -> str:
        return f"{expression.base}_{{{str(expression.indices[0]).replace(' ', '')}}}"

    def _print_Sum(self, expression: Any) -> str:
        entries = {entry: sp.Symbol(self._print(entry)) for entry in expression.function.atoms(sp.Indexed)}
        printed: str = super()._print_Sum(expression.func(expression.function.xreplace(entries), *expression.limits))
        return printed


def conjecture_latex(found: Conjecture) -> str:
    if found.formula is None:
        return r"\text{unknown}"
    return str(_Latex({"mul_symbol": None}).doprint(found.formula))
