"""Which kind of visit: what the codings found on the appointment say by the ConceptMaps.

A patient who travels to a video visit is the harm that the program exists to prevent, so nothing is guessed:
without a code that decides there is a reason, never a default.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import Coding, ContactType
from fhirnotify.core.rules import KontakttypMap, Strength

FREE_TEXT = "(free text)"
"""Stands for a code that is none."""

_CODE = re.compile(r"[\w.:/+#-]{1,64}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the codings say: a contact type, or the reason that there is none.

    Attributes:
        mapping: the codings that decided, as ``system|code``.
        unmapped: codings that no ConceptMap knows; given only when nothing could be told.
    """

    contact_type: ContactType | None
    reason: Reason | None
    mapping: tuple[str, ...] = ()
    unmapped: tuple[Coding, ...] = ()


def judge(codings: Iterable[Coding], kontakttyp: KontakttypMap) -> Judgement:
    """Judge the kind of visit. Hints count only if no code decides; ``ingen`` is a target like the others."""
    found = tuple(dict.fromkeys(codings))
    for strength in (Strength.DECIDES, Strength.HINTS):
        said = [
            (coding, mapped.target)
            for coding in found
            for mapped in kontakttyp.get(coding, ())
            if mapped.strength is strength
        ]
        if said:
            return _judge_targets(
                {target for _, target in said}, tuple(dict.fromkeys(str(coding) for coding, _ in said))
            )
    unknown = tuple(dict.fromkeys(_tellable(coding) for coding in found if coding not in kontakttyp))
    return Judgement(None, Reason.CONTACT_TYPE_UNMAPPED, unmapped=unknown)


def _tellable(coding: Coding) -> Coding:
    """Give a code as it may be told and stored: what is no short code could hold anything about anybody."""
    return coding if _CODE.fullmatch(coding.code) else Coding(coding.system, FREE_TEXT)


def _judge_targets(targets: set[ContactType | None], mapping: tuple[str, ...]) -> Judgement:
    if len(targets) > 1:
        return Judgement(None, Reason.CONTACT_TYPE_CONFLICT, mapping)
    (target,) = targets
    if target is None:
        return Judgement(None, Reason.CONTACT_TYPE_NOT_REMINDED, mapping)
    return Judgement(target, None, mapping)
