"""The forms in which values are written, as JSON Schema tells them to an editor: what they refuse is wrong for sure.

``values`` reads them, and is stricter: a pattern knows neither time zones nor countries nor how long an hour is.
"""

from pydantic import WithJsonSchema

_HTTP = r"[Hh][Tt][Tt][Pp][Ss]?://"


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, **({"examples": list(examples)} if examples else {})})


DURATION = _text(r"^\s*([0-9]{1,9}[dhms])+\s*$", "30s", "90m", "48h", "1h30m", "90d")
LOCAL_TIME = _text(r"^\s*([01][0-9]|2[0-3]):[0-5][0-9]\s*$", "21:00")
TIME_ZONE = _text(r"^[A-Za-z0-9_+/-]+$", "Europe/Stockholm")
CODING = _text(r"^[^\s|]+\|[^\s|]+$", "https://example.org/CodeSystem/consent|sms-reminder")
COUNTRY = _text(r"^[A-Z]{2}$", "SE")
AGES = _text(r"^\s*[0-9]{1,3}-[0-9]{1,3}\s*$", "0-12")
SENDER = _text(r"^([A-Za-z][A-Za-z0-9]{2,10}|\+[1-9][0-9]{6,14})$", "RegionVB")
TEMPLATE = _text(r"^(?=[^]*\$\{?[Kk])(?=[^]*\$\{?[Dd])(?=[^]*\$\{?[Tt])[^]{1,1000}$".replace("[^]", r"[\s\S]"))
WORD = WithJsonSchema({"type": "string", "pattern": r"\S", "maxLength": 40})
WEB_ADDRESS = _text(rf"^{_HTTP}[^\s?#@/]+(/[^\s?#]*)?$", "https://api.example.org")
FHIR_ADDRESS = _text(rf"^({_HTTP}[^\s?#@/]+(/[^\s?#]*)?|file:[\s\S]*[^/ ][\s\S]*)$", "https://fhir.example.org/r4")
TOKEN_ADDRESS = _text(rf"^{_HTTP}[!-~]+$", "https://as.example.org/token")
PRINTABLE = _text(r"^[ -~]*[!-~][ -~]*$")
SCOPE = _text(r"^[!#-\[\]-~ ]*[!#-\[\]-~][!#-\[\]-~ ]*$", "system/Appointment.rs system/Patient.rs system/Consent.rs")
LEDGER_ADDRESS = _text(r"^(sqlite:///[^?]+|postgresql://[^\s#]*)$", "sqlite:///fhirnotify.db", "postgresql://u@host/db")
LOCATION = _text(r"^(Location/)?[A-Za-z0-9.-]{1,64}$", "123")
ROSTER = _text(r"^(Group|List)/[A-Za-z0-9.-]{1,64}$", "Group/123")
TEXTFILE = WithJsonSchema({"type": "string", "pattern": r"\.prom/*$"})
