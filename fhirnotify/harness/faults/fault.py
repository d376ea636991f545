"""What a fault is, and how one says on which requests it acts and what it does to the answer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fhirnotify.harness.loopback import Reply
from fhirnotify.harness.proxy import FHIR_JSON, Act, Asked, Sent, Server, bundle_of, honest
from fhirnotify.harness.scenarios.promises import Promise

Bundle = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a FHIR server, or what stands before it, misbehaves.

    Attributes:
        name: what it is called, in kebab case.
        does: a sentence that says what the server does.
        threatens: the promise that a client would break that took no notice.
        act: the misbehaviour.
        minutes: how long a run under it takes, where that is longer than seconds: then it is played only if named.
    """

    name: str
    does: str
    threatens: Promise
    act: Act
    minutes: int = 0


def on(kind: str | None, act: Act, *, page: int | None = None, nth: int | None = None, otherwise: Act = honest) -> Act:
    """Let a fault act on some requests alone.

    Args:
        kind: a resource type, ``metadata``, or None for any.
        act: what it does.
        page: 1 for searches, 2 and on for the pages behind them; None for any.
        nth: only the n-th time that this page is asked for; None for every time.
        otherwise: what happens to the other requests; by default they are passed on.
    """

    def chosen(asked: Asked, server: Server) -> Sent:
        if kind in (None, asked.kind) and page in (None, asked.page) and nth in (None, asked.nth):
            server.act()
            return act(asked, server)
        return otherwise(asked, server)

    return chosen


def instead(sent: Sent) -> Act:
    """Answer this, and do not ask the server."""
    return lambda _asked, _server: sent


def edited(edit: Callable[[Bundle], object]) -> Act:
    """Change the searchset in the server's answer, in place."""
    return reworked(lambda bundle, _asked, _server: edit(bundle))


def reworked(edit: Callable[[Bundle, Asked, Server], object]) -> Act:
    """Change the searchset in the server's answer, in place, by what was asked and by what passed earlier.

    An answer that is none, such as a refusal, is passed on as it is.
    """

    def act(asked: Asked, server: Server) -> Sent:
        reply = server.ask(asked)
        if (bundle := bundle_of(reply)) is None:
            return reply
        edit(bundle, asked, server)
        return fhir_json(bundle)

    return act


def earlier(asked: Asked, server: Server, page: int = 1) -> list[dict[str, Any]]:
    """Give the entries that this page of the same type held when there first were any."""
    reply = server.earlier(asked.kind, page)
    return entries((reply and bundle_of(reply)) or {})


def asking(change: Callable[[Asked], Asked]) -> Act:
    """Ask the server something else than what the client asked for."""
    return lambda asked, server: server.ask(change(asked))


def parameter(name: str, *values: str) -> Callable[[Asked], Asked]:
    """Ask with these values of one search parameter, or without it."""

    def change(asked: Asked) -> Asked:
        others = [(key, value) for key, value in asked.params if key != name]
        return asked.with_params([*others, *((name, value) for value in values)])

    return change


def fhir_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with this JSON."""
    return Reply(status, json.dumps(value).encode(), {"Content-Type": FHIR_JSON, **(headers or {})})


def outcome(severity: str, code: str) -> dict[str, Any]:
    """Build an OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


def entries(bundle: Bundle) -> list[dict[str, Any]]:
    """Give the entries of a searchset, to be changed in place."""
    found: list[dict[str, Any]] = bundle.setdefault("entry", [])
    return found
