"""The real command on a shared ledger, as a machine of its own: with its own clock, and leases that a test can wait for.

    python shared_runner.py LEASE_SECONDS SKEW_SECONDS run --config FILE …

says ``ready`` on stdout when everything is imported, and begins when it reads a line.
"""

import sys
from datetime import datetime, timedelta

from warm import WARM

from fhirnotify import clock, wiring


def _main() -> None:
    import importlib

    for module in [*WARM, "fhirnotify.ledger.postgres", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"]:
        importlib.import_module(module)
    from fhirnotify.ledger.sql import SqlLedger

    lease, skew = (timedelta(seconds=float(given)) for given in sys.argv[1:3])
    real = clock.RealClock.real

    def skewed(self: clock.RealClock) -> datetime:
        return real(self) + skew

    clock.RealClock.real = skewed  # type: ignore[method-assign]
    if lease:
        wiring.ledger = lambda settings: SqlLedger(settings.ledger.url, lease=lease)
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    sys.argv = ["fhirnotify", *sys.argv[3:]]
    sys.modules["fhirnotify.cli.main"].main()


if __name__ == "__main__":
    _main()
