"""How comparisons are timed: prepare outside the clock, first call apart, then ours and the peer in turn."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

Job = Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """Another program doing the same work.

    `prepare(size)` returns a call without arguments; `agreement(ours, theirs)` returns the largest difference and
    whether it is small enough for the times to count. `extra` names the project's extra that brings it, if one does.
    """

    name: str
    package: str
    extra: str
    prepare: Callable[[int], Job]
    agreement: Callable[[Any, Any], tuple[str, bool]]


@dataclass(frozen=True)
class Case:
    """One named comparison.

    `isolated` cases run each size in a process of their own, so that peak memory is that of the work alone. A case
    with `measure` makes its records itself; they may hold a `label` that is shown instead of the size.
    """

    name: str
    work: str
    size_unit: str
    sizes: tuple[int, ...] = ()
    quick_sizes: tuple[int, ...] = ()
    prepare: Callable[[int], Job] = lambda size: lambda: size
    peers: Sequence[Peer] = field(default_factory=tuple)
    isolated: bool = False
    repetitions: int = 7
    measure: Callable[[Case, bool], list[dict[str, Any]]] | None = None


def machine() -> dict[str, Any]:
    """Return what machine this is, without naming it."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {"cpu": model, "cpus": os.cpu_count(), "system": platform.system(), "python": platform.python_version()}


def clock(job: Job) -> tuple[float, float, Any]:
    """Return CPU seconds, wall seconds and the answer of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = job()
    return time.process_time() - cpu, time.perf_counter() - wall, answer


def run_case(case: Case, quick: bool) -> list[dict[str, Any]]:
    """Run a case at each of its sizes against each of its peers."""
    if case.measure:
        return case.measure(case, quick)
    records = []
    for size in case.quick_sizes if quick else case.sizes:
        if case.isolated:
            records.append(_isolated(case, size))
            continue
        repetitions = 3 if quick else case.repetitions
        records += [_versus(case, size, peer, repetitions) for peer in case.peers or (None,)]
    return records


def _versus(case: Case, size: int, peer: Peer | None, repetitions: int) -> dict[str, Any]:
    ours = case.prepare(size)
    _, first, answer = clock(ours)
    record = new_record(case, size) | {"ours_first_call_s": first}
    theirs, agreement = None, "no peer"
    if peer is not None:
        record["peer"] = peer.name
        if importlib.util.find_spec(peer.package) is None:
            package = f"-e '.[{peer.extra}]'" if peer.extra else peer.package
            agreement = f"peer missing: pip install {package}"
        else:
            theirs = peer.prepare(size)
            text, good = peer.agreement(answer, clock(theirs)[2])
            agreement = text if good else "differs"
            record["peer_version"] = version(peer.package)
            if not good:
                record["difference"], theirs = text, None
    mine: list[tuple[float, float]] = []
    other: list[tuple[float, float]] = []
    for _ in range(repetitions):
        mine.append(clock(ours)[:2])
        if theirs:
            other.append(clock(theirs)[:2])
    record |= {"agreement": agreement, "repetitions": repetitions}
    record["ours_cpu_s"], record["ours_wall_s"] = (statistics.median(column) for column in zip(*mine, strict=True))
    if other:
        record["peer_cpu_s"], record["peer_wall_s"] = (statistics.median(c) for c in zip(*other, strict=True))
        record["ratio"] = record["peer_cpu_s"] / record["ours_cpu_s"]
    return record


def new_record(case: Case, size: int) -> dict[str, Any]:
    """Return a record without times."""
    import numba

    empty = dict.fromkeys(("peer", "peer_version", "peer_cpu_s", "peer_wall_s", "ratio"))
    head = {"name": case.name, "work": case.work, "size": size, "size_unit": case.size_unit}
    return head | empty | {"threads": numba.get_num_threads(), "machine": machine()}


def _isolated(case: Case, size: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(case.name, size, theirs))
    process.start()
    theirs.close()
    try:
        result = ours.recv()
    except EOFError:
        raise SystemExit(f"{case.name} at size {size}: the process ended without a result") from None
    process.join()
    return new_record(case, size) | {"agreement": "no peer", "repetitions": 1} | result


def _child(name: str, size: int, pipe: Any) -> None:
    from cases import CASES

    job = CASES[name].prepare(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall, answer = clock(job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {"ours_cpu_s": cpu, "ours_wall_s": wall, "peak_mb": peak / 1024, "import_mb": before / 1024}
    pipe.send(result | (answer if isinstance(answer, dict) else {}))


def print_records(records: list[dict[str, Any]]) -> None:
    """Print a table, and how cost grows with size."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{records[0]['name']}: {records[0]['work']} (medians)")
    for heading in ("size", "ours CPU s", "ours wall s", "first call s", "peer", "peer CPU s", "ratio", "agreement"):
        table.add_column(heading, justify="right")
    table.add_column("peak MB", justify="right")
    for r in records:
        peer = f"{r['peer']} {r['peer_version'] or ''}" if r["peer"] else "-"
        cells = [
            r.get("label") or f"{r['size']:,}",
            _number(r["ours_cpu_s"]),
            _number(r["ours_wall_s"]),
            _number(r.get("ours_first_call_s")),
        ]
        cells += [peer, _number(r["peer_cpu_s"]), _number(r["ratio"]), r["agreement"], _number(r.get("peak_mb"))]
        table.add_row(*cells)
    Console(width=150).print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
