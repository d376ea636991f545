"""A JSON Schema of ``fhirnotify.toml``, for editors: what each key means, and what can be seen of a mistake in it.

What it refuses the program refuses, too, with one exception: the program also reads numbers, truth values and lists
that are written as texts, as an environment variable must write them. The other way round it cannot say everything:
a key that the environment gives is missing in the file; how long a duration is, time zones, countries, the order of
ages, what a template names besides its fields, hosts and ports, files that are not there, values that do not go
together. ``fhirnotify check`` finds those.

It is of draft 7, which all editors know, and holds no references.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from fhirnotify.settings.access import MAY_HAVE, NEEDS, Auth, Tls
from fhirnotify.settings.appointments import SOURCES, Enumeration
from fhirnotify.settings.keys import fields, is_secret
from fhirnotify.settings.model import Settings
from fhirnotify.settings.shown import plain
from fhirnotify.settings.sms import PROVIDERS, Sms

Schema = dict[str, Any]


def schema() -> Schema:
    """Give the schema."""
    said = "Settings of fhirnotify, which reminds patients of their care visits by SMS."
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "fhirnotify.toml"}
    return head | _section(Settings) | {"description": said}


class _Written(GenerateJsonSchema):
    """Tells of values as TOML writes them: without null, and with defaults in the form that is read."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner, default = self.generate_inner(schema["schema"]), schema.get("default")
        return (
            inner if default in (None, ()) or isinstance(default, BaseModel) else {**inner, "default": plain(default)}
        )

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002  # pydantic's own
        return False


def _section(model: type[BaseModel]) -> Schema:
    told = model.model_json_schema(by_alias=True, schema_generator=_Written)
    secrets = [key for key in fields(model) if is_secret(model, key)]
    properties: Schema = {}
    for key, section in fields(model).items():
        properties[key] = _section(section) if section else _counted(told["properties"][key])
        if key in secrets:
            said = f"File that holds it: {properties[key]['description']}"
            properties[f"{key}_file"] = {"type": "string", "minLength": 1, "description": said}
    required = told.get("required", [])
    rules = [*_rules(model), *(_one_of(key) for key in secrets if key in required), *map(_not_both, secrets)]
    return {
        "type": "object",
        "description": " ".join((model.__doc__ or "").replace("``", "`").split()),
        "additionalProperties": False,
        "properties": properties,
        "required": [key for key in required if key not in secrets],
    } | ({"allOf": rules} if rules else {})


def _counted(leaf: Schema) -> Schema:
    """Say of a list how many there must be: pydantic counts its signs where the items have forms of their own."""
    if leaf.get("type") == "array" and "minLength" in leaf:
        leaf["minItems"] = leaf.pop("minLength")
    return leaf


def _rules(model: type[BaseModel]) -> list[Schema]:
    if issubclass(model, Auth):
        return [_auth(kind) for kind in NEEDS]
    if issubclass(model, Enumeration):
        return [_strategy(name) for name in SOURCES]
    if issubclass(model, Sms):
        return [_provider(name) for name in PROVIDERS if name != "outbox"] + [_failover()]
    return [_when({"required": ["client_key"]}, {"required": ["client_cert"]})] if issubclass(model, Tls) else []


def _auth(kind: str) -> Schema:
    needs = NEEDS[kind]
    useless = set(fields(Auth)) - {"kind", *needs, *MAY_HAVE.get(kind, ())}
    forbidden = {name: False for key in sorted(useless) for name in _ways(Auth, key)}
    wanted = [_one_of(key) if is_secret(Auth, key) else {"required": [key]} for key in needs]
    then = {"properties": forbidden} | ({"allOf": wanted} if wanted else {})
    return _when(_is("kind", kind, default="none"), then)


def _strategy(name: str) -> Schema:
    chosen = next(keys for strategy, keys in SOURCES.items() if strategy == name)
    others = [key for keys in SOURCES.values() for key in keys if keys != chosen]
    then: Schema = {"properties": dict.fromkeys(others, False)}
    if chosen:
        then["oneOf"] = [{"required": [key]} for key in chosen]
    return _when(_is("appointments", name, default="by-date"), then)


def _provider(name: str) -> Schema:
    named = {"anyOf": [{"const": name}, {"type": "array", "contains": {"const": name}}]}
    return _when({"properties": {"provider": named}, "required": ["provider"]}, {"required": [name]})


def _failover() -> Schema:
    several = {"properties": {"provider": {"type": "array", "minItems": 2}}, "required": ["provider"]}
    return _when(_is("failover_on_account_fault", value=True), several)


def _when(this: Schema, then: Schema) -> Schema:
    return {"if": this, "then": then}


def _is(key: str, value: object, default: object = None) -> Schema:
    said: Schema = {"properties": {key: {"const": value}}}
    return said if value == default else {**said, "required": [key]}


def _ways(model: type[BaseModel], key: str) -> list[str]:
    return [key, f"{key}_file"] if is_secret(model, key) else [key]


def _one_of(secret: str) -> Schema:
    return {"anyOf": [{"required": [secret]}, {"required": [f"{secret}_file"]}]}


def _not_both(secret: str) -> Schema:
    return {"not": {"required": [secret, f"{secret}_file"]}}
