"""What is deleted from a ledger in a file is not left in the file."""

import threading
from contextlib import closing
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from fhirnotify.ledger import purging
from fhirnotify.ledger.old_rows import Age
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import Change, State


@pytest.mark.parametrize("overwriting", [True, False])
def test_deleted_is_overwritten(path, open_ledger, claim_of, now, monkeypatch, overwriting):
    """The ids of what was purged are nowhere in the file; without overwriting they would be."""
    if not overwriting:
        monkeypatch.setattr(purging, "overwrite", lambda each: each.exec_driver_sql("PRAGMA secure_delete=OFF"))
    ledger = open_ledger()
    ledger.claim("r1", now, [claim_of(n) for n in range(50)], [])
    ledger.move("r1", now, [Change(each.id, State.EXPIRED) for each in ledger.in_state(State.CLAIMED)])
    ids = [each.id.encode() for each in ledger.in_state(State.EXPIRED)]
    ledger.close()
    assert all(id_ in path.read_bytes() for id_ in ids)

    age, bounds = Age(now + timedelta(days=100), timedelta(days=90)), purging.Bounds(60, threading.Event())
    with closing(open_database(f"sqlite:///{path}", create=False, read_only=False, patience=5)) as database:
        purging.purge(database, "purge", age, ZoneInfo("Europe/Stockholm"), bounds, lambda _: None)

    left = path.read_bytes()
    assert any(id_ in left for id_ in ids) is not overwriting
