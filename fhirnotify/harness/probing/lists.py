"""Trials of searches for a list of ids, as long as the job makes them, with those that are known put last."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhirnotify.fhir.bundle import Page, Resource
from fhirnotify.harness.probing.asking import ONE, TOTAL, TWO, Asker, Refusal

LONGEST = 100
"""How many ids the job asks for at once."""

_SHORTER = (50, 20, 1)


@dataclass(frozen=True, slots=True)
class Listed:
    """How a search for a list was answered.

    Attributes:
        size: the longest list that was answered; 0 if none was.
        refusal: how the first that was longer was refused.
        matches: what came in answer.
    """

    size: int
    refusal: Refusal | None = None
    matches: list[Resource] = field(default_factory=list, repr=False)


def nobody(ordinal: int = 0) -> str:
    """Give an id that nobody has."""
    return f"fhirnotify-probe-{ordinal:03}"


def ask(
    asker: Asker,
    resource_type: str,
    parameter: str,
    known: Sequence[str],
    *also: tuple[str, str],
    prefix: str = "",
) -> Listed:
    """Search by a list of 100; if that is refused, by one of 50, of 20, and by a single one.

    Args:
        asker: makes the trials.
        resource_type: what is searched.
        parameter: by which parameter.
        known: ids that exist; they stand last, so that a list which is not read to its end is found out.
        also: further parameters of the same search.
        prefix: what stands before each id, such as ``Patient/``.
    """
    refusal = None
    for size in (LONGEST, *_SHORTER):
        kept = known[:size]
        ids = [*map(nobody, range(size - len(kept))), *kept]
        page = asker.search(resource_type, (parameter, ",".join(f"{prefix}{id_}" for id_ in ids)), TWO, TOTAL, *also)
        if isinstance(page, Page):
            return Listed(size, refusal, page.matches)
        refusal = refusal or page
    return Listed(0, refusal)


def finds(asker: Asker, resource_type: str, parameter: str, id_: str) -> bool:
    """Tell whether one id alone finds something."""
    page = asker.search(resource_type, (parameter, id_), ONE)
    return isinstance(page, Page) and bool(page.matches)
