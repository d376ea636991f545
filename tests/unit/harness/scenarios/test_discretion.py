"""What may never leave, looked for in what a run says and leaves on disk."""

import json

import pytest

from fhirnotify.harness.installation import Finished
from fhirnotify.harness.scenarios.discretion import Secrets, disclosed

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "Testsson", "given": ["Åsa-Märét", "Li", None], "text": "Åsa-Märét Li Testsson"}],
    "telecom": [{"system": "phone", "value": "070-174 06 05"}, {"value": "växeln"}],
    "identifier": [{"value": "191212121212"}, {"value": "p"}],
}
TEXT = "Påminnelse till Åsa-Märét: Du har ett besök."


@pytest.fixture
def secrets():
    """Give those of one Patient, and of a text that was sent."""
    return Secrets.of(
        [PATIENT, {"resourceType": "Appointment", "id": "a", "identifier": [{"value": "1" * 12}]}], [TEXT]
    )


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"event": "sent", "patient": "p", "appointment": "a", "was": "111111111111", "till": "växeln"}', []),
        ("Testssonsgatan, Linköping", []),
        ("Testsson", ["a name"]),
        (json.dumps({"name": "Åsa-Märét"}), ["a name"]),
        ("to +46701740605", ["a number"]),
        ("to 0701740605", ["a number"]),
        ("to 070-174 06 05", ["a number"]),
        ("identifier=191212121212", ["an identity number"]),
        (json.dumps(TEXT), ["a name", "a text"]),
    ],
)
def test_what_is_found(secrets, said, found):
    """Names as words of some length, numbers in any form, identity numbers and texts; escaped, too."""
    assert list(secrets.found_in(said)) == found


def test_it_is_looked_for_wherever_a_run_leaves_something(secrets, tmp_path):
    """In its rows, its log, and its files, whatever their form; not in those that it was given."""
    (tmp_path / "fhirnotify.toml").write_text("sender = 'Testsson'")
    (tmp_path / "ledger.db").write_bytes(b"\xff\x00SQLite\x00+46701740605\x00")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_text(TEXT)
    finished = Finished(0, [{"patient": "Testsson"}], {}, "191212121212")
    assert sorted(disclosed(secrets, finished, tmp_path, ["fhirnotify.toml"])) == [
        "standard output holds a name, which may not leave",
        "the file deep/log holds a name, which may not leave",
        "the file deep/log holds a text, which may not leave",
        "the file ledger.db holds a number, which may not leave",
        "the log holds an identity number, which may not leave",
    ]
    assert len(list(disclosed(secrets, None, tmp_path, ["fhirnotify.toml", "deep"]))) == 1
