"""Compile the fast kernels once, before any work starts, and say so.

Numba compiles at the first call and keeps the result on disk. Compiling here, on each family's smallest sample and
under a lock, keeps several processes from compiling the same kernel at once, and keeps compile time out of every
other timing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
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


@dataclass(frozen=True)
class Compiled:
    """The first-call time of one fast variant, in seconds; `from_cache` when nothing had to be compiled."""

    family: str
    seconds: float
    from_cache: bool


def is_cached(kernel: registry.Kernel) -> bool | None:
    """Return whether the last compilation came from the disk cache; None when the kernel cannot tell."""
    stats = getattr(kernel, "stats", None)
    if stats is None:
        return None
    return sum(stats.cache_misses.values()) == 0


def compile_kernels(
    variant: str = "numba",
    progress: Callable[[str, int, int], None] | None = None,
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
    from filelock import FileLock

    chosen = [f for f in registry.families().values() if not domains or f.name.partition(".")[0] in domains]
    todo = [f for f in chosen if variant in f.variants and f.name not in leave_out]
    folder = lock_folder or _cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    with FileLock(folder / "compile.lock"):
        for i, family in enumerate(todo):
            if progress:
                progress(f"preparing kernel {family.name}", i, len(todo))
            inputs = family.sample(family.sizes[0], np.random.default_rng(0))
            start = time.perf_counter()
            family.call(variant, inputs)
            seconds = time.perf_counter() - start
            cached = is_cached(family.variants[variant])
            done.append(Compiled(family.name, seconds, seconds < 0.5 if cached is None else cached))
    if progress:
        progress("kernels ready", len(todo), len(todo))
    return done


def _cache_folder() -> Path:
    import os

    from platformdirs import user_cache_dir

    return Path(os.environ.get("TWIN_CACHE_DIR") or user_cache_dir("twin"))
