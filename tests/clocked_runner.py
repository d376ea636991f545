"""The real command at another time, which its options cannot make of it: as if the machine's clock stood there.

python clocked_runner.py INSTANT run --config FILE …
"""

import sys
from datetime import datetime

from fhirnotify import wiring
from fhirnotify.cli.main import main
from fhirnotify.clock import FixedClock

if __name__ == "__main__":
    moment = datetime.fromisoformat(sys.argv[1])
    wiring.clock = lambda now: FixedClock(now or moment)
    sys.argv = ["fhirnotify", *sys.argv[2:]]
    main()
