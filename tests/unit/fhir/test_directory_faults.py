"""What is wrong with a directory of FHIR JSON: what stops the read, and what does not."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from raw_resources import ELEMENTS, STOCKHOLM, smallest

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.directory import DirectorySource

R4, R5 = FhirVersion.R4, FhirVersion.R5
START = datetime(2026, 11, 24, 9, tzinfo=UTC)
AFTER, BEFORE = START - timedelta(hours=1), START + timedelta(hours=1)


def bundle(*entries, bundle_type="collection"):
    """Make a Bundle of entries, or of resources."""
    wrapped = [entry if "resourceType" not in entry else {"resource": entry} for entry in entries]
    return {"resourceType": "Bundle", "type": bundle_type, "entry": wrapped}


def appointment(identity, minutes=0, **elements):
    """Make a booked Appointment that starts some minutes after START."""
    start = (START + timedelta(minutes=minutes)).isoformat()
    return smallest("Appointment", **{"id": identity, "start": start, **elements})


def ids(source, after=AFTER, before=BEFORE):
    """Give the ids of the Appointments in the window, page by page."""
    return [[booking.id for booking in page] for page in source.appointments(after, before)]


@pytest.mark.parametrize("name", ["x.ndjson.gz", "x.json.zip"])
def test_packed_files_stop_the_read(put, source, name):
    """They are not read, and not passed over in silence either."""
    put("a.json", smallest("Patient"))
    put(name, smallest("Patient", id="p2"))
    with pytest.raises(FhirError, match=f"{name} cannot be read"):
        source.patients(["p1"])


def test_a_link_to_nowhere_stops_the_read(put, source, tmp_path):
    """A file was there once."""
    put("a.json", smallest("Patient"))
    (tmp_path / "b.json").symlink_to(tmp_path / "gone.json")
    with pytest.raises(FhirError, match=r"b\.json cannot be read"):
        source.patients(["p1"])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.json", b"{", "x.json is not JSON"),
        ("x.json", b"", "x.json is not JSON"),
        ("x.json", b"\xff\xfe\x00", "x.json is not JSON"),
        ("x.json", b"[" * 100_000, "x.json is not JSON"),
        ("x.json", b"[]", "x.json is not a FHIR resource"),
        ("x.json", b'{"resourceType": 5}', "x.json is not a FHIR resource"),
        ("x.ndjson", b'{"resourceType": "Patient", "id": "p1"}\n\n{', "x.ndjson, line 3, is not JSON"),
        ("x.json", b'{"resourceType": "Bundle", "entry": 5}', "x.json holds a Bundle that cannot be read"),
        ("x.json", b'{"resourceType": "Bundle", "entry": [5]}', "x.json holds a Bundle that cannot be read"),
        (
            "x.json",
            b'{"resourceType": "Bundle", "entry": [{"resource": 5}]}',
            "x.json holds a Bundle entry that is not",
        ),
        (
            "x.json",
            b'{"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}',
            "x.json: The server speaks FHIR 3.0.2",
        ),
    ],
)
def test_a_file_that_is_not_fhir_stops_the_run_by_its_name(tmp_path, source, name, content, told):
    """Exit 3, with the next step."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FhirError) as error:
        ids(source)
    assert error.value.what.startswith(told)
    assert error.value.next_step
    assert error.value.exit_code == 3


def test_a_file_that_may_not_be_read_stops_the_run_by_its_name(source, tmp_path):
    """The job's account may lack the right to it."""
    (tmp_path / "x.json").write_text("{}")
    with (
        patch.object(Path, "read_bytes", side_effect=PermissionError(13, "Permission denied")),
        pytest.raises(FhirError) as error,
    ):
        ids(source)
    assert error.value.what == "x.json cannot be read: Permission denied."


@pytest.mark.parametrize("name", ["", "missing", "file"])
def test_a_directory_that_is_empty_or_missing_stops_the_run(tmp_path, name):
    """Nothing to read is not the same as nobody to remind."""
    (tmp_path / "file").write_text("")
    with pytest.raises(FhirError) as error:
        ids(DirectorySource(tmp_path / name, ELEMENTS, STOCKHOLM))
    assert error.value.next_step


@pytest.mark.parametrize(
    "content",
    [
        smallest("Appointment", id=None),
        bundle({"fullUrl": "https://x.example/Appointment/a1", "resource": smallest("Patient", id="")}),
        bundle({"fullUrl": "urn:uuid:a b", "resource": smallest("Consent", id=5)}),
        bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}),
    ],
)
def test_what_shows_that_something_is_missing_stops_the_run_by_its_name(put, source, content):
    """A resource that nothing can be held against, or the word of an error while the directory was filled."""
    put("x.json", content)
    with pytest.raises(IncompleteRead, match=r"x\.json"):
        ids(source)


def test_a_warning_among_the_resources_stops_nothing(put, source):
    """Servers put them into every searchset."""
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
    put("x.json", bundle(appointment("a1"), outcome, {"response": {"status": "201"}}, bundle_type="searchset"))
    assert ids(source) == [["a1"]]


def test_two_capability_statements_that_differ_stop_the_run(put, source):
    """Nobody can tell by which version to read."""
    put(
        "x.ndjson", *({"resourceType": "CapabilityStatement", "fhirVersion": version} for version in ("4.0.1", "5.0.0"))
    )
    with pytest.raises(FhirError, match="another FHIR version"):
        ids(source)


@pytest.mark.parametrize("content", ["{}", "", json.dumps(appointment("a2")), json.dumps(smallest("Patient", id="a1"))])
def test_a_file_that_is_changed_underneath_stops_the_run(put, source, tmp_path, content):
    """NDJSON stays where it is, and is read again when it is asked for."""
    put("x.ndjson", appointment("a1"))
    assert ids(source) == [["a1"]]
    (tmp_path / "x.ndjson").write_text(content)
    with pytest.raises(IncompleteRead, match=r"x\.ndjson was changed"):
        ids(source)


def test_a_byte_order_mark_is_no_error(tmp_path, source):
    """Windows writes one."""
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(appointment("a1")).encode())
    assert ids(source) == [["a1"]]
