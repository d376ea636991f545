"""Holds one kind of resource against its shape, and against fhir.resources where that is not certain.

fhir.resources is the judge of what is valid FHIR, but costs some sixty times a JSON parse. So a lean validator of the
same shape stands before it, which recognises what is valid without doubt; a test holds the two against each other.
Where fhir.resources is more lenient than FHIR's JSON format (a number for an instant, ``"true"`` for true, a string
of JSON for an object), the format holds. JSON null and empty arrays count as absent, as fhir.resources has it.
"""

import re
from functools import lru_cache
from importlib import import_module
from typing import Any

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.translate_shapes import Faults, Object

_PACKAGES = {FhirVersion.R4: "fhir.resources.R4B", FhirVersion.R5: "fhir.resources"}
_NAME = re.compile(r"_?[A-Za-z]{1,64}")
_OURS = frozenset({"root", "resource_type"})
_MOST_PATHS = 10


class Unreadable(Exception):
    """A resource is at fault in these elements. It never leaves the translation."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        super().__init__(*paths)
        self.paths = paths


class Reader:
    """Reads resources of one type and version: cuts them to a shape, and vouches for what is left."""

    def __init__(self, resource_type: str, version: FhirVersion, shape: Object) -> None:
        self._type = resource_type
        self._version = version
        self._shape = shape
        self._lean = SchemaValidator(shape.lean_schema())

    def read(self, resource: object) -> dict[str, Any]:
        """Give the elements of the shape, all of them valid; raises ``Unreadable``."""
        certain = self.certain(resource)
        return self.judged(resource) if certain is None else certain

    def certain(self, resource: object) -> dict[str, Any] | None:
        """Give the elements of the shape if they are valid without doubt."""
        if not isinstance(resource, dict) or resource.get("resourceType") != self._type:
            return None
        try:
            kept: dict[str, Any] = self._lean.validate_python(resource)
        except ValidationError:
            return None
        kept["resourceType"] = self._type
        return kept

    def judged(self, resource: object) -> dict[str, Any]:
        """Give the elements of the shape if fhir.resources finds them valid; raises ``Unreadable``."""
        if not isinstance(resource, dict):
            raise Unreadable((self._type,))
        if resource.get("resourceType") != self._type:
            raise Unreadable((f"{self._type}.resourceType",))
        faults: Faults = []
        _, kept = self._shape.cut(resource, self._type, faults)
        if not faults:
            kept["resourceType"] = self._type
            faults = _judge(self._type, self._version, kept)
        if faults:
            raise Unreadable(tuple(dict.fromkeys(faults))[:_MOST_PATHS])
        assert isinstance(kept, dict)
        return kept


@lru_cache(maxsize=8)
def _model(resource_type: str, version: FhirVersion) -> Any:  # noqa: ANN401  (a model class of fhir.resources)
    """Import a model when the first resource needs it: it takes half a second and much memory."""
    return getattr(import_module(f"{_PACKAGES[version]}.{resource_type.lower()}"), resource_type)


def _judge(resource_type: str, version: FhirVersion, kept: dict[str, Any]) -> Faults:
    """Ask fhir.resources; gives the paths of the elements at fault."""
    try:
        _model(resource_type, version).model_validate(kept)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return [_path(resource_type, fault["loc"], unknown=fault["type"] == "extra_forbidden") for fault in faults]
    except Exception:  # noqa: BLE001  (it raises KeyError and others on some nonsense; none may stop the run)
        return [resource_type]
    return []


def _path(resource_type: str, location: tuple[int | str, ...], *, unknown: bool) -> str:
    """Write where a fault is. An unknown element's name is left out: it is data, and could be anybody's."""
    parts = location[:-1] if unknown else location
    path = resource_type
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in _OURS and _NAME.fullmatch(part):
            path += f".{part}"
    return path
