"""What translating and deciding costs for one appointment, against ``json.loads`` of its three resources.

    python decide_cost.py CONFIG

prints both, in microseconds: the best of several rounds over a thousand visits, all of which are to be reminded of.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fixed_fhir import NOW, FixedWorld

from fhirnotify import settings, wiring
from fhirnotify.core.answer import Remind
from fhirnotify.core.decide import Attendee, decide
from fhirnotify.core.model import ConsentStatement, FhirVersion, Person
from fhirnotify.core.rules import Rules
from fhirnotify.fhir.elements import load_elements
from fhirnotify.fhir.translate import translator_for
from fhirnotify.fhir.translator import Translator

VISITS, ROUNDS = 1000, 7

Triple = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def _best(work: Callable[[], None]) -> float:
    """Give the microseconds a visit of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times) / VISITS * 1e6


def _decide(triples: list[Triple], translator: Translator, rules: Rules) -> None:
    for appointment, consent, patient in triples:
        booking = translator.appointment(appointment)
        person = translator.patient(patient)
        statement = translator.consent(consent)
        assert isinstance(person, Person)
        assert isinstance(statement, ConsentStatement)
        attendee = Attendee(person.id, person, aliases=frozenset({person.id}), consents=(statement,))
        assert isinstance(decide(booking, attendee, NOW, rules), Remind)


def _main() -> None:
    chosen = settings.load(Path(sys.argv[1]))
    rules = wiring.rules(chosen)
    elements = load_elements(chosen.mappings.directory / wiring.ELEMENTS)
    translator = translator_for(FhirVersion.R4, "http://127.0.0.1/fhir", elements, rules.zone)
    world = FixedWorld(VISITS, 100)
    texts = [text for number in range(VISITS) for text in world.triple(number)]
    triples = [tuple(map(json.loads, world.triple(number))) for number in range(VISITS)]
    parse = _best(lambda: [json.loads(text) for text in texts])
    print(json.dumps({"parse": parse, "decide": _best(lambda: _decide(triples, translator, rules))}))  # noqa: T201


if __name__ == "__main__":
    _main()
