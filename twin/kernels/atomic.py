"""Numbers that threads of compiled code share while they run, one place of an int64 array each.

Numba compiles ordinary reads and writes as if nobody else changed an array. These are LLVM's atomic instructions.
"""

from __future__ import annotations

import platform
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from twin.kernels.jit import njit

LOOKS = 5_000  # of `await_count`, of some 20 ns each
PAUSES = platform.machine() in ("x86_64", "AMD64")  # LLVM's name for the instruction is that of the processor
YIELD = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
machine_code: Any = intrinsic  # its own type knows nothing of what callers pass


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    return cgutils.get_item_pointer(context, builder, kind, context.make_array(kind)(context, builder, array), [place])


@machine_code
def load(_typing: Any, array: Any, place: Any) -> Any:
    """Return ``array[place]`` as other threads left it, with all that they wrote before."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_pointer(context, builder, signature.args[0], *args), "acquire", 8)

    return types.int64(array, types.intp), code


@machine_code
def add(_typing: Any, array: Any, place: Any, amount: Any) -> Any:
    """Add to ``array[place]``, after all that this thread wrote before."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *args[:2])
        return builder.atomic_rmw("add", pointer, args[2], "acq_rel")

    return types.int64(array, types.intp, types.int64), code


@machine_code
def swap(_typing: Any, array: Any, place: Any, old: Any, new: Any) -> Any:
    """Set ``array[place]`` from `old` to `new`; return whether it was `old`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *args[:2])
        return builder.extract_value(builder.cmpxchg(pointer, args[2], args[3], "acq_rel", "acquire"), 1)

    return types.boolean(array, types.intp, types.int64, types.int64), code


@machine_code
def pause(_typing: Any) -> Any:
    """Tell the processor that this is a loop that waits."""

    def code(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        if PAUSES:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), code


@machine_code
def let_others_run(_typing: Any) -> Any:
    """Let another thread have the processor, where one wants it."""

    def code(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, YIELD), [])
        return context.get_dummy_value()

    return types.void(), code


@njit(cache=True, nogil=True)
def await_count(counter: np.ndarray, count: int) -> None:
    """Wait until ``counter[0]`` is at least `count`, for a tenth of a millisecond at most."""
    for _ in range(LOOKS):
        if load(counter, 0) >= count:
            break
        pause()
