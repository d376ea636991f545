"""Holds what a run says of itself against its own rows, and its evidence against what the server was given.

Written from the contract of ``run --json``, and not with the code that keeps it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fhirnotify.harness.installation import Finished
from fhirnotify.harness.seed import Versions

_COUNTS = ("skipped", "already", "sent", "pending", "uncertain", "failed")
_COUNTED_AS = {
    "accepted": "sent",
    "delivered": "sent",
    "undelivered": "sent",
    "uncertain": "uncertain",
    "rejected": "failed",
    "expired": "failed",
}
"""By the outcome of a reminder; every other one is pending, and so is what a plan would send."""


class Given:
    """The versions that resources have had on the server, by ``Type/id``, the last one last."""

    def __init__(self) -> None:
        self._versions: dict[str, list[str]] = {}

    def add(self, versions: Versions) -> None:
        """Take what a server has told when it was given something."""
        for reference, version in versions.items():
            self._versions.setdefault(reference, []).append(version)

    def of(self, reference: str) -> Sequence[str]:
        """Give those of a resource; none where the server tells none, or has it not from here."""
        return self._versions.get(reference, ())


def summary_differences(finished: Finished) -> Iterator[str]:
    """Name each count of the summary that its rows do not bear out; nothing for a run that had none to say."""
    if not finished.summary:
        return
    counted = Counter(map(_counted_as, finished.rows))
    wanted: dict[str, Any] = {"considered": len(finished.rows)} | {key: counted[key] for key in _COUNTS}
    wanted["reasons"] = Counter(row["reason"] for row in finished.rows if row["decision"] == "skip")
    for key, value in wanted.items():
        if (said := finished.summary.get(key)) != value:
            yield f"the summary's {key} is {said}, and by its rows {dict(value) if key == 'reasons' else value}"


def evidence_differences(rows: Iterable[Mapping[str, Any]], given: Given) -> Iterator[str]:
    """Name each resource that a decision rests on in another version than stands on the server.

    What was decided in an earlier run, and what was withdrawn of it, rests on any that has stood there.
    """
    for row in rows:
        evidence = row["evidence"]
        for each in filter(None, (evidence["appointment"], evidence["patient"], *evidence["consent"])):
            container = each.partition("#")[0]  # a contained one has no version but this
            reference, _, version = container.partition("/_history/")
            stood = given.of(reference)
            may_be = stood if row["decision"] == "already" or row["outcome"] == "withdrawn" else stood[-1:]
            if stood and version not in may_be:
                yield f"{row['appointment']}: rests on {reference} in version {version or 'none'}, not {stood[-1]}"


def _counted_as(row: Mapping[str, Any]) -> str:
    if row["decision"] == "remind":
        return _COUNTED_AS.get(row["outcome"], "pending")
    return "already" if row["decision"] == "already" else "skipped"
