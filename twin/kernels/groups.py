"""Which families share compiled functions.

Two processes may compile at once, but not the same function for different types: Numba numbers the files of a
function's versions by reading its index, so that one process could take the other's code for its own. Families that
share a function therefore go to the same process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from numba.core.dispatcher import Dispatcher

from twin.kernels.registry import Family

PACKAGE = "twin.kernels"


def groups_of(families: Sequence[Family], variant: str) -> list[list[Family]]:
    """Return the families in groups that share no compiled function, those with most code first."""
    groups: list[tuple[list[Family], set[Dispatcher]]] = []
    for family in families:
        own = compiled_parts(family.variants[variant])
        linked = [group for group in groups if group[1] & own]
        members = [f for group in linked for f in group[0]] + [family]
        groups = [group for group in groups if group not in linked]
        groups.append((members, own.union(*(group[1] for group in linked))))
    weights = {id(parts): sum(len(part.py_func.__code__.co_code) for part in parts) for _, parts in groups}
    return [members for members, parts in sorted(groups, key=lambda group: -weights[id(group[1])])]


def compiled_parts(kernel: Callable[..., Any]) -> set[Dispatcher]:
    """Return the compiled functions that a kernel uses, found by the names in its code."""
    found: set[Dispatcher] = set()
    seen: set[int] = set()
    todo: list[Any] = [kernel]
    while todo:
        function = todo.pop()
        while hasattr(function, "__wrapped__") and not isinstance(function, Dispatcher):
            function = function.__wrapped__
        if id(function) in seen:
            continue
        seen.add(id(function))
        if isinstance(function, Dispatcher):
            found.add(function)
            function = function.py_func
        if isinstance(function, FunctionType):
            todo += _used(function)
    return found


def _used(function: FunctionType) -> Iterator[Any]:
    """Yield the functions of the package that a function names, also through modules that it names."""
    names = set(_names([function.__code__]))
    mine = [function.__globals__[name] for name in names if name in function.__globals__]
    modules = [vars(m) for m in mine if isinstance(m, ModuleType) and m.__name__.startswith(PACKAGE)]
    for value in mine + [space[name] for space in modules for name in names if name in space]:
        if isinstance(value, Dispatcher | FunctionType) and value.__module__.startswith(PACKAGE):
            yield value


def _names(codes: Iterable[Any]) -> Iterator[str]:
    for code in codes:
        if isinstance(code, CodeType):
            yield from code.co_names
            yield from _names(code.co_consts)
