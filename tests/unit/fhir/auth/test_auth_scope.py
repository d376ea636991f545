"""Which scopes count as granted."""

import pytest

from fhirnotify.fhir.auth_scope import lets_write, not_granted, to_read

NEEDED = "system/Appointment.rs system/Patient.rs system/Consent.rs"


@pytest.mark.parametrize(
    ("asked", "granted", "missing"),
    [
        (NEEDED, NEEDED, []),
        (NEEDED, "system/Consent.rs system/Patient.rs system/Appointment.rs", []),
        (NEEDED, f"{NEEDED} openid", []),
        (NEEDED, "system/*.rs", []),
        (NEEDED, "system/*.cruds", []),
        (NEEDED, "system/*.read", []),
        (NEEDED, "system/*.*", []),
        (NEEDED, "system/Appointment.read system/Patient.* system/Consent.cruds", []),
        (NEEDED, "system/Appointment.r system/Appointment.s system/Patient.rs system/Consent.rs", []),
        (NEEDED, "", NEEDED.split()),
        (NEEDED, "system/Appointment.rs system/Patient.rs", ["system/Consent.rs"]),
        (NEEDED, "system/Appointment.rs system/Patient.rs system/Consent.r", ["system/Consent.rs"]),
        (NEEDED, "system/Appointment.rs system/Patient.rs system/Consent.write", ["system/Consent.rs"]),
        (NEEDED, "system/Appointment.rs system/Patient.rs user/Consent.rs", ["system/Consent.rs"]),
        (NEEDED, "system/Appointment.rs system/Patient.rs system/Consent.rs?category=x", ["system/Consent.rs"]),
        ("system/*.rs", NEEDED, []),
        ("system/*.read", NEEDED, []),
        ("system/*.rs", "system/Appointment.rs system/Patient.rs", ["system/*.rs"]),
        ("system/*.read", "system/Observation.read", ["system/*.read"]),
        ("system/Consent.rs?category=x", "system/Consent.rs?category=x", []),
        ("system/Consent.rs?category=x", "system/Consent.rs?category=y", ["system/Consent.rs?category=x"]),
        ("system/Observation.rs", "system/Observation.read", []),
        ("system/Communication.cu", "system/*.cruds", []),
        ("system/Communication.cu", "system/*.write", []),
        ("system/Communication.cu", "system/*.read", ["system/Communication.cu"]),
        ("system/Communication.cu", "system/Communication.write", []),
        ("system/*.rs", "system/Communication.cu", ["system/*.rs"]),
        ("fhir.read", "fhir.read", []),
        ("fhir.read", "fhir.write", ["fhir.read"]),
        ("fhir.read openid", "fhir.read", ["openid"]),
        ("system/Consent.", "system/Consent.rs", ["system/Consent."]),
    ],
)
def test_what_is_missing_is_named(asked, granted, missing):
    """The two versions of SMART scopes mean the same; a narrowed scope does not stand for the whole one."""
    assert not_granted(asked, granted) == missing


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (f"{NEEDED} system/Communication.cu", True),
        (f"{NEEDED} system/Communication.write", True),
        (f"{NEEDED} system/Communication.c system/Communication.u", True),
        ("system/*.cruds", True),
        ("system/*.*", True),
        ("user/Communication.cu", True),
        (NEEDED, False),
        ("system/*.read", False),
        ("system/Communication.c", False),
        ("system/Communication.cu?category=reminder", False),
        ("patient/Communication.cu", False),
        ("fhir.write", False),
        ("", False),
    ],
)
def test_what_lets_communications_be_written(scopes, may):
    """They are created and updated, of any patient."""
    assert lets_write(scopes, "Communication") is may


@pytest.mark.parametrize(
    ("scopes", "left"),
    [
        (f"{NEEDED} system/Communication.cu", NEEDED),
        (f"system/Communication.write {NEEDED} user/Communication.u?category=reminder", NEEDED),
        (f"https://journal.example/communication.readwrite {NEEDED}", NEEDED),
        (NEEDED, NEEDED),
        ("system/*.cruds", "system/*.cruds"),
        ("fhir.read", "fhir.read"),
    ],
)
def test_who_reads_asks_for_nothing_about_communications(scopes, left):
    """However the server writes it: what is not asked for cannot be refused."""
    assert to_read(scopes) == left
