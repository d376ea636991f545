"""The table of kill points: a run is ended at every boundary, runs follow, and the provider's journal is the judge.

    python tests/benchmarks/kill_points.py [--ledger sqlite] [--part 0.1] [--at-once N]

plays every death (or a part of them, chosen by a fixed seed) on both ledgers, and prints where it happened, how often
anybody then got two reminders or none, of how many nobody was told, and how many stayed uncertain. Exit 1 if a promise
was broken.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

LEDGERS = ["sqlite", "postgresql"]


def main() -> int:
    """Play them, and print the table."""
    # Here, since each run imports this file anew.
    from deaths import clocked_database, on_postgres, on_sqlite
    from dying import Share, deaths, stations, table
    from postgres import Cluster, need_postgres

    parser = argparse.ArgumentParser(description="Ends runs at every boundary, and says what came of it.")
    parser.add_argument("--ledger", choices=LEDGERS, action="append")
    parser.add_argument("--part", type=float, default=1.0, help="play this part of them only")
    parser.add_argument("--at-once", type=int, default=6)
    given = parser.parse_args()
    broken = 0
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in given.ledger or LEDGERS:
            begun, ledger_of = time.monotonic(), on_sqlite
            if name == "postgresql":
                cluster = Cluster(need_postgres())
                stack.callback(cluster.close)
                ledger_of = on_postgres(cluster, stack.enter_context(clocked_database(cluster)))
            with stations(place / name, ledger_of, given.at_once) as played:
                share = Share(given.part, given.part / 8, given.part if name == "postgresql" else 0)
                trials = played.play(deaths(played.whole(), share))
            print(table(name, trials), f"{time.monotonic() - begun:.0f} s", sep="\n", end="\n\n", flush=True)  # noqa: T201
            unsound = [trial for trial in trials if not trial.is_sound]
            print(*unsound, sep="\n")  # noqa: T201
            broken += len(unsound)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
