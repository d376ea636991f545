"""Whether a server says that it takes Communications, and whether that matters."""

from typing import Any

import pytest

from fhirnotify.harness.probing.finding import Verdict
from fhirnotify.harness.probing.writing import communications

UPDATE = {"type": "Communication", "interaction": [{"code": "read"}, {"code": "update"}]}


def statement(*resources: Any, mode: str = "server") -> dict[str, Any]:
    """Make a CapabilityStatement that lists these."""
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": mode, "resource": list(resources)}]}


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (statement(UPDATE), Verdict.OK),
        (statement({"type": "Patient"}, UPDATE | {"updateCreate": True}), Verdict.OK),
        (statement(UPDATE | {"updateCreate": False}), Verdict.WARNING),
        (statement({"type": "Communication", "interaction": [{"code": "create"}]}), Verdict.WARNING),
        (statement({"type": "Communication"}), Verdict.WARNING),
        (statement(UPDATE | {"type": "Patient"}), Verdict.WARNING),
        (statement(UPDATE, mode="client"), Verdict.WARNING),
        (statement("Communication"), Verdict.WARNING),
        ({"rest": UPDATE}, Verdict.WARNING),
        ("nonsense", Verdict.WARNING),
    ],
)
def test_what_the_server_says_is_told_where_it_matters(said: Any, verdict: Verdict) -> None:
    """With write-back on it is a warning, with what to do; off, it never is."""
    found = communications(said, write_back=True)
    assert (found.verdict, bool(found.next_step)) == (verdict, verdict is Verdict.WARNING)
    assert communications(said, write_back=False).verdict is Verdict.OK
