"""The errors that end a run, each with its exit code.

    FhirnotifyError
    ├── SettingsError     2  settings, mappings, template or usage
    ├── FhirError         3  the FHIR endpoint cannot be used
    │   └── IncompleteRead   it answered, but not with everything that was asked for
    ├── AccountFault      4  the SMS provider refuses the account (credentials, credit)
    ├── LedgerError       5  the ledger cannot be used
    └── HarnessError      2  the test harness cannot do its work: no server to be had, or not one to write to

Exit codes 6 (messages failed or are uncertain) and 7 (too few appointments) are results of a run that was
done, not errors. One resource or one message that fails is a value with a reason, never an exception.

A message says what happened and what to do next. It never holds a patient's data: no name, number, text,
personal identity number, or query string.
"""

from collections.abc import Iterable
from typing import Any, ClassVar


class FhirnotifyError(Exception):
    """An error that stops the run; ``next_step`` tells a person what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step
        self.summary: Any = None
        """The ``Summary`` of the run that had to stop, if one had begun."""

    def __str__(self) -> str:
        return f"{self.what}\n{self.next_step}" if self.next_step else self.what


class SettingsError(FhirnotifyError):
    """A setting, a mapping, the template or the command line is wrong."""

    exit_code = 2


class FhirError(FhirnotifyError):
    """The FHIR endpoint cannot be used: down, refusing, of another version, or not FHIR."""

    exit_code = 3
    of_what_was_asked: bool = False
    """Whether it may lie in the very resources that were asked for, so that others may be had."""


class IncompleteRead(FhirError):
    """The endpoint answered, but a page, a match or a resource is missing: nothing may be sent on this."""

    of_what_was_asked = True


class AccountFault(FhirnotifyError):
    """The SMS provider refuses the account. Nothing else is sent; what was claimed stays claimed."""

    exit_code = 4

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what, next_step)
        self.said: tuple[str, ...] = (what,)
        self.to_do: tuple[str, ...] = (next_step,)
        """What happened and what to do, by the faults that it was made of."""

    @classmethod
    def of(cls, faults: Iterable["AccountFault"], addition: str = "") -> "AccountFault | None":
        """Make one of several, each thing said once, with ``addition`` after what happened; None if there is none."""
        faults = list(faults)
        if not faults:
            return None
        said = _once([*(each for fault in faults for each in fault.said), addition])
        to_do = _once(each for fault in faults for each in fault.to_do)
        made = cls(" ".join(said), " ".join(to_do))
        made.said, made.to_do = said, to_do
        return made


class LedgerError(FhirnotifyError):
    """The ledger is locked, read-only, full, newer than the program, or not ours."""

    exit_code = 5


class HarnessError(FhirnotifyError):
    """The test harness cannot do its work.

    A server cannot be had on this machine, the one that was named may not be written to or does not take what a test
    needs or give it up, or what was chosen to be played does not exist or is wrong.
    """

    exit_code = 2


def _once(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, sentences)))
