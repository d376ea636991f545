"""How scenarios went, in the form that build servers read (JUnit's XML)."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from fhirnotify.errors import HarnessError
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.playing import Played, Status

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = (Status.NOT_HERE, Status.KNOWN_LIMIT)
_THE_RUN = "fhirnotify harness run"


def write(
    file: Path, server: str, chosen: Mapping[str, Scenario], played: Iterable[Played], stopped: str | None = None
) -> None:
    """Write the file; what was chosen and not played is an error in it, and so is what stopped the run.

    Raises:
        HarnessError: it cannot be written.
    """
    everything = {each.name: each for each in played}
    cases = [_case(each) for each in everything.values()]
    cases += [_unplayed(name, scenario) for name, scenario in chosen.items() if name not in everything]
    cases += [_error(_element("testcase", classname=_THE_RUN, name=_THE_RUN), stopped)] if stopped else []
    suite = _element(
        "testsuite",
        name=f"fhirnotify on {server}",
        tests=str(len(cases)),
        failures=_number(cases, "failure"),
        errors=_number(cases, "error"),
        skipped=_number(cases, "skipped"),
        time=f"{sum(each.seconds for each in everything.values()):.2f}",
    )
    suite.extend(cases)
    try:
        ET.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise HarnessError(f"{file} cannot be written: {error.strerror}.", "Name another file with --junit.") from None


def _case(played: Played) -> ET.Element:
    case = _element("testcase", classname=played.scenario.promises[0], name=played.name, time=f"{played.seconds:.2f}")
    text = "\n".join(played.findings)
    if played.status is Status.FAILED:
        failure = _element("failure", message=played.scenario.shows)
        failure.text = _in_xml(text)
        case.append(failure)
    elif played.status is Status.REFUSED:
        return _error(case, text)
    elif played.status in _SKIPPED:
        case.append(_element("skipped", message=text))
    return case


def _unplayed(name: str, scenario: Scenario) -> ET.Element:
    case = _element("testcase", classname=scenario.promises[0], name=name)
    return _error(case, "It was not played: the run stopped before.")


def _error(case: ET.Element, message: str) -> ET.Element:
    case.append(_element("error", message=message))
    return case


def _element(tag: str, **attributes: str) -> ET.Element:
    return ET.Element(tag, {key: _in_xml(value) for key, value in attributes.items()})


def _in_xml(text: str) -> str:
    return _NOT_IN_XML.sub("?", text)


def _number(cases: Iterable[ET.Element], tag: str) -> str:
    return str(sum(case.find(tag) is not None for case in cases))
