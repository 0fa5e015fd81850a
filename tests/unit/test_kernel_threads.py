"""Loops over threads, and the sharing of compile work between two processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from filelock import FileLock

from twin.kernels import compile as kernel_compile
from twin.kernels.groups import compiled_parts, groups_of
from twin.kernels.helper import Helper
from twin.kernels.registry import Family, families
from twin.kernels.threads import PIECES, _parts, _Task, over_threads, over_threads_from
from twin.kernels.traffic.shortest_path import tree


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> int:
    if request.param > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("needs two threads")
    before = numba.get_num_threads()
    numba.set_num_threads(request.param)
    request.addfinalizer(lambda: numba.set_num_threads(before))
    return int(request.param)


@pytest.mark.parametrize("items", [0, 1, 2, 7, 1000])
def test_every_item_is_done_once(items: int, threads: int) -> None:
    times = np.zeros(items, int)

    def loop(first: int, last: int, out: np.ndarray, add: int) -> None:
        out[first:last] += add

    over_threads(loop)(items, times, 1)
    assert (times == 1).all()


@pytest.mark.parametrize("parts", [1, 2, 3, 8])
@pytest.mark.parametrize("items", [8, 15, 16, 17, 32, 63, 64, 386, 1000])
def test_parts_are_alike_and_their_pieces_get_smaller(items: int, parts: int) -> None:
    todo = _parts(items, parts)
    assert [k for pieces in todo for first, last in pieces for k in range(first, last)] == list(range(items))
    lengths = [sum(last - first for first, last in pieces) for pieces in todo]
    assert len(lengths) == parts and max(lengths) - min(lengths) <= 1
    for pieces, length in zip(todo, lengths, strict=True):
        sizes = [last - first for first, last in pieces]
        assert min(sizes) > 0 and len(sizes) == min(length, PIECES)
        if length >= PIECES**2:
            assert sizes == sorted(sizes, reverse=True) and sizes[0] > 3 * sizes[-1]
        else:
            assert max(sizes) - min(sizes) <= 1


def test_a_thread_takes_its_own_part_in_order_and_then_the_ends_of_others() -> None:
    task = _Task(lambda first, last: None, _parts(12, 3), ())
    assert [task.take(1) for _ in range(13)] == [
        *((k, k + 1) for k in (4, 5, 6, 7)),
        *((k, k + 1) for k in (3, 11, 2, 10, 1, 9, 0, 8)),
        None,
    ]
    assert task.take(0) is None


def test_threads_begin_with_the_same_part_of_every_loop(threads: int) -> None:
    """As long as none waits for the other, which a barrier in every piece sees to."""
    together, ran = threading.Barrier(threads, timeout=20.0), {}

    def loop(first: int, last: int) -> None:
        together.wait()
        ran.setdefault(threading.get_ident(), []).append(first)

    for _ in range(3):
        ran.clear()
        over_threads(loop)(8)
        assert sorted(ran.values()) == ([[0]] if threads == 1 else [[0, 1, 2, 3], [4, 5, 6, 7]])
        assert ran[threading.get_ident()][0] == 0


@pytest.mark.parametrize(("items", "each", "whole"), [(9, 1, True), (10, 1, False), (3, 3, True), (4, 3, False)])
def test_few_small_items_are_one_piece(items: int, each: int, whole: bool, threads: int) -> None:
    pieces: list[tuple[int, int]] = []

    def loop(first: int, last: int, each: int) -> None:
        pieces.append((first, last))

    over_threads_from(10, lambda each: each)(loop)(items, each)
    assert (pieces == [(0, items)]) == (whole or threads == 1)
    assert sorted(k for first, last in pieces for k in range(first, last)) == list(range(items))


def test_an_error_on_any_thread_reaches_the_caller(threads: int) -> None:
    def loop(first: int, last: int) -> None:
        if last == 100:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        over_threads(loop)(100)


def test_after_an_error_nobody_takes_another_piece(threads: int) -> None:
    begun: list[int] = []
    failed = threading.Event()

    def loop(first: int, last: int) -> None:
        begun.append(first)
        if first == 0:
            failed.set()
            raise ZeroDivisionError
        failed.wait(10.0)
        time.sleep(0.2)

    with pytest.raises(ZeroDivisionError):
        over_threads(loop)(800)
    assert len(begun) <= 3


def test_loops_within_loops_come_to_an_end(threads: int) -> None:
    done: list[int] = []
    lock = threading.Lock()

    def inner(first: int, last: int) -> None:
        with lock:
            done.extend(range(first, last))

    def outer(first: int, last: int) -> None:
        for _ in range(first, last):
            over_threads(inner)(5)

    over_threads(outer)(40)
    assert len(done) == 200


def test_families_that_share_a_compiled_function_are_in_one_group() -> None:
    fast = [family for family in families().values() if "numba" in family.variants]
    groups = groups_of(fast, "numba")
    assert sorted(f.name for group in groups for f in group) == [f.name for f in fast]
    parts = [set().union(*(compiled_parts(f.variants["numba"]) for f in group)) for group in groups]
    for i, mine in enumerate(parts):
        assert mine
        for others in parts[:i]:
            assert not mine & others
    names = [{f.name for f in group} for group in groups]
    assert any({"solar.sunlit_cells", "solar.wall_sunlit"} <= group for group in names)
    assert tree in compiled_parts(families()["traffic.shortest_path"].variants["numba"])


def test_the_second_process_takes_groups_until_none_is_left() -> None:
    sky = families()["solar.sky"]
    groups = deque([[sky]])
    helper = Helper(groups, "numba")
    done = helper.finish()
    assert [family for family, _ in done] == [sky]
    assert not groups


def test_a_second_process_that_fails_leaves_the_work_to_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    sky = families()["solar.sky"]
    done = Helper(deque([[sky], [sky]]), "numba").finish()
    assert all(seconds == 0.0 for _, seconds in done)


def test_an_interrupt_ends_the_second_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[subprocess.Popen[str]] = []

    class Sleeper(subprocess.Popen[str]):
        def __init__(self, command: list[str], **options: Any) -> None:
            super().__init__([sys.executable, "-c", "import time; time.sleep(60)"], **options)
            started.append(self)

    def first_call(family: Family, variant: str) -> kernel_compile.Compiled:
        if started:
            raise KeyboardInterrupt
        time.sleep(0.5)
        return kernel_compile.Compiled(family.name, 1.0, False)

    monkeypatch.setattr("subprocess.Popen", Sleeper)
    monkeypatch.setattr(kernel_compile, "_cores", lambda: 2)
    monkeypatch.setattr(kernel_compile, "first_call", first_call)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        kernel_compile.compile_kernels(lock_folder=tmp_path)
    assert started[0].returncode is not None
    assert time.monotonic() - begun < 30.0


def test_kernels_are_ready_after_the_first_call(tmp_path: Path) -> None:
    chosen: dict[str, Any] = {
        "domains": ("solar",),
        "leave_out": set(families()) - {"solar.sky", "solar.decomposition"},
    }
    first = kernel_compile.compile_kernels(lock_folder=tmp_path, **chosen)
    again = kernel_compile.compile_kernels(lock_folder=tmp_path, **chosen)
    assert [one.family for one in first] == ["solar.decomposition", "solar.sky"]
    assert all(one.from_cache for one in again)


def test_a_process_that_waits_for_another_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    lock = FileLock(tmp_path / "compile.lock", thread_local=False)
    lock.acquire()

    def progress(label: str, done: int, total: int) -> None:
        said.append(label)
        lock.release()

    kernel_compile.compile_kernels(progress=progress, lock_folder=tmp_path, domains=("none",))
    assert said[0] == "another process compiles them, waiting for it"
