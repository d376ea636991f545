"""What can go wrong with the machine under a run: done to a process before the command begins in it (``warm.start``)."""

import ctypes
import resource
import signal
from datetime import UTC, datetime, timedelta

import time_machine

_CAPABILITIES = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_MAY_DO_TO_FILES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root write where the mode forbids it."""


def few_descriptors(most: int) -> None:
    """Let the process have so few files open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def obeying_modes() -> None:
    """Let the modes of files hold, also for root."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for capability in _MAY_DO_TO_FILES:
        for each in range(3):  # effective, permitted, inheritable, of the first 32
            sets[each] &= ~(1 << capability)
    assert libc.capset(header, sets) == 0


def later(by: timedelta) -> None:
    """Let it be later by the machine's clock."""
    time_machine.travel(datetime.now(UTC) + by, tick=True).start()


def clock_set_by_signal(by: timedelta) -> None:
    """Let the machine's clock be set otherwise when the process gets SIGUSR1."""
    clock = time_machine.travel(datetime.now(UTC), tick=True).start()
    signal.signal(signal.SIGUSR1, lambda *_: clock.shift(by))
