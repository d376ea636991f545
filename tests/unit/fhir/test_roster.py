"""The Patients that a Group or a List names."""

from datetime import UTC, datetime

import pytest
from raw_resources import STOCKHOLM

from fhirnotify.errors import FhirError
from fhirnotify.fhir.listed import Roster
from fhirnotify.fhir.references import References
from fhirnotify.fhir.roster import members

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
BASE = "https://fhir.example.org/r4"


def patient(identity, **elements):
    """Make an entry of a Group, or of a List, for a Patient."""
    return {"entity": {"reference": f"Patient/{identity}"}, **elements}


def read(resource):
    """Give the Patients of a Group or List."""
    roster = Roster("fhir.patients", resource["resourceType"], "x")
    return members(resource, roster, References(BASE), NOW, STOCKHOLM)


def group(*entries, **elements):
    """Make a Group of these members."""
    return {"resourceType": "Group", "type": "person", "actual": True, "member": list(entries), **elements}


def listing(*references, **elements):
    """Make a List of these items."""
    entries = [{"item": {"reference": one}} if isinstance(one, str) else one for one in references]
    return {"resourceType": "List", "status": "current", "mode": "working", "entry": entries, **elements}


def test_members_of_a_group_are_given_in_their_order_each_once():
    """By relative, versioned and absolute reference to this server."""
    entries = [{"entity": {"reference": f"{BASE}/Patient/2"}}, {"entity": {"reference": "Patient/3/_history/4"}}]
    assert read(group(patient("9"), *entries, patient("9"))) == ["9", "2", "3"]


@pytest.mark.parametrize(
    ("elements", "is_in"),
    [
        ({}, True),
        ({"inactive": False}, True),
        ({"inactive": True}, False),
        ({"period": {"start": "2027-01-01"}}, True),
        ({"period": {"end": "2026-11-24"}}, True),
        ({"period": {"end": "2026-11"}}, True),
        ({"period": {"end": "2026-11-23"}}, False),
        ({"period": {"end": "2026-11-24T08:59:59Z"}}, False),
        ({"period": {"end": "some day"}}, True),
        ({"period": 5}, True),
    ],
)
def test_members_who_have_left_are_left_out(elements, is_in):
    """The last day of a period, local time, counts; what cannot be read shuts nobody out."""
    assert read(group(patient("1"), patient("2", **elements))) == (["1", "2"] if is_in else ["1"])


def test_others_than_patients_are_left_out():
    """A care team's practitioners get no reminders."""
    others = [{"entity": {"reference": "Practitioner/1"}}, {"entity": {"reference": f"{BASE}/Device/1"}}]
    assert read(group(*others, patient("1"))) == ["1"]
    assert read(listing("Practitioner/1", "Patient/1")) == ["1"]


def test_deleted_entries_of_a_list_are_left_out():
    """A List of mode ``changes`` tells so who was taken from it."""
    gone = {"item": {"reference": "Patient/2"}, "deleted": True}
    kept = {"item": {"reference": "Patient/3"}, "deleted": False}
    assert read(listing("Patient/1", gone, kept)) == ["1", "3"]


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (group(), "names no Patient"),
        (group(patient("1", inactive=True)), "names no Patient"),
        (group(member=None), "names no Patient"),
        (group(active=False), "is not active"),
        (group(member=[], quantity=7), "describes its members"),
        ({"resourceType": "Group", "membership": "definitional", "characteristic": [{}]}, "describes its members"),
        (group(member="x"), "cannot be read"),
        (group(member=["x"]), "cannot be read"),
        (group({}), "does not point at a Patient of this server"),
        (group({"entity": {"type": "Patient", "identifier": {"value": "1"}}}), "does not point at a Patient"),
        (group({"entity": {"reference": "https://elsewhere.example.org/Patient/1"}}), "does not point at a Patient"),
        (group({"entity": {"reference": "urn:uuid:1"}}), "does not point at a Patient"),
        (group({"entity": {"reference": "Patient/1", "type": "Group"}}), "does not point at a Patient"),
        (group(patient("1"), {"entity": {"reference": "Group/2"}}), "holds another Group"),
        (listing("List/2"), "holds another List"),
        (listing(), "names no Patient"),
        (listing("Patient/1", status="retired"), "is not current"),
        (listing("Patient/1", status="entered-in-error"), "is not current"),
        (listing("Patient/1", status=None), "is not current"),
        (listing({}), "does not point at a Patient"),
    ],
)
def test_what_leaves_it_in_doubt_who_is_meant_is_refused(resource, why):
    """With the setting, and never with a member."""
    with pytest.raises(FhirError, match=why) as caught:
        read(resource)
    assert caught.value.exit_code == 3
    assert f"{resource['resourceType']}/x of fhir.patients" in caught.value.what
    assert "fhir.patients_file" in caught.value.next_step
