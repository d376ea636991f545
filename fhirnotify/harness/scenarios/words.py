"""What can be written where a scenario chooses one of many words, or a moment; what was probably meant is told."""

import difflib
from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, Field

from fhirnotify.harness.faults import FAULTS
from fhirnotify.harness.scenarios.moments import MOMENT, checked
from fhirnotify.ledger.port import State

OUTCOMES = (*State, "held", "planned")
"""What can become of a reminder: its states in the ledger, what quiet hours hold, and what a plan would send."""


def _outcome(written: str) -> str:
    return _one_of(OUTCOMES, written)


def _fault(written: str) -> str:
    return _one_of(FAULTS, written)


def _one_of(known: Collection[str], written: str) -> str:
    if written in known:
        return written
    near = difflib.get_close_matches(written, list(known), n=1)
    meant = f"; did you mean {near[0]}?" if near else f": one of {', '.join(known)}"
    raise ValueError(f"cannot be {written}{meant}")


Outcome = Annotated[str, AfterValidator(_outcome), Field(json_schema_extra={"enum": [str(each) for each in OUTCOMES]})]
Fault = Annotated[str, AfterValidator(_fault), Field(json_schema_extra={"enum": list(FAULTS)})]
Moment = Annotated[
    str,
    AfterValidator(checked),
    Field(description="now+24h, now-400d, now+1d@09:30 …", json_schema_extra={"pattern": f"^{MOMENT}$"}),
]
