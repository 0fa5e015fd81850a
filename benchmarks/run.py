"""Run one named comparison: ours and each peer alternating in one run, answers compared before times count.

python benchmarks/run.py --list
python benchmarks/run.py solar-position --json solar-position.json
python benchmarks/run.py city-scale --quick
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES
from harness import print_records, run_case


def main() -> int:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help="a comparison (see --list)")
    parser.add_argument("--list", action="store_true", help="list the comparisons")
    parser.add_argument("--quick", action="store_true", help="small sizes, few repetitions")
    parser.add_argument("--json", metavar="FILE", help="write the records as JSON")
    options = parser.parse_args()
    if options.list or not options.name:
        for case in CASES.values():
            print(f"{case.name:20} {case.work}")
        return 0
    if options.name not in CASES:
        parser.error(f"no comparison {options.name!r}; --list names them")
    records = run_case(CASES[options.name], quick=options.quick)
    print_records(records)
    if options.json:
        Path(options.json).write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return 0 if all(record["agreement"] != "differs" for record in records) else 1


if __name__ == "__main__":
    sys.exit(main())
