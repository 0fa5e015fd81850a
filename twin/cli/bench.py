"""``twin bench``: every variant of every kernel family on its own random inputs, checked before it is timed."""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import Any

import numpy as np

from twin.errors import UsageError
from twin.kernels import registry

BUDGET_S = 1.0
"""Time spent on one variant and size after its first call."""
MAX_SIZE = 1_000_000


def agrees(family: registry.Family, variant: str, out: tuple[Any, ...], expected: tuple[Any, ...]) -> bool:
    """Return whether every output is within the variant's tolerance of the reference."""
    for array, a, b in zip(family.outputs, out, expected, strict=True):
        rtol, atol = family.tolerance(variant, array.name)
        if not np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
            return False
    return True


def time_variant(family: registry.Family, variant: str, inputs: registry.Inputs) -> dict[str, Any]:
    """Return the first-call time, the median CPU and wall time per call, and the calls made."""
    begun = time.perf_counter()
    out = family.call(variant, inputs)
    first = time.perf_counter() - begun
    cpu: list[float] = []
    wall: list[float] = []
    while not wall or (sum(wall) < BUDGET_S and len(wall) < 25):
        c, w = time.process_time(), time.perf_counter()
        family.call(variant, inputs)
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    return {
        "first_call_s": first,
        "cpu_s": statistics.median(cpu),
        "wall_s": statistics.median(wall),
        "calls": len(wall),
        "out": out,
    }


def run_bench(name: str | None, variants: str | None, sizes: str | None, quiet: bool) -> dict[str, Any]:
    """Time families and return the records; print the table unless `quiet`."""
    families = registry.families()
    chosen = [registry.family(name)] if name else list(families.values())
    records = []
    for family in chosen:
        wanted = variants.split(",") if variants else list(family.variants)
        for variant in wanted:
            registry.get(family.name, variant)
        for size in _sizes(sizes) or family.sizes[:2]:
            records += _one_size(family, wanted, size)
    if not quiet:
        _print(records)
    return {"threads": _threads(), "cpus": os.cpu_count(), "records": records}


def _one_size(family: registry.Family, wanted: list[str], size: int) -> list[dict[str, Any]]:
    inputs = family.sample(size, np.random.default_rng(size))
    expected = family.call("reference", inputs)
    records = []
    for variant in wanted:
        timing = time_variant(family, variant, inputs)
        out = timing.pop("out")
        work = family.work(inputs)
        record = {"family": family.name, "variant": variant, "size": size, "work": work, "work_unit": family.work_unit}
        record |= {"work_per_s": work / max(timing["wall_s"], 1e-9), "agrees": agrees(family, variant, out, expected)}
        records.append(record | timing)
    return records


def _sizes(text: str | None) -> list[int]:
    if not text:
        return []
    try:
        values = [int(float(part)) for part in text.split(",")]
    except (ValueError, OverflowError):
        raise UsageError(f"--sizes {text!r} is not a list of numbers", expected="for example 100,1000") from None
    if min(values) < 1 or max(values) > MAX_SIZE:
        raise UsageError(f"--sizes {text!r}: a size is out of range", expected=f"1 to {MAX_SIZE:,}")
    return values


def _threads() -> int:
    import numba

    return int(numba.get_num_threads())


def _print(records: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Kernels, {_threads()} threads; higher is better")
    for heading in ("family", "variant", "size", "work per second", "unit of work", "call", "first call", "agrees"):
        table.add_column(heading, justify="left" if heading in ("family", "variant", "unit of work") else "right")
    for r in records:
        table.add_row(
            r["family"],
            r["variant"],
            f"{r['size']:,}",
            f"{r['work_per_s']:,.3g}" if r["work_per_s"] < 1000 else f"{r['work_per_s']:,.0f}",
            r["work_unit"],
            f"{r['wall_s'] * 1000:,.3g} ms",
            f"{r['first_call_s'] * 1000:,.0f} ms",
            "yes" if r["agrees"] else "NO",
        )
    Console(width=None if sys.stdout.isatty() else 150).print(table)
