"""Plain sentences for what the program says in codes: reasons, states and exit codes."""

from fhirnotify.core.answer import Reason
from fhirnotify.ledger.port import State
from fhirnotify.ledger.states import DEAD_NUMBER, EXPIRED_UNKNOWN, NO_REPORT, SETTLED_NOT_SENT, SETTLED_SENT
from fhirnotify.rows import HELD

NOTHING = "Nothing to mend."

SENTENCES: dict[Reason, tuple[str, str]] = {
    Reason.INVALID_RESOURCE: (
        "The resource holds an error in an element that the rules need.",
        "Have the named element mended in the journal system.",
    ),
    Reason.NOT_BOOKED: ("The appointment is not booked: cancelled, proposed or done.", NOTHING),
    Reason.NO_START: ("The appointment has no start.", "Have a start entered in the journal system."),
    Reason.TOO_LATE: (
        "It is too close to the visit for a reminder.",
        "Run more often, or shorten reminder.latest.",
    ),
    Reason.LATE_BOOKING: (
        "It was booked after its reminder was due.",
        'Set reminder.late_booking = "send" if such visits are to be reminded of.',
    ),
    Reason.NOT_ATTENDING: ("The patient has declined, or is only informed of the visit.", NOTHING),
    Reason.PATIENT_UNREADABLE: (
        "No patient could be read: none is named, the reference leads nowhere, or merged records go in a circle.",
        "Have the reference to the patient mended in the journal system.",
    ),
    Reason.PATIENT_INACTIVE: (
        "The patient's record is not active, and names no other that replaces it.",
        "Have the record activated, or linked to the one that replaces it, if this is a mistake.",
    ),
    Reason.PATIENT_DECEASED: ("The patient is recorded as deceased.", NOTHING),
    Reason.PROTECTED_IDENTITY: ("The patient's identity is protected: no message may go out.", NOTHING),
    Reason.AGE_POLICY: (
        "The patient's age at the visit is one of recipient.skip_ages, or the birth date is not known.",
        "Change recipient.skip_ages, or have the birth date entered.",
    ),
    Reason.NO_CONSENT: (
        "The patient has no consent to these reminders.",
        "Have it asked for, and recorded with a code of consent.codes.",
    ),
    Reason.CONSENT_DENIED: ("The patient has said no to these reminders.", NOTHING),
    Reason.CONSENT_EXPIRED: (
        "The patient's consent is no longer, or not yet, in force.",
        "Have it asked for anew.",
    ),
    Reason.CONSENT_UNDETERMINED: (
        "A consent of the patient cannot be understood, so it is not taken as a yes.",
        "Have the Consent mended in the journal system.",
    ),
    Reason.CONTACT_TYPE_UNMAPPED: (
        "No code tells whether it is a visit, a video or a telephone call.",
        'Complete the mapping: "fhirnotify mappings unmapped" lists the codes.',
    ),
    Reason.CONTACT_TYPE_CONFLICT: (
        "The codes tell of different kinds of visit.",
        "Have the booking mended, or let one of the codes decide less in the mapping.",
    ),
    Reason.CONTACT_TYPE_NOT_REMINDED: ("A kind of visit that is not reminded of, such as a home visit.", NOTHING),
    Reason.NO_FIRST_NAME: ("The patient has no first name in use.", "Have the name entered in the record."),
    Reason.NO_MOBILE_NUMBER: (
        "The patient has no mobile number in use that may be sent to.",
        "Have the number entered, or see recipient.countries and recipient.shared_number.",
    ),
    Reason.PRIVACY_BLOCKED: (
        "The first name holds something that may not be told, such as a number, an address or a unit.",
        "Have the name mended in the record.",
    ),
    Reason.DUPLICATE_BOOKING: (
        "The patient has another booking of this kind at the same time, and is reminded of that one.",
        NOTHING,
    ),
}
"""What each reason means, and what would have to change."""

OUTCOMES: dict[str | None, str] = {
    None: "would be sent",
    HELD: "due, held until quiet hours end",
    State.CLAIMED: "claimed, not sent yet",
    State.SENDING: "being sent",
    State.ACCEPTED: "the provider has it",
    State.DELIVERED: "delivered to the telephone",
    State.UNDELIVERED: "the provider could not deliver it",
    State.REJECTED: "the provider refuses it for good",
    State.RETRY: "not sent, will be tried again",
    State.UNCERTAIN: "may or may not have been sent, so it is not sent again; ask the provider",
    State.WITHDRAWN: "withdrawn before it was sent",
    State.EXPIRED: "not sent in time",
}
"""What each outcome means."""

EXITS: dict[int, str] = {
    0: "done",
    2: "settings or usage",
    3: "the FHIR endpoint could not be used, or the read was incomplete",
    4: "the SMS provider refuses the account",
    5: "the ledger could not be used",
    6: "done, but messages failed or are uncertain and need a person",
    7: "done, but fewer appointments were considered than monitoring.expect_appointments",
}
"""What each exit code means."""


def sentence(reason: str) -> str:
    """Say what a reason means and what to mend."""
    return " ".join(SENTENCES[Reason(reason)])


def dead_number(code: str) -> str:
    """Say what it means that no message will ever come to a number, and what to mend; ``code`` is the provider's."""
    return f"no message will ever come to the number ({code}). Have it mended in the journal system."


_OURS = {
    SETTLED_SENT: "{} found out that it was sent",
    SETTLED_NOT_SENT: "{} found out that it was not sent",
    NO_REPORT: "the provider will never tell what became of it",
    EXPIRED_UNKNOWN: "too late to learn what became of it",
    DEAD_NUMBER: "{}: no message will ever come to the number",
}


def code_told(code: str) -> str:
    """Say what the code of a change means, where a word of ours stands before the rest."""
    ours, _, rest = code.partition(" ")
    return _OURS[ours].format(rest) if ours in _OURS else code
