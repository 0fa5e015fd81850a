"""Compiled loops over independent items, on several threads.

Numba's own `prange` compiles the body of a loop, and all that it calls, about five times: for a signed and an unsigned
counter, in the function made of the loop, in the wrapper of that, and in the function around it. For our large kernels
that was half of all compile time. Here the loop is an ordinary compiled function of a range of items that gives up
Python's lock, and Python threads call it with pieces of the range. It is compiled once.

Items are independent, so the results are the same bits for any number of threads and any order. A call costs some
fifty microseconds on two threads, nothing on one: for short loops that are called often, `prange` is better.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba

PIECES = 4
"""Pieces of the range for each thread: items take different times, and a thread that is done takes the next piece."""


def over_threads(loop: Callable[..., None]) -> Callable[..., None]:
    """Return `run(items, *args)`, which calls the compiled `loop(first, last, *args)` until `items` are done.

    `loop` must be compiled with ``nogil=True`` and work on each item alone. At most `numba.get_num_threads` run.
    """
    return over_threads_from(2)(loop)


def over_threads_from(least: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return `over_threads` for a loop that is quickly done: on one thread where there are fewer than `least` items."""

    def decorate(loop: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(loop)
        def run(items: int, *args: Any) -> None:
            threads = 1 if items < least else min(items, thread_count())
            if threads <= 1:
                loop(0, items, *args)
                return
            pieces = min(items, PIECES * threads)
            bounds = [items * k // pieces for k in range(pieces + 1)]
            todo = iter(list(itertools.pairwise(bounds)))
            others = [_pool().submit(_work, loop, todo, args) for _ in range(threads - 1)]
            try:
                _work(loop, todo, args)
            finally:
                # One that has not begun by now is not needed; waiting for it could be for ever if this is a pool's.
                begun = [other for other in others if not other.cancel()]
                failed = [error for other in begun if (error := other.exception())]
            for error in failed:
                raise error

        return run

    return decorate


def thread_count() -> int:
    """Return how many threads may run; Numba takes a while to say so, which is spared where there is but one."""
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    return int(numba.get_num_threads()) if most > 1 else 1


def _work(loop: Callable[..., None], todo: Iterator[tuple[int, int]], args: tuple[Any, ...]) -> None:
    try:
        for first, last in todo:
            loop(first, last, *args)
    except BaseException:
        for _ in todo:  # an error or the user's interrupt ends the loop: nobody takes another piece
            pass
        raise


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, int(numba.config.NUMBA_NUM_THREADS)), "twin")  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_pool.cache_clear)
