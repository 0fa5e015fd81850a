"""Threads that share the pieces of several short steps within one compiled call.

`over_threads` wakes another thread for every loop, which takes some tens of microseconds: too much for steps that take
as long. Here one thread leads, and goes from step to step; the others look out for pieces of the next step meanwhile,
and have one within a microsecond. All run the same compiled function without Python's lock, of which member 0 leads::

    @over_team
    @njit(cache=True, nogil=True)
    def steps(member, team, ...):
        if member > 0:
            while staying(team):
                work_on_pieces(member, team, ...)
            return
        open_pieces(team, 2)                       # the pieces 0 and 1 may be done
        work_on_pieces(member, team, ...)
        await_pieces(team)                         # now they are
        ...
        close_team(team)

where `work_on_pieces` takes a piece (`take_piece`) and, when it is done, the next one (`next_piece`), until there are
none. Nobody has to come: the leader takes what others do not. It takes the first piece that is left, others the last:
so the pieces of a step that comes again and again are mostly done by who did them before, and has what they work on in
its cache. Pieces that are open at the same time must be independent; then the results are the same bits for any number
of threads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from twin.kernels.atomic import add, let_others_run, load, pause, swap
from twin.kernels.jit import njit
from twin.kernels.threads import over_threads, thread_count

OPEN, LEFT, DONE, CLOSED = 0, 8, 16, 24  # places of the counters: each has a cache line of its own
HALF = 32  # bits: the upper ones of `LEFT` are the first piece that nobody has taken, the lower ones the end of these
NONE = -1
ALERT = 2_000  # looks at the counters, of some 20 ns, before a thread that waits lets others run between two of them
PATIENCE = 5_000_000  # looks after which it leaves: some seconds


def over_team(function: Callable[..., None]) -> Callable[..., None]:
    """Return `run(most, *args)`, which calls the compiled ``function(member, team, *args)`` for each member of a team.

    There are `numba.get_num_threads` of them, but `most` at most.
    """

    @over_threads
    def members(begin: int, end: int, team: np.ndarray, args: tuple[Any, ...]) -> None:
        for member in range(begin, end):
            try:
                function(member, team, *args)
            except BaseException:
                team[CLOSED] = 1  # nobody waits for a piece that will not be done
                raise

    @functools.wraps(function)
    def run(most: int, *args: Any) -> None:
        members(min(thread_count(), most), new_team(), args)

    return run


def new_team() -> np.ndarray:
    """Return the counters of a team that nobody has joined."""
    return np.zeros(32, np.int64)


@njit(cache=True)
def _wait(looks: int) -> None:
    """Wait a little, after so many looks."""
    if looks < ALERT:
        pause()
    else:
        let_others_run()


@njit(cache=True)
def open_pieces(team: np.ndarray, count: int) -> None:
    """Open `count` further pieces, numbered on from those before, when these are done; for the leader."""
    total = add(team, OPEN, count)
    swap(team, LEFT, load(team, LEFT), (total << HALF) + total + count)


@njit(cache=True)
def _left(team: np.ndarray) -> tuple[int, int, int]:
    """Return the first piece that nobody has taken and the end of these, and both as one number."""
    both = load(team, LEFT)
    return both >> HALF, both & ((1 << HALF) - 1), both


@njit(cache=True)
def take_piece(member: int, team: np.ndarray) -> int:
    """Return the number of a piece that nobody has taken, or `NONE`: the leader's, member 0's, is the first."""
    while True:
        first, end, both = _left(team)
        if first >= end:
            return NONE
        if swap(team, LEFT, both, both + (1 << HALF) if member == 0 else both - 1):
            return first if member == 0 else end - 1


@njit(cache=True)
def next_piece(member: int, team: np.ndarray) -> int:
    """Say that a piece is done, and take another; see `take_piece`."""
    add(team, DONE, 1)
    return take_piece(member, team)


@njit(cache=True)
def opened(team: np.ndarray) -> int:
    """Return how many pieces have been opened."""
    return load(team, OPEN)


@njit(cache=True, nogil=True)
def await_pieces(team: np.ndarray) -> None:
    """Wait until all pieces that were opened are done, or a member has failed."""
    looks = 0
    while load(team, DONE) < load(team, OPEN) and load(team, CLOSED) == 0:
        _wait(looks)
        looks += 1


@njit(cache=True)
def close_team(team: np.ndarray) -> None:
    """Let all others go."""
    add(team, CLOSED, 1)


@njit(cache=True, nogil=True)
def staying(team: np.ndarray) -> bool:
    """Wait for a piece to take; return whether there is one: not where the team is closed."""
    for looks in range(PATIENCE):
        if load(team, CLOSED) > 0:
            return False
        first, end, _ = _left(team)
        if first < end:
            return True
        _wait(looks)
    return False
