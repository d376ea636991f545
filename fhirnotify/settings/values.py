"""The values that settings are written in, each read strictly: what is not understood is refused, never guessed.

Every reader takes what stands in TOML or in an environment variable and raises ``ValueError`` with a sentence
that says which form is expected. None of the sentences holds a secret: only non-secret keys are read here.
"""

import difflib
import json
import re
from collections.abc import Callable
from datetime import time, timedelta
from functools import cache
from string import Template
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from fhirnotify.addresses import nobody_listens
from fhirnotify.core.model import Coding

FIELDS = ("fornamn", "kontakttyp", "datum", "tid")
"""The fields of the template."""

NEEDED_FIELDS = ("kontakttyp", "datum", "tid")
"""The fields a template must hold: without them a patient cannot know where to be, and when."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(?:\d{1,9}[dhms])+")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_AGES = re.compile(r"(\d{1,3})-(\d{1,3})")
_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9]{2,10}|\+[1-9]\d{6,14}")
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E ]+")
# One "@" at the most, and nothing in host and port that could be part of a password which was not written as %XX.
_POSTGRES = re.compile(
    r"postgresql://(?:[^@/?#\s]*@)?(?:[^@/?#\s:\[\]]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?"
    r"(?:,(?:[^@/?#\s:\[\],]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?)*(?:/[^@/?#\s]*)?(?:\?[^@#\s]*)?"
)
_OLDEST = 150
_DAY, _DAYS_FROM = 86400, 3
_LONGEST_TEMPLATE = 1000
_LONGEST_WORD = 40


def duration(least: timedelta, most: timedelta) -> Callable[[object], timedelta]:
    """Make a reader of durations such as ``48h``, ``90d`` or ``1h30m`` from ``least`` to ``most``."""

    def read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
            raise ValueError('is not a duration: write a text such as "30s", "90m", "48h", "1h30m" or "90d"')
        parts = re.findall(r"(\d+)([dhms])", value)
        total = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in parts), timedelta())
        if not least <= total <= most:
            raise ValueError(f"must be from {written(least)} to {written(most)}")
        return total

    return read


def written(span: timedelta) -> str:
    """Write a duration as it stands in the settings, in the largest unit that holds it exactly; days from three on."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", _DAY), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0 and (unit != "d" or seconds >= _DAYS_FROM * _DAY):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def local_time(value: object) -> time:
    """Read a local time of day, ``21:00``."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and (found := _TIME.fullmatch(value.strip())):
        return time(int(found[1]), int(found[2]))
    raise ValueError('is not a time of day: write a text such as "21:00"')


def time_zone(value: object) -> ZoneInfo:
    """Read an IANA time zone, ``Europe/Stockholm``."""
    if isinstance(value, ZoneInfo):
        return value
    if isinstance(value, str) and value in _zones():
        return ZoneInfo(value)
    near = difflib.get_close_matches(str(value), _zones(), n=1)
    raise ValueError(
        f'is not a time zone that is known here: write an IANA name such as "{[*near, "Europe/Stockholm"][0]}"'
    )


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def number(value: object) -> object:
    """Refuse ``true`` where a number is meant; pydantic would read it as 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  # pydantic turns a ValueError alone into a finding
    return value


def listed(value: object) -> object:
    """Let a list stand in an environment variable: as JSON, or with commas between the items."""
    if not isinstance(value, str):
        return value
    if not value.strip().startswith("["):
        return [item.strip() for item in value.split(",") if item.strip()]
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("is not a list: write it as JSON, or with commas between the items") from None


def coding(value: object) -> Coding:
    """Read ``system|code``."""
    if isinstance(value, Coding):
        return value
    if isinstance(value, str) and value.count("|") == 1 and not re.search(r"\s", value):
        system, code = value.split("|")
        if system and code:
            return Coding(system, code)
    raise ValueError('is not a code with its system: write "system|code"')


def country(value: object) -> str:
    """Read an ISO 3166 code of a country whose numbering plan is known."""
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415  # 40 ms that --help need not wait for

    if isinstance(value, str) and value in SUPPORTED_REGIONS:
        return value
    raise ValueError('is not a country whose numbers are known: write its two capital letters, such as "SE"')


def ages(value: object) -> tuple[int, int]:
    """Read a range of whole years, ``0-12``, both ends included."""
    if isinstance(value, str) and (found := _AGES.fullmatch(value.strip())):
        first, last = int(found[1]), int(found[2])
        if first <= last <= _OLDEST:
            return first, last
    raise ValueError('is not a range of ages: write whole years, the lower one first, such as "0-12"')


def sender(value: object) -> str:
    """Read what the message is shown to come from: 3 to 11 letters and digits, a letter first, or an E.164 number."""
    if isinstance(value, str) and _SENDER.fullmatch(value):
        return value
    raise ValueError(
        "is not a sender: write 3 to 11 of the letters A-Z, a-z and digits, a letter first, "
        'or a number such as "+46701740605"'
    )


def template(value: object) -> Template:
    """Read the text of the reminder; it names ``$kontakttyp``, ``$datum`` and ``$tid``, and may name ``$fornamn``."""
    if isinstance(value, Template):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError("is not a text")
    if len(value) > _LONGEST_TEMPLATE or any(not sign.isprintable() and sign != "\n" for sign in value):
        raise ValueError(f"holds a control character, or more than {_LONGEST_TEMPLATE} characters")
    made = Template(value)
    if not made.is_valid():
        raise ValueError("holds a $ that begins no field; write $$ for a dollar sign")
    named = made.get_identifiers()
    if strange := [name for name in named if name not in FIELDS]:
        raise ValueError(f"names ${', $'.join(strange)}: the fields are ${', $'.join(FIELDS)}")
    if missing := [name for name in NEEDED_FIELDS if name not in named]:
        raise ValueError(f"does not name ${', $'.join(missing)}: a reminder must say what kind of visit it is and when")
    return made


def word(value: object) -> str:
    """Read the word for a kind of visit."""
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _LONGEST_WORD:
        return value.strip()
    raise ValueError(f"is not a word of at most {_LONGEST_WORD} characters")


def web_address(value: object) -> str:
    """Read an http(s) URL without credentials, query and fragment; give it without a trailing slash."""
    return _web_address(value, "an http or https URL")


def fhir_address(value: object) -> str:
    """Read the FHIR endpoint: an http(s) URL, or ``file:DIRECTORY``."""
    if isinstance(value, str) and value.startswith("file:"):
        name = value.removeprefix("file:")
        if not name.strip("/ ") or (name.startswith("//") and not name.startswith("///")):
            raise ValueError("names no directory here: write file:DIRECTORY")
        return value
    return _web_address(value, "an http or https URL, or file:DIRECTORY")


def token_address(value: object) -> str:
    """Read the address of a token endpoint, to which secrets go: https, or http to this machine itself.

    It stays as it is written, since the endpoint compares it, and it may have a query (RFC 6749 §3.2).
    """
    _web_address(re.split(r"[?#]", value)[0] if isinstance(value, str) else value, "an https URL")
    address = str(value)
    if not nobody_listens(address):
        raise ValueError("must begin with https: anybody on the way could read the credentials")
    if "#" in address or not address.isascii() or not address.isprintable() or " " in address:
        raise ValueError("is not an https URL without #")
    return address


def printable(value: object) -> str:
    """Read an id that OAuth 2 knows (RFC 6749 appendix A): ASCII that can be printed."""
    if isinstance(value, str) and value.strip() and value.isascii() and value.isprintable():
        return value
    raise ValueError("is not a text of printable ASCII")


def scope(value: object) -> str:
    """Read scopes with blanks between them (RFC 6749 §3.3)."""
    if isinstance(value, str) and value.strip() and _SCOPE.fullmatch(value):
        return " ".join(value.split())
    raise ValueError('is not a list of scopes with blanks between, such as "system/Appointment.rs system/Patient.rs"')


def _web_address(value: object, expected: str) -> str:
    # No sentence repeats the value: a URL is where people put passwords.
    if not isinstance(value, str) or re.search(r"\s", value):
        raise ValueError(f"is not {expected}")
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"is not {expected}")
    if "@" in parts.netloc:
        raise ValueError("holds credentials: they belong in settings of their own, never in a URL")
    if "?" in value or "#" in value:
        raise ValueError("must end with the path: no ? and no #")
    return value.rstrip("/")


def ledger_address(value: object) -> str:
    """Read the ledger's URL: ``sqlite:///FILE``, or ``postgresql://…`` as libpq reads it. It may hold a password."""
    if isinstance(value, str) and value.startswith(("postgresql:", "postgresql+", "postgres:")):
        if not _POSTGRES.fullmatch(value):
            raise ValueError(
                'is not a ledger: write "postgresql://USER@HOST:5432/DATABASE", and what is not a letter or a digit in '
                "user and password as %XX"
            )
        return value
    path = value.removeprefix("sqlite:///") if isinstance(value, str) and value.startswith("sqlite:///") else ""
    if not path or "?" in path or ":memory:" in path:
        raise ValueError('is not a ledger: write "sqlite:///FILE", which must outlive the run, or "postgresql://…"')
    return str(value)
