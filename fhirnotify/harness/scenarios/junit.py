"""How scenarios went, in the form that build servers read (JUnit's XML)."""

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from fhirnotify.errors import HarnessError
from fhirnotify.harness.scenarios.playing import Played, Status

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = (Status.NOT_HERE, Status.KNOWN_LIMIT)


def write(file: Path, server: str, played: Iterable[Played]) -> None:
    """Write the file.

    Raises:
        HarnessError: it cannot be written.
    """
    everything = list(played)
    suite = ET.Element(
        "testsuite",
        name=f"fhirnotify on {server}",
        tests=str(len(everything)),
        failures=str(sum(each.status is Status.FAILED for each in everything)),
        errors=str(sum(each.status is Status.REFUSED for each in everything)),
        skipped=str(sum(each.status in _SKIPPED for each in everything)),
        time=f"{sum(each.seconds for each in everything):.2f}",
    )
    for each in everything:
        case = ET.SubElement(
            suite, "testcase", classname=each.scenario.promises[0], name=each.name, time=f"{each.seconds:.2f}"
        )
        text = _NOT_IN_XML.sub("?", "\n".join(each.findings))
        if each.status is Status.FAILED:
            ET.SubElement(case, "failure", message=each.scenario.shows).text = text
        elif each.status is Status.REFUSED:
            ET.SubElement(case, "error", message=text)
        elif each.status in _SKIPPED:
            ET.SubElement(case, "skipped", message=text)
    try:
        ET.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise HarnessError(f"{file} cannot be written: {error.strerror}.", "Name another file with --junit.") from None
