"""Compiled loops over independent items, on several threads.

Numba's own `prange` compiles the body of a loop, and all that it calls, about five times: for a signed and an unsigned
counter, in the function made of the loop, in the wrapper of that, and in the function around it. For our large kernels
that was half of all compile time. Here the loop is an ordinary compiled function of a range of items that gives up
Python's lock, and Python threads call it with pieces of the range. It is compiled once.

Items are independent, so the results are the same bits for any number of threads and any order. A call costs some
ten microseconds on two threads, nothing on one; the other thread takes some fifty more to wake where its processor was
idle. The threads wait at a plain queue: an executor of the standard library takes thirty and more to hand over a loop,
which an equilibrium does some thirty times in a tenth of a second.

Every thread begins with a part of the range of its own, the same part of all ranges of that length, and helps others
when it is done: what one loop has written, the next one's thread has in its own cache. Processors that share none
take a quarter of a microsecond to hand over each line.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numba
import numpy as np

from twin.kernels.atomic import await_count

PIECES = 4
"""Pieces of the part of each thread: items take different times, and a thread that is done takes those of others."""


def over_threads(loop: Callable[..., None]) -> Callable[..., None]:
    """Return `run(items, *args)`, which calls the compiled `loop(first, last, *args)` until `items` are done.

    `loop` must be compiled with ``nogil=True`` and work on each item alone. At most `numba.get_num_threads` run.
    """
    return over_threads_from(2)(loop)


def over_threads_from(
    least: int, size: Callable[..., int] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return `over_threads` for items that are quickly done: on one thread where there are fewer than `least` of them.

    Each further half of `least` is worth another thread. An item counts as many times as `size(*args)` says.
    """

    def decorate(loop: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(loop)
        def run(items: int, *args: Any) -> None:
            threads = min(items, thread_count())
            if threads > 1:
                threads = min(threads, 2 * items * (size(*args) if size else 1) // least)
            if threads <= 1:
                loop(0, items, *args)
                return
            task = _Task(loop, _parts(items, threads), args)
            for _ in range(threads - 1):
                _queue().put(task)
            try:
                task.work(0)
            finally:
                task.await_others()
            for error in task.errors:
                raise error

        return run

    return decorate


def thread_count() -> int:
    """Return how many threads may run; Numba takes a while to say so, which is spared where there is but one."""
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    return int(numba.get_num_threads()) if most > 1 else 1


Pieces = deque[tuple[int, int]]


def _parts(items: int, parts: int) -> list[Pieces]:
    """Return the pieces of every part of a range of items."""
    bounds = [items * k // parts for k in range(parts + 1)]
    return [_pieces(first, last) for first, last in itertools.pairwise(bounds)]


def _pieces(first: int, last: int) -> Pieces:
    """Return at most `PIECES` ranges, smaller and smaller where there are enough items: all are done at a time."""
    items, most = last - first, PIECES
    if items < most * most:
        most = min(items, most)
        bounds = [first + items * k // most for k in range(most + 1)]
    else:
        bounds = [last - items * (most - k) ** 2 // most**2 for k in range(most + 1)]
    return deque(itertools.pairwise(bounds))


class _Task:
    """A loop under way: the pieces that nobody has taken yet, and the threads that have joined."""

    def __init__(self, loop: Callable[..., None], todo: list[Pieces], args: tuple[Any, ...]) -> None:
        self.loop, self.todo, self.args = loop, todo, args
        self.joined: list[threading.Lock] = []  # one for each thread, held until it has ended
        self.ended = np.zeros(1, np.int64)  # how many of them have
        self.errors: list[BaseException] = []

    def take(self, part: int) -> tuple[int, int] | None:
        """Return the first piece of a part, or if it has none the last of that with most; `None` if none is left."""
        while any(self.todo):
            with contextlib.suppress(IndexError):  # another thread was faster
                return self.todo[part].popleft() if self.todo[part] else max(self.todo, key=len).pop()
        return None

    def work(self, part: int) -> None:
        """Take pieces, of a part to begin with, until there are none."""
        try:
            while piece := self.take(part):
                self.loop(*piece, *self.args)
        except BaseException:
            for pieces in self.todo:  # an error or the user's interrupt ends the loop: nobody takes another piece
                pieces.clear()
            raise

    def join(self, number: int) -> None:
        """Help with the work, on another thread: that of this `number`, from 0 on."""
        ended = threading.Lock()
        with ended:
            self.joined.append(ended)
            try:
                self.work(1 + number % (len(self.todo) - 1))
            except BaseException as error:
                self.errors.append(error)
            self.ended[0] += 1

    def await_others(self) -> None:
        """Wait until all who have joined have ended: without sleep at first, since to wake takes as long as a piece.

        One that has not joined by now finds nothing to do; waiting for it could be for ever.
        """
        if self.joined:
            await_count(self.ended, len(self.joined))
        for ended in self.joined:
            ended.acquire()


def _serve(tasks: SimpleQueue[_Task], number: int) -> None:
    while True:
        tasks.get().join(number)


@functools.cache
def _queue() -> SimpleQueue[_Task]:
    """Return the queue at which the other threads wait; they end with the process."""
    tasks: SimpleQueue[_Task] = SimpleQueue()
    for k in range(max(1, int(numba.config.NUMBA_NUM_THREADS) - 1)):  # type: ignore[attr-defined]
        threading.Thread(target=_serve, args=(tasks, k), name=f"twin_{k}", daemon=True).start()
    return tasks


os.register_at_fork(after_in_child=_queue.cache_clear)
