"""The expression language of selectors: a small, closed subset of Python read with `ast` and never executed.

Numbers, texts in quotes, ``true`` and ``false``, column names; ``==  !=  <  <=  >  >=``, ``in`` and ``not in`` a
list; ``and``, ``or``, ``not``; ``+  -  *  /``; and three functions of texts: ``contains(name, "x")``,
``startswith(name, "x")`` and ``endswith(name, "x")``.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import SelectorError, did_you_mean

MAX_LENGTH = 2000
MAX_DEPTH = 50
NUMBER, TEXT, TRUTH = "number", "text", "true/false"
_COMPARE: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_ARITHMETIC: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
_FUNCTIONS = {"contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}
_WORDS = {"true": True, "false": False}
_NODES = (
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.UAdd,
    ast.BinOp,
    *_ARITHMETIC,
    ast.Compare,
    *_COMPARE,
    ast.In,
    ast.NotIn,
    ast.List,
    ast.Tuple,
    ast.Call,
    ast.Name,
    ast.Load,
    ast.Constant,
)


@dataclass(frozen=True)
class Value:
    """An evaluated part: its kind (number, text or true/false) and an array with one entry per feature, or a scalar."""

    kind: str
    data: Any


def parse(text: str) -> ast.expr:
    """Return the syntax tree of an expression, every node of it allowed.

    Raises
    ------
    SelectorError
        The text is empty, too long, too deep, no expression, or uses what the language does not have.
    """
    if not text.strip():
        raise SelectorError("the expression is empty", remedy="leave `where` out to select by polygon alone")
    if len(text) > MAX_LENGTH:
        raise SelectorError(f"the expression has {len(text)} characters", expected=f"at most {MAX_LENGTH}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise SelectorError(
            f"cannot read the expression {_short(text)}: {error.msg} at character {error.offset}",
            remedy='compare with == and put texts in quotes, for example name == "Mikonkatu"',
        ) from None
    except (ValueError, MemoryError, RecursionError):
        raise SelectorError(f"cannot read the expression {_short(text)}") from None
    _check(tree, 0)
    return tree


def _check(node: ast.AST, depth: int) -> None:
    """Refuse nodes outside the language, calls of unknown functions and deep nesting."""
    if depth > MAX_DEPTH:
        raise SelectorError("the expression is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
    if not isinstance(node, _NODES):
        raise SelectorError(
            f"the expression uses {type(node).__name__.lower()}, which selectors do not have",
            expected="comparisons, and/or/not, in [..], + - * /, contains(), startswith(), endswith()",
        )
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool | int | float | str):
        raise SelectorError(f"{node.value!r} is neither a number nor a text")
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and abs(node.value) > 2**53:
        raise SelectorError("a whole number is too large", expected="at most 9007199254740992")
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else "?"
        if name not in _FUNCTIONS:
            raise SelectorError(f"unknown function {name!r}", remedy=did_you_mean(name, _FUNCTIONS))
        if len(node.args) != 2 or node.keywords:
            raise SelectorError(f"{name}() takes a column and a text", expected=f'{name}(name, "katu")')
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Call) and child is node.func):
            _check(child, depth + 1)


def evaluate(text: str, columns: Mapping[str, NDArray[Any]], *, layer: str, length: int) -> NDArray[np.bool_]:
    """Return which features satisfy an expression.

    Parameters
    ----------
    text : str
    columns : mapping of str to array (length,)
        Numbers, booleans or texts (object arrays of str) by column name.
    layer : str
        Name used in messages.
    length : int
        Number of features.

    Returns
    -------
    bool (length,)

    Raises
    ------
    SelectorError
        Unknown column, unlike types compared, or a result that is not true or false.
    """
    value = _Evaluator(columns, layer).visit(parse(text))
    if value.kind != TRUTH:
        raise SelectorError(
            f"the expression {_short(text)} gives a {value.kind}",
            expected="true or false for each feature, for example height_m > 20",
        )
    return np.broadcast_to(np.asarray(value.data, dtype=bool), (length,)).copy()


class _Evaluator:
    """Walks a checked tree; one method per kind of node."""

    def __init__(self, columns: Mapping[str, NDArray[Any]], layer: str) -> None:
        self.columns = columns
        self.layer = layer

    def visit(self, node: ast.expr) -> Value:
        method: Callable[[Any], Value] = getattr(self, type(node).__name__.lower(), self.stray)
        return method(node)

    def stray(self, node: ast.expr) -> Value:
        raise SelectorError("a list may only follow `in`", expected='name in ["Mikonkatu", "Kaivokatu"]')

    def constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, bool):
            return Value(TRUTH, node.value)
        if isinstance(node.value, str):
            return Value(TEXT, node.value)
        return Value(NUMBER, float(node.value))  # type: ignore[arg-type]

    def name(self, node: ast.Name) -> Value:
        if node.id not in self.columns:
            if node.id in _WORDS:
                return Value(TRUTH, _WORDS[node.id])
            raise SelectorError(
                f"layer {self.layer!r} has no column {node.id!r}", remedy=_column_remedy(node.id, self.columns)
            )
        data = self.columns[node.id]
        if data.dtype == bool:
            return Value(TRUTH, data)
        if np.issubdtype(data.dtype, np.number):
            return Value(NUMBER, data.astype(np.float64))
        return Value(TEXT, data)

    def boolop(self, node: ast.BoolOp) -> Value:
        word, join = ("and", np.logical_and) if isinstance(node.op, ast.And) else ("or", np.logical_or)
        parts = [self.truth(part, word) for part in node.values]
        result = parts[0]
        for part in parts[1:]:
            result = join(result, part)
        return Value(TRUTH, result)

    def truth(self, node: ast.expr, word: str) -> Any:
        value = self.visit(node)
        if value.kind != TRUTH:
            raise SelectorError(f"`{word}` joins conditions, but {_source(node)} is a {value.kind}")
        return value.data

    def unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return Value(TRUTH, np.logical_not(self.truth(node.operand, "not")))
        data = self.number(node.operand, "-")
        return Value(NUMBER, -data if isinstance(node.op, ast.USub) else data)

    def number(self, node: ast.expr, sign: str) -> Any:
        value = self.visit(node)
        if value.kind != NUMBER:
            raise SelectorError(f"`{sign}` needs numbers, but {_source(node)} is a {value.kind}")
        return value.data

    def binop(self, node: ast.BinOp) -> Value:
        sign, compute = _ARITHMETIC[type(node.op)]
        left, right = self.number(node.left, sign), self.number(node.right, sign)
        if sign == "/" and np.any(np.asarray(right) == 0):
            raise SelectorError(f"division by zero: {_source(node.right)} is 0 for some features")
        with np.errstate(over="ignore", invalid="ignore"):
            return Value(NUMBER, compute(np.asarray(left), right))

    def compare(self, node: ast.Compare) -> Value:
        result: Any = True
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            one = self.member(left, op, right) if isinstance(op, ast.In | ast.NotIn) else self.pair(left, op, right)
            result = np.logical_and(result, one)
            left = right
        return Value(TRUTH, result)

    def pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        sign, test = _COMPARE[type(op)]
        a, b = self.visit(left), self.visit(right)
        if a.kind != b.kind:
            raise SelectorError(
                f"cannot compare {_source(left)} ({a.kind}) {sign} {_source(right)} ({b.kind})",
                remedy="numbers stand without quotes, texts with quotes",
            )
        if a.kind == TRUTH and sign not in ("==", "!="):
            raise SelectorError(f"{_source(left)} is true/false and has no order", expected="== or !=")
        return np.asarray(test(a.data, b.data), dtype=bool)

    def member(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if not isinstance(right, ast.List | ast.Tuple):
            raise SelectorError(
                f"`in` needs a list, but {_source(right)} is none",
                remedy='for a part of a text use contains(name, "part")',
            )
        found: Any = False
        for item in right.elts:
            found = np.logical_or(found, self.pair(left, ast.Eq(), item))
        return found if isinstance(op, ast.In) else np.logical_not(found)

    def call(self, node: ast.Call) -> Value:
        name = node.func.id  # type: ignore[attr-defined]
        texts = [self.visit(arg) for arg in node.args]
        for arg, value in zip(node.args, texts, strict=True):
            if value.kind != TEXT:
                raise SelectorError(f"{name}() works on texts, but {_source(arg)} is a {value.kind}")
        if not isinstance(texts[1].data, str):
            raise SelectorError(f"{name}() needs a text in quotes second, not a column", expected=f'{name}(name, "x")')
        test, part = _FUNCTIONS[name], texts[1].data
        if isinstance(texts[0].data, str):
            return Value(TRUTH, bool(test(texts[0].data, part)))
        return Value(TRUTH, np.array([bool(test(text, part)) for text in texts[0].data], dtype=bool))


def _column_remedy(word: str, columns: Mapping[str, Any]) -> str:
    """Return the closest column and the whole list."""
    listed = "known: " + ", ".join(sorted(columns))
    hint = did_you_mean(word, columns)
    return hint if hint == listed else f"{hint} {listed}"


def _source(node: ast.expr) -> str:
    """Return the text of a part of an expression."""
    return f"`{_short(ast.unparse(node))}`"


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
