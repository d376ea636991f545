"""A fast, fixed FHIR R4 server: every answer is rendered from templates, so that what is measured is not the server.

    python fixed_fhir.py --appointments 10000 --reminded 50 [--record FILE]

prints ``{"base_url": …}`` when it is ready and ends on SIGTERM. Of each hundred visits ``--reminded`` are to be
reminded of; of the others a third each have no Consent, no code that tells the kind of visit, and no mobile number.
With ``--record`` each request is written down as a JSON line, for the bare loop to make again.
"""

import argparse
import json
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

from fhirnotify.harness.loopback import LoopbackServer, Reply, Request

NOW = datetime(2031, 9, 1, 8, tzinfo=UTC)
"""The moment of every run against this server: ten o'clock in Sweden."""

CONSENT_CODE = "urn:fhirnotify:samtycke|sms-paminnelse"
_FIRST, _SPAN = timedelta(hours=5), timedelta(hours=42)
_HEADERS = {"Content-Type": "application/fhir+json"}
_META = '"meta":{"versionId":"1","lastUpdated":"2031-08-01T10:00:00.000+02:00","source":"#kW7Hd2mVb8sTq1Zx"}'

_APPOINTMENT = (
    '{"resourceType":"Appointment","id":"a%(n)d",' + _META + ',"identifier":[{"system":"urn:fhirnotify:bokning",'
    '"value":"B-%(n)09d"}],"status":"booked","serviceCategory":[{"coding":[{"system":"http://terminology.hl7.org/'
    'CodeSystem/service-category","code":"17","display":"General Practice"}]}],"appointmentType":{"coding":[{"system":'
    '"%(system)s","code":"%(code)s"}]},"priority":5,"description":"Besök %(n)d","start":"%(start)s","end":"%(end)s",'
    '"minutesDuration":30,"created":"2031-07-01T09:12:00+02:00","comment":"Ta med tidigare journal.","participant":['
    '{"actor":{"reference":"Patient/p%(n)d","display":"Testsson, Tolvan"},"required":"required","status":"accepted"},'
    '{"actor":{"type":"Practitioner","display":"Distriktssköterska"},"required":"required","status":"accepted"},'
    '{"actor":{"type":"Location","display":"Björkgården rum 3"},"required":"required","status":"accepted"}]}'
)
_PATIENT = (
    '{"resourceType":"Patient","id":"p%(n)d",'
    + _META
    + ',"text":{"status":"generated","div":"<div xmlns=\\"http://www.'
    'w3.org/1999/xhtml\\">Tolvan Testsson</div>"},"identifier":[{"system":"urn:fhirnotify:testperson","value":"T%(n)09d"'
    '}],"active":true,"name":[{"use":"official","family":"Testsson","given":["Tolvan","Li"]}],"telecom":[{"system":'
    '"phone","value":"%(phone)s","use":"mobile","rank":1},{"system":"email","value":"p%(n)d@example.org"}],"gender":'
    '"other","birthDate":"1912-12-12","address":[{"use":"home","line":["Solgläntan"],"city":"Umeå","postalCode":'
    '"90185","country":"SE"}],"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"sv"}]},'
    '"preferred":true}]}'
)
_CONSENT = (
    '{"resourceType":"Consent","id":"c%(n)d",' + _META + ',"status":"active","scope":{"coding":[{"system":"http://'
    'terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"coding":[{"system":'
    '"urn:fhirnotify:samtycke","code":"sms-paminnelse","display":"Påminnelse per sms"}]}],"patient":{"reference":'
    '"Patient/p%(n)d"},"dateTime":"2030-02-02T10:00:00+01:00","organization":[{"display":"Björkgården"}],"policyRule":{'
    '"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]},"provision":{"type":'
    '"permit","period":{"start":"2030-02-02"}}}'
)
_CAPABILITY = (
    b'{"resourceType":"CapabilityStatement","status":"active","date":"2031-01-01","kind":"instance",'
    b'"fhirVersion":"4.0.1","format":["json"],"rest":[{"mode":"server"}]}'
)


class FixedWorld:
    """Visits numbered from 0, each with its own patient ``p…`` and Consent ``c…``."""

    def __init__(self, appointments: int, reminded: int) -> None:
        self.appointments, self._reminded = appointments, reminded

    def triple(self, number: int) -> tuple[str, str | None, str]:
        """Give Appointment, Consent (None if there is none) and Patient of one visit as JSON."""
        return self.appointment(number), self.consent(number), self.patient(number)

    def appointment(self, number: int) -> str:
        """Render an Appointment."""
        start = NOW + _FIRST + number * _SPAN / self.appointments
        start = start.replace(microsecond=0)
        told = self._lack(number) != "code"
        system, code = ("http://snomed.info/sct", "185317003") if told else ("urn:fhirnotify:test", f"k{number % 7}")
        end = start + timedelta(minutes=30)
        written = {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        return _APPOINTMENT % ({"n": number, "system": system, "code": code} | written)

    def patient(self, number: int) -> str:
        """Render a Patient."""
        mobile = self._lack(number) != "mobile"
        return _PATIENT % {"n": number, "phone": f"070-174 06 {5 + number % 95:02}" if mobile else "090-785 00 00"}

    def consent(self, number: int) -> str | None:
        """Render a Consent, if the patient has given one."""
        return None if self._lack(number) == "consent" else _CONSENT % {"n": number}

    def _lack(self, number: int) -> str | None:
        """Name what keeps the visit from being reminded of; spread so that every page holds some of each."""
        place = number * 37 % 100
        return None if place < self._reminded else ("consent", "code", "mobile")[place % 3]


class FixedServer:
    """Answers the searches that fhirnotify makes; any other is answered 404."""

    def __init__(self, world: FixedWorld, record: Path | None) -> None:
        self._world = world
        self._record = record.open("a", encoding="utf-8") if record else None
        self.server = LoopbackServer(self._answer)

    def _answer(self, request: Request) -> Reply:
        if self._record:
            line = {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "body": request.body.decode(),
            }
            self._record.write(json.dumps(line) + "\n")
            self._record.flush()
        if request.path == "/fhir/metadata":
            return Reply(200, _CAPABILITY, _HEADERS)
        if "_getpages" in request.query:
            return self._page(int(request.query["_getpagesoffset"]), int(request.query["_count"]))
        asked = dict(parse_qsl(request.body.decode()))
        match request.path:
            case "/fhir/Appointment/_search" if "_id" in asked:
                return _found(map(self._world.appointment, _numbers(asked["_id"])))
            case "/fhir/Appointment/_search":
                return self._page(0, int(asked["_count"]))
            case "/fhir/Patient/_search" if "_id" in asked:
                return _found(map(self._world.patient, _numbers(asked["_id"])))
            case "/fhir/Consent/_search" if "patient" in asked:
                return _found(filter(None, map(self._world.consent, _numbers(asked["patient"]))))
            case "/fhir/Consent/_search":
                return Reply(400, b'{"resourceType":"OperationOutcome","issue":[]}', _HEADERS)
        return Reply(404, b"", _HEADERS)

    def _page(self, offset: int, count: int) -> Reply:
        end = min(offset + count, self._world.appointments)
        link = f"{self.server.base_url}/fhir?_getpages=x&_getpagesoffset={end}&_count={count}"
        links = f'"link":[{{"relation":"next","url":"{link}"}}],' if end < self._world.appointments else ""
        return _found(map(self._world.appointment, range(offset, end)), links, self._world.appointments)


def _numbers(listed: str) -> list[int]:
    """Give the numbers of ids such as ``p12`` or ``Patient/p12``."""
    return [int(one.rpartition("/")[2][1:]) for one in listed.split(",")]


def _found(resources: "map[str] | filter[str]", links: str = "", total: int | None = None) -> Reply:
    entries = [f'{{"resource":{resource},"search":{{"mode":"match"}}}}' for resource in resources]
    counted = len(entries) if total is None else total
    head = f'{{"resourceType":"Bundle","type":"searchset","total":{counted},{links}"entry":['
    return Reply(200, (head + ",".join(entries) + "]}").encode(), _HEADERS)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appointments", type=int, required=True)
    parser.add_argument("--reminded", type=int, required=True)
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with FixedServer(FixedWorld(given.appointments, given.reminded), given.record).server as server:
        sys.stdout.write(json.dumps({"base_url": f"{server.base_url}/fhir"}) + "\n")
        sys.stdout.flush()
        signal.sigwait(ending)


if __name__ == "__main__":
    _main()
