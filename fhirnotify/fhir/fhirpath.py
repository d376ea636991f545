"""One FHIRPath expression into an Appointment, checked before anything is read, evaluated by fhirpathpy.

fhirpathpy needs watching in three places. Its parser stops at the first thing it does not understand and accepts
what stood before, so the grammar's whole expression is asked for here. ``extension('url')`` gives only the first of
several extensions, where FHIRPath says all: it is written out as ``extension.where(url = 'url')``, which is its
definition (hl7.org/fhir/fhirpath.html#functions). And without the model of a FHIR version no choice type is found.
"""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from fhirnotify.core.model import FhirVersion

_MODELS = {FhirVersion.R4: "r4", FhirVersion.R5: "r5"}
_LITERAL_OR_COMMENT = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/)""", re.DOTALL)
_EXTENSION_CALL = re.compile(r"\bextension\s*\(")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_ELEMENTS = frozenset(
    {
        "id",
        "meta",
        "implicitRules",
        "language",
        "text",
        "contained",
        "extension",
        "modifierExtension",
        "identifier",
        "status",
        "cancelationReason",
        "cancellationReason",
        "class",
        "serviceCategory",
        "serviceType",
        "specialty",
        "appointmentType",
        "reasonCode",
        "reasonReference",
        "reason",
        "priority",
        "description",
        "replaces",
        "virtualService",
        "supportingInformation",
        "previousAppointment",
        "originatingAppointment",
        "start",
        "end",
        "minutesDuration",
        "slot",
        "account",
        "created",
        "cancellationDate",
        "comment",
        "note",
        "patientInstruction",
        "basedOn",
        "subject",
        "participant",
        "requestedPeriod",
        "recurrenceId",
        "occurrenceChanged",
        "recurrenceTemplate",
    }
)
"""The elements of Appointment in R4 and R5 (hl7.org/fhir/R4/appointment.html, hl7.org/fhir/R5/appointment.html)."""

_CONCEPT: Mapping[str, Any] = {
    "coding": [{"system": "urn:sample", "code": "sample", "display": "Sample"}],
    "text": "Sample",
}
_REFERENCE = {"reference": "Location/sample", "display": "Sample"}
_EXTENSION = {"url": "urn:sample", "valueCoding": _CONCEPT["coding"][0]}
_SAMPLE: Mapping[str, Any] = {
    "resourceType": "Appointment",
    "id": "sample",
    "meta": {"versionId": "1", "tag": _CONCEPT["coding"]},
    "extension": [_EXTENSION, {"url": "urn:nested", "extension": [_EXTENSION]}],
    "identifier": [{"system": "urn:sample", "value": "sample"}],
    "status": "booked",
    "appointmentType": _CONCEPT,
    "serviceCategory": [_CONCEPT, _CONCEPT],
    "specialty": [_CONCEPT],
    "start": "2026-11-24T09:00:00Z",
    "participant": [{"actor": _REFERENCE, "type": [_CONCEPT], "status": "accepted"}] * 2,
}
_SAMPLES: Mapping[FhirVersion, Mapping[str, Any]] = {
    FhirVersion.R4: {**_SAMPLE, "serviceType": [_CONCEPT], "reasonCode": [_CONCEPT]},
    FhirVersion.R5: {
        **_SAMPLE,
        "class": [_CONCEPT],
        "serviceType": [{"concept": _CONCEPT}],
        "reason": [{"concept": _CONCEPT}],
        "virtualService": [{"channelType": _CONCEPT["coding"][0]}],
    },
}


class Expression:
    """A FHIRPath expression that has been parsed and tried.

    Attributes:
        names: the elements at the top of the Appointment that it looks into.

    Raises:
        ValueError: it cannot be parsed, looks into no element of an Appointment, or fails on a sample of one.
    """

    def __init__(self, text: str) -> None:
        _check_grammar(text)
        self.names = _names(text)
        if not self.names:
            raise ValueError(f"{text} looks into no element of an Appointment")
        self._compiled = {version: _compile(text, version) for version in FhirVersion}
        for version, sample in _SAMPLES.items():
            try:
                self.evaluate(sample, version)
            except Exception as error:  # noqa: BLE001  (fhirpathpy raises bare Exceptions; the sample is no patient's)
                cause = str(error).partition("[<")[0]
                raise ValueError(f"{text} cannot be evaluated: {cause}") from None

    def evaluate(self, appointment: Mapping[str, Any], version: FhirVersion) -> list[Any]:
        """Give what stands there; raises whatever fhirpathpy raises, also where it only tells of an error."""
        found = self._compiled[version](dict(appointment), {"resource": appointment})
        for value in found:
            if isinstance(value, dict) and value.get("$status") == "error":
                raise ValueError(value.get("$error"))
        return list(found)


def _check_grammar(text: str) -> None:
    grammar: Any = import_module("fhirpathpy.parser")  # slow to import, and most elements are plain
    lexer = grammar.FHIRPathLexer(grammar.InputStream(text))
    lexer.removeErrorListeners()
    parser = grammar.FHIRPathParser(grammar.CommonTokenStream(lexer))
    parser.removeErrorListeners()
    parser.entireExpression()
    if parser.getNumberOfSyntaxErrors():
        raise ValueError(f"{text} is no FHIRPath expression")


def _compile(text: str, version: FhirVersion) -> Callable[[dict[str, Any], dict[str, Any]], list[Any]]:
    fhirpathpy: Any = import_module("fhirpathpy")
    model = import_module("fhirpathpy.models").models[_MODELS[version]]
    compiled: Callable[[dict[str, Any], dict[str, Any]], list[Any]] = fhirpathpy.compile(_spelt_out(text), model)
    return compiled


def _spelt_out(text: str) -> str:
    parts = _LITERAL_OR_COMMENT.split(text)
    parts[::2] = [_EXTENSION_CALL.sub("extension.where(url = ", part) for part in parts[::2]]
    return "".join(parts)


def _names(text: str) -> tuple[str, ...]:
    """Find every element that is named. One too many costs time, one too few would hide a code."""
    bare = "''".join(_LITERAL_OR_COMMENT.split(_spelt_out(text))[::2])
    return tuple(dict.fromkeys(name for name in _IDENTIFIER.findall(bare) if name in _ELEMENTS))
