"""Threads that share pieces within one compiled call."""

from __future__ import annotations

import threading

import numba
import numpy as np
import pytest

from twin.kernels.jit import njit
from twin.kernels.team import (
    NONE,
    await_pieces,
    close_team,
    new_team,
    next_piece,
    open_pieces,
    opened,
    over_team,
    staying,
    take_piece,
)

STEPS, WIDTH = 200, 6


@njit(cache=True)
def _work_on_pieces(member: int, team: np.ndarray, table: np.ndarray) -> None:
    """Fill one place of a row from the whole row before it."""
    piece = take_piece(member, team)
    while piece != NONE:
        step, at = piece // WIDTH + 1, piece % WIDTH
        table[step, at] = 1.0 + table[step - 1].sum() / WIDTH + at * 1e-3
        piece = next_piece(member, team)


@over_team
@njit(cache=True, nogil=True)
def _steps(member: int, team: np.ndarray, table: np.ndarray) -> None:
    while member > 0 and staying(team):
        _work_on_pieces(member, team, table)
    if member > 0:
        return
    for _ in range(STEPS):
        open_pieces(team, WIDTH)
        _work_on_pieces(member, team, table)
        await_pieces(team)
    close_team(team)


@pytest.mark.parametrize("members", [1, 2, 3])
def test_every_step_sees_all_of_the_step_before(members: int) -> None:
    expected = np.zeros((STEPS + 1, WIDTH))
    for step in range(1, STEPS + 1):
        expected[step] = 1.0 + expected[step - 1].sum() / WIDTH + np.arange(WIDTH) * 1e-3
    most = numba.get_num_threads()
    try:
        numba.set_num_threads(min(members, most))
        for _ in range(5):
            table = np.zeros((STEPS + 1, WIDTH))
            _steps(members, table)
            np.testing.assert_allclose(table, expected, rtol=1e-14)
    finally:
        numba.set_num_threads(most)


@njit(cache=True, nogil=True)
def _count(member: int, team: np.ndarray, times: np.ndarray) -> None:
    piece = take_piece(member, team)
    while piece != NONE:
        times[piece] += 1
        piece = next_piece(member, team)


def test_pieces_are_taken_once_by_any_number_of_threads() -> None:
    team, times = new_team(), np.zeros(1_000_000, np.int64)
    for half in (times[:400_000], times[400_000:]):
        open_pieces(team, len(half))
        threads = [threading.Thread(target=_count, args=(member, team, times)) for member in (0, 1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (half == 1).all()
        await_pieces(team)
    assert (times == 1).all()
    assert opened(team) == len(times)


def test_the_leader_takes_the_first_piece_and_others_the_last() -> None:
    team = new_team()
    for step in range(2):
        open_pieces(team, 5)
        assert [take_piece(member, team) - 5 * step for member in (1, 0, 2, 0, 1)] == [4, 0, 3, 1, 2]
        assert take_piece(0, team) == take_piece(1, team) == NONE


def test_who_comes_when_all_is_done_goes_at_once() -> None:
    team = new_team()
    close_team(team)
    assert not staying(team)
    assert take_piece(0, team) == take_piece(1, team) == NONE


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@pytest.mark.parametrize("failing", [0, 1])
def test_nobody_waits_for_a_member_that_has_failed(failing: int) -> None:
    """Neither the leader for a piece that was taken, nor the other for a next one."""

    @over_team
    def fail(member: int, team: np.ndarray) -> None:
        if member == failing == 0:
            raise MemoryError("no room")
        if member == 0:
            open_pieces(team, 1)
            await_pieces(team)
        elif staying(team):
            assert take_piece(member, team) == 0
            raise MemoryError("no room")

    most = numba.get_num_threads()
    numba.set_num_threads(2)
    try:
        with pytest.raises(MemoryError, match="no room"):
            fail(2)
    finally:
        numba.set_num_threads(most)
