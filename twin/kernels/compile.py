"""Compile the fast kernels once, before any work starts, and say so.

Numba compiles at the first call and keeps the result on disk. Compiling here, on each family's smallest sample and
under a lock, keeps several processes from compiling the same kernel at once, and keeps compile time out of every
other timing. Where something has to be compiled and there is a second core, a second process (`twin.kernels.helper`)
takes its share.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twin.kernels import registry

OUTSIDE_RUNS = frozenset(
    {
        "energy.zone_balance",
        "energy.zone_network",
        "solar.battery",
        "solar.beam_sum",
        "solar.fuentes",
        "solar.roof_regions",
        "traffic.proportionality",
        "traffic.skim",
    }
)
"""Families that no run of a study needs by default: they are compiled where they are first used."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Compiled:
    """The first-call time of one fast variant, in seconds; `from_cache` when nothing had to be compiled."""

    family: str
    seconds: float
    from_cache: bool


def first_call(family: registry.Family, variant: str) -> Compiled:
    """Call a variant on the family's smallest sample and return the time it took."""
    from numba.core import event

    inputs = family.sample(family.sizes[0], np.random.default_rng(0))
    start = time.perf_counter()
    with event.install_recorder("numba:compile") as compilations:
        family.call(variant, inputs)
        if family.warm_up is not None:
            family.warm_up()
    return Compiled(family.name, time.perf_counter() - start, not compilations.buffer)


def compile_kernels(
    variant: str = "numba",
    progress: Progress | None = None,
    lock_folder: Path | None = None,
    domains: Collection[str] = (),
    leave_out: Collection[str] = (),
) -> list[Compiled]:
    """Call every family's `variant` once on its smallest sample and return the time each first call took.

    Parameters
    ----------
    variant : str
        Families without this variant are passed over.
    progress : callable, optional
        Called with (label, done, total).
    lock_folder : Path, optional
        Folder of the lock file; the user's cache folder when not given.
    domains : collection of str, optional
        Only families of these domains (``solar`` for ``solar.sky``).
    leave_out : collection of str, optional
        Families to pass over, for example `OUTSIDE_RUNS`.
    """
    from twin.kernels.groups import groups_of
    from twin.kernels.helper import Helper
    from twin.kernels.jit import cache_folder, code_folder, drop_old_code

    chosen = [f for f in registry.families().values() if not domains or f.name.partition(".")[0] in domains]
    todo = [f for f in chosen if variant in f.variants and f.name not in leave_out]
    done: list[Compiled] = []
    helper = None
    with _alone(lock_folder or cache_folder(), progress):
        drop_old_code(code_folder())
        groups = deque(groups_of(todo, variant))
        groups.rotate(1)  # the least first, to see soon whether anything has to be compiled
        try:
            while groups:
                for family in groups.popleft():
                    if progress:
                        made = len(done) + (len(helper.done) if helper else 0)
                        progress(f"preparing kernel {family.name}", made, len(todo))
                    done.append(first_call(family, variant))
                if helper is None and groups and not done[-1].from_cache and _cores() > 1:
                    helper = Helper(groups, variant)
            if helper and progress:
                progress("waiting for the second process", len(done) + len(helper.done), len(todo))
            taken = helper.finish() if helper else []
        finally:
            if helper:
                helper.stop()
        for family, seconds in taken:  # compiled there, or if that process failed now
            here = first_call(family, variant)
            done.append(Compiled(family.name, here.seconds + seconds, here.from_cache and seconds == 0.0))
    if progress:
        progress("kernels ready", len(todo), len(todo))
    return sorted(done, key=lambda one: one.family)


@contextmanager
def _alone(folder: Path, progress: Progress | None) -> Iterator[None]:
    """Hold the lock, after waiting for another process that compiles."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "compile.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if progress:
            progress("another process compiles them, waiting for it", 0, 0)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
