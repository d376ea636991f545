"""A resource that is written out in full, as FHIR."""

import pytest

from fhirnotify.harness.scenarios.model import Scenario


@pytest.mark.parametrize("kind", ["RelatedPerson", "Consent"])
def test_resource_in_full_may_have_an_element_named_patient(kind: str) -> None:
    """What has a resourceType is FHIR, though some resources have an element called patient."""
    resource = {"resourceType": kind, "id": "r", "patient": {"reference": "Patient/p"}}

    scenario = Scenario.model_validate(
        {"shows": "Something is shown.", "promise": "explained", "resources": [resource], "expect": []}
    )

    assert scenario.resources == (resource,)
