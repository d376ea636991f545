"""The shape of the elements that the rules read, and two ways of holding a resource against it.

``cut`` walks a resource of any JSON whatever, keeps what the shape names, and tells the paths that are at fault by
FHIR's JSON format, by a closed set of codes, or by a format that we must be able to read.
``lean_schema`` makes a validator of the same shape that recognises only what is certainly valid, at a fraction of
the time; what it does not recognise is cut and put before fhir.resources.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import CoreSchema, core_schema

from fhirnotify.fhir.moments import is_date, is_date_time, is_instant
from fhirnotify.fhir.references import ID

Faults = list[str]
Keep = tuple[bool, Any]

_NOTHING: Keep = (False, None)


@dataclass(frozen=True, slots=True)
class Text:
    """A JSON string. ``certain`` is a pattern of strings that are valid without doubt; ``readable`` decides for us."""

    certain: str = r"\S"
    readable: Callable[[str], bool] | None = None

    def cut(self, value: object, path: str, faults: Faults) -> Keep:
        """Keep a string, if we can read it."""
        if isinstance(value, str) and (self.readable is None or self.readable(value)):
            return True, value
        faults.append(path)
        return _NOTHING

    def lean_schema(self) -> CoreSchema:
        """Recognise strings of the certain pattern."""
        return core_schema.str_schema(strict=True, pattern=self.certain)


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a closed set."""

    allowed: tuple[str, ...]

    def cut(self, value: object, path: str, faults: Faults) -> Keep:
        """Keep a code of the set."""
        if isinstance(value, str) and value in self.allowed:
            return True, value
        faults.append(path)
        return _NOTHING

    def lean_schema(self) -> CoreSchema:
        """Recognise the codes of the set."""
        return core_schema.literal_schema(list(self.allowed))


@dataclass(frozen=True, slots=True)
class Flag:
    """A JSON boolean; fhir.resources would take ``"true"`` and 1 too, which FHIR's JSON format does not know."""

    def cut(self, value: object, path: str, faults: Faults) -> Keep:
        """Keep true and false."""
        if isinstance(value, bool):
            return True, value
        faults.append(path)
        return _NOTHING

    def lean_schema(self) -> CoreSchema:
        """Recognise true and false."""
        return core_schema.bool_schema(strict=True)


@dataclass(frozen=True, slots=True)
class Positive:
    """A JSON number that is a positive integer."""

    def cut(self, value: object, path: str, faults: Faults) -> Keep:
        """Keep an integer; fhir.resources judges its range."""
        if isinstance(value, int) and not isinstance(value, bool):
            return True, value
        faults.append(path)
        return _NOTHING

    def lean_schema(self) -> CoreSchema:
        """Recognise what FHIR allows."""
        return core_schema.int_schema(strict=True, ge=1, le=2147483647)


@dataclass(frozen=True, slots=True)
class Whole:
    """An element that is kept as it is, for fhir.resources to judge; never certain."""

    def cut(self, value: object, path: str, faults: Faults) -> Keep:  # noqa: ARG002  (one signature for all shapes)
        """Keep it."""
        return True, value

    def lean_schema(self) -> CoreSchema:
        """Recognise nothing but its absence."""
        return core_schema.none_schema()


@dataclass(frozen=True, slots=True)
class Refused:
    """An element that must not be there: it would change the meaning of what is read (or is too deep to read)."""

    def cut(self, value: object, path: str, faults: Faults) -> Keep:
        """Name it as a fault, unless it is an empty list."""
        if value != []:
            faults.append(path)
        return _NOTHING

    def lean_schema(self) -> CoreSchema:
        """Recognise nothing but its absence."""
        return core_schema.none_schema()


@dataclass(frozen=True, slots=True)
class Present:
    """An element of which only the presence is read: a stand-in takes its place before fhir.resources."""

    stand_in: object

    def cut(self, value: object, path: str, faults: Faults) -> Keep:  # noqa: ARG002
        """Keep the stand-in, unless there is nothing."""
        return (False, None) if value in ([], {}) else (True, self.stand_in)

    def lean_schema(self) -> CoreSchema:
        """Recognise anything."""
        return core_schema.any_schema()


@dataclass(frozen=True, slots=True)
class Many:
    """A JSON array. Only arrays of primitives, and of their extensions, may hold null (``holes``).

    An extension of a primitive of which nothing is read becomes null, as fhir.resources refuses an empty one.
    """

    of: "Shape"
    holes: bool = False

    def cut(self, value: object, path: str, faults: Faults) -> Keep:
        """Keep the array, each entry cut; an entry at fault leaves its place empty."""
        if not isinstance(value, list):
            faults.append(path)
            return _NOTHING
        entries: list[Any] = []
        for index, entry in enumerate(value):
            if entry is None and self.holes:
                entries.append(None)
                continue
            _, cut = self.of.cut(entry, f"{path}[{index}]", faults)
            entries.append(None if self.holes and cut == {} else cut)
        return True, entries

    def lean_schema(self) -> CoreSchema:
        """Recognise arrays of certain entries."""
        of = self.of.lean_schema()
        return core_schema.list_schema(core_schema.nullable_schema(of) if self.holes else of, strict=True)


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object, of which the named elements are kept. JSON null is the same as absent.

    Attributes:
        required: what we cannot do without; fhir.resources requires more on its own.
        one_of: a choice element's names, of which only one may be there; ``choice`` is its name in a path.
    """

    fields: Mapping[str, "Shape"]
    required: frozenset[str] = frozenset()
    one_of: frozenset[str] = frozenset()
    choice: str = ""

    def cut(self, value: object, path: str, faults: Faults) -> Keep:
        """Keep the named elements, each cut."""
        if not isinstance(value, dict):
            faults.append(path)
            return _NOTHING
        kept = dict(self._kept(value, path, faults))
        if not self._is_single(kept):
            faults.append(f"{path}.{self.choice}")
        return True, kept

    def _kept(self, value: dict[str, Any], path: str, faults: Faults) -> Iterator[tuple[str, Any]]:
        for name, shape in self.fields.items():
            element = value.get(name)
            if element is None:
                if name in self.required:
                    faults.append(f"{path}.{name}")
                continue
            keep, cut = shape.cut(element, f"{path}.{name}", faults)
            if keep:
                yield name, cut

    def _is_single(self, kept: dict[str, Any]) -> bool:
        return len(self.one_of & kept.keys()) <= 1

    def lean_schema(self) -> CoreSchema:
        """Recognise objects with certain elements and nothing required missing; the others are dropped."""
        schema = core_schema.typed_dict_schema(
            {
                name: core_schema.typed_dict_field(shape.lean_schema(), required=name in self.required)
                for name, shape in self.fields.items()
            },
            extra_behavior="ignore",
            strict=True,
        )
        return core_schema.no_info_after_validator_function(self._only_single, schema) if self.one_of else schema

    def _only_single(self, kept: dict[str, Any]) -> dict[str, Any]:
        if not self._is_single(kept):
            raise ValueError(self.choice)
        return kept


@dataclass(frozen=True, slots=True)
class Extensions:
    """Extensions of certain urls, each with the extensions nested in it that are read. The others are not looked at.

    An extension that is not read keeps its place in the list, so that paths count right.
    """

    read: Mapping[str, "Extensions"]

    def cut(self, value: object, path: str, faults: Faults) -> Keep:
        """Keep the extensions that are read, with the kinds of value in which a code can stand."""
        if not isinstance(value, list):
            faults.append(path)
            return _NOTHING
        return True, [self._entry(entry, f"{path}[{index}]", faults) for index, entry in enumerate(value)]

    def _entry(self, entry: object, path: str, faults: Faults) -> dict[str, Any]:
        url = entry.get("url") if isinstance(entry, dict) else None
        if not isinstance(url, str) or url not in self.read:
            return {"url": "-"}
        _, kept = _extension(self.read[url]).cut(entry, path, faults)
        assert isinstance(kept, dict)
        return kept

    def lean_schema(self) -> CoreSchema:
        """Recognise extensions with certain values, whatever their url."""
        nested: dict[str, Extensions] = {}
        for inner in self.read.values():
            nested |= inner.read
        return core_schema.list_schema(_extension(Extensions(nested)).lean_schema(), strict=True)


Shape = Text | Code | Flag | Positive | Whole | Refused | Present | Many | Object | Extensions

_YEAR = r"[1-9][0-9]{3}"
_SURE_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_SURE_TIME = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"

STRING = Text()
URI = Text(certain="^[!-~]+$")
CODE = Text(certain="^[!-~]+$")
ANY_ID = Text(certain=r"^[A-Za-z0-9\-.]{1,64}$", readable=lambda text: ID.fullmatch(text) is not None)
DATE = Text(certain=rf"^{_YEAR}-{_SURE_DAY}$", readable=is_date)
DATE_TIME = Text(certain=rf"^{_YEAR}-{_SURE_DAY}(?:{_SURE_TIME})?$", readable=is_date_time)
INSTANT = Text(certain=rf"^{_YEAR}-{_SURE_DAY}{_SURE_TIME}$", readable=is_instant)
CODING = Object({"system": URI, "code": CODE})
CODINGS = Many(CODING)
CODEABLE_CONCEPT = Object({"coding": CODINGS})
PERIOD = Object({"start": DATE_TIME, "end": DATE_TIME})
REFERENCE = Object({"reference": STRING, "type": URI, "identifier": Object({"system": URI, "value": STRING})})
EXTENSION_OF_GIVEN = Object({"url": URI, "valueCode": CODE}, frozenset({"url"}))

_VALUES: Mapping[str, Shape] = {
    "valueCoding": CODING,
    "valueCodeableConcept": CODEABLE_CONCEPT,
    "valueCode": CODE,
    "valueString": STRING,
    "valueUri": URI,
    "valueId": ANY_ID,
}


def _extension(nested: Extensions) -> Object:
    fields: dict[str, Shape] = {"url": URI, **_VALUES}
    if nested.read:
        fields["extension"] = nested
    return Object(fields, frozenset({"url"}), one_of=frozenset(_VALUES), choice="value[x]")
