"""Random patients: names, numbers, merged records, and what makes a patient one not to remind."""

from collections.abc import Callable
from datetime import timedelta

from chance import ZONE, Chance, Json
from oracle_message import in_gsm

QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
GIVEN = [
    "Anna",
    "Åsa",
    "Örjan",
    "Karl-Erik",
    "Zoë",
    "Siân",
    "Michał",
    "Çağla",
    "Þór",
    "Đorđe",
    "Łucja",
    "Ġorġ",
    "Œdipa",
    "Ingeborg",
    "Bo",
    "Straße",
    "Ỹlva",
]
GIVEN += [
    "Anna Karin",
    "D\u2019Arcy",
    "Ma\u2011Lin",
    "Eva\u00a0Lena",
    "José María",
    "N\u2018Dea",
    "Lise\u2013Lott",
    "O'Neil",
]
GIVEN += [
    "Cafe\u0301",
    "A\u030asa",
    "Maximilianus Theodor Alexander",
    "  Nils ",
    "Ann{e}",
    "Ngọc",
    "Šárka",
    "Bjørn Æsa",
]
FOREIGN = ["Анна", "Ελένη", "فاطمة", "美雪", "Ирина-Maria", "דוד", "Анна\u2019Ия", "𐍃𐌰"]
REFUSED = ["Bo2", "Anna 0701740605", "bo@region.example", "www.region.example", "https://a.example/x", "Evil.com"]
REFUSED += ["Bo\nEk", "Bo\u0007", "incheck.se Bo", "\u0661\u0662", "http://x", "Bo\u2028Ek", "Bo\tEk"]
FAMILY = ["Berg", "Lind", "af Ek", "Åkerö", "Zoë", "O\u2019Brien", "Nilsson-Strand"]
PERSON_NUMBERS = "http://electronichealth.se/identifier/personnummer"
LABEL = "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel"
ODD_NUMBERS = ["saknas", "123", "070174", "090-785 00 00", "+46907850000", "08-123 456 78", "010-123 45 67"]
ODD_NUMBERS += ["+447700900123", "+44 7700 900456", "00447700900789", "077-123 45 67", "+1 212 555 0100", "112"]


def mobile(chance: Chance) -> str:
    """Write a Swedish mobile number from the test series in one of many forms."""
    last = f"{chance.randint(5, 99):02}"
    forms = ["+4670174{}{}", "070-174 {} {}", "070174{}{}", "004670174{}{}", "+46 (0)70 174 {} {}", " 070 174{}{} "]
    forms += ["+46 70-174 {} {}", "tel:+46-70-174-{}-{}", "070.174.{}.{}", "4670174{}{}", "070\u2013174\u00a0{}{}"]
    return chance.choice(forms).format("06", last)


def telecom(chance: Chance) -> list[Json]:
    """Make contact points, at least one of them a current Swedish mobile number."""
    good: Json = {"system": chance.pick({"phone": 5, "sms": 1}), "value": mobile(chance)}
    found = [good]
    if chance.odds(0.7):
        good["use"] = chance.pick({"mobile": 6, "home": 1, "work": 1, "temp": 1})
    if chance.odds(0.2):
        good["period"] = chance.period(covering=True)
    found += [_other_telecom(chance) for _ in range(chance.pick({0: 5, 1: 3, 2: 2, 4: 1}))]
    for one in found:
        if chance.odds(0.25):
            one["rank"] = chance.randint(1, 3)
    chance.shuffle(found)
    return found


def _other_telecom(chance: Chance) -> Json:
    one: Json = {"system": chance.pick({"phone": 5, "sms": 2, "email": 1, "fax": 1, "pager": 1, "other": 1})}
    one["value"] = mobile(chance) if chance.odds(0.5) else chance.choice(ODD_NUMBERS)
    if chance.odds(0.7):
        one["use"] = chance.pick({"mobile": 3, "home": 2, "work": 1, "temp": 1, "old": 3})
    if chance.odds(0.35):
        one["period"] = chance.period(covering=chance.odds(0.4))
    if chance.odds(0.05):
        del one["value"]
    return one


def names(chance: Chance) -> list[Json]:
    """Make names: at least one whose first name may be used."""
    found = [_name(chance, chance.pick({"official": 5, "usual": 2, None: 2, "temp": 1}))]
    if chance.odds(0.2):
        found[0]["period"] = chance.period(covering=True)
    for _ in range(chance.pick({0: 5, 1: 3, 2: 2})):
        uses = {"official": 2, "usual": 3, None: 1, "temp": 2, "old": 2, "maiden": 2, "nickname": 2, "anonymous": 1}
        other = _name(chance, chance.pick(uses))
        if chance.odds(0.4):
            other["period"] = chance.period(covering=chance.odds(0.5))
        if chance.odds(0.2):
            other.pop("given")
            other.pop("_given", None)
        found.insert(chance.randint(0, len(found)), other)
    return found


def _name(chance: Chance, use: str | None) -> Json:
    given = chance.sample(GIVEN, chance.pick({1: 6, 2: 3, 3: 1}))
    if chance.odds(0.06):
        given[0] = chance.choice(FOREIGN)
    name: Json = {"family": chance.choice(FAMILY), "given": given}
    if use:
        name["use"] = use
    if chance.odds(0.3):
        marked = chance.randrange(len(given))
        code = chance.pick({"CL": 8, "BR": 1})
        mark = {"extension": [{"url": QUALIFIER, "valueCode": code}]}
        name["_given"] = [mark if at == marked else None for at in range(len(given))]
    elif chance.odds(0.04):
        absent = {
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
        }
        name["given"], name["_given"] = [None, *given], [absent, *([None] * len(given))]
    return name


def patient(chance: Chance, key: str) -> Json:
    """Make a patient who may be reminded."""
    born = (chance.now - timedelta(days=chance.randint(7000, 30000))).date()
    made: Json = {"resourceType": "Patient", "id": key, "meta": {"versionId": str(chance.randint(1, 9))}}
    made |= {"name": names(chance), "telecom": telecom(chance), "birthDate": born.isoformat()}
    made["identifier"] = [{"system": PERSON_NUMBERS, "value": f"19{abs(hash_of(key)):010}"}]
    if chance.odds(0.5):
        made["active"] = True
    if chance.odds(0.2):
        made["deceasedBoolean"] = False
    if chance.odds(0.2):
        made["meta"]["security"] = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "DEMO"}]
    if chance.odds(0.3):
        made["address"] = [{"line": [chance.choice(["Storgatan 1", "Anna gård", "Postlåda", "Bo"])], "city": "Umeå"}]
    return made


def hash_of(key: str) -> int:
    """Give a number that belongs to an id alone."""
    return sum(ord(char) * 131**at for at, char in enumerate(key)) % 10**10


def spoil(chance: Chance, one: Json) -> None:
    """Give a patient something that a rule looks at, most often a reason not to remind."""
    chance.pick(_SPOILERS)(chance, one)


def _inactive(_: Chance, one: Json) -> None:
    one["active"] = False


def _deceased(chance: Chance, one: Json) -> None:
    one.pop("deceasedBoolean", None)
    one |= chance.choice([{"deceasedBoolean": True}, {"deceasedDateTime": chance.day(chance.now)}])


def _labelled(chance: Chance, one: Json) -> None:
    confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
    labels = [(LABEL, "sekretessmarkering"), (LABEL, "skyddadFolkbokforing"), (confidentiality, "R")]
    labels += [(confidentiality, "V"), (confidentiality, "N"), ("urn:other", "sekretessmarkering")]
    system, code = chance.choice(labels)
    one["meta"].setdefault("security", []).append({"system": system, "code": code})


def _placeholder(chance: Chance, one: Json) -> None:
    text = chance.choice(["Skyddad uppgift", "SKYDDAD UPPGIFT", "skyddad uppgift", "Skyddad uppgift Ek"])
    part = chance.choice(["given", "family", "text", "prefix", "suffix"])
    chance.choice(one["name"])[part] = text if part in ("family", "text") else [text]


def _unnamed(chance: Chance, one: Json) -> None:
    for name in one["name"]:
        name.pop("_given", None)
        if chance.odds(0.5):
            name.pop("given", None)
        else:
            name["use"] = chance.choice(["old", "nickname"])


def _unreachable(chance: Chance, one: Json) -> None:
    one["telecom"] = [_other_telecom(chance) for _ in range(4)]
    for contact in one["telecom"]:
        contact["value"] = chance.choice(ODD_NUMBERS)


def _one_number(chance: Chance, one: Json) -> None:
    one["telecom"] = [_other_telecom(chance)]


def _called(given: Callable[[Chance, str], str]) -> Callable[[Chance, Json], None]:
    """Make a spoiler that gives the patient a first name, by the family name."""

    def spoiler(chance: Chance, one: Json) -> None:
        main = one["name"][0]
        main["given"] = [given(chance, main["family"])]
        main.pop("_given", None)

    return spoiler


def _young(chance: Chance, one: Json) -> None:
    today = chance.now.astimezone(ZONE).date()
    year = today.year - chance.choice([5, 12, 13, 14, 17, 18])
    days = [today + timedelta(days=days) for days in (-1, 0, 1, 2, 3)]
    full = chance.choice(days).strftime(f"{year}-%m-%d").replace("02-29", "02-28")
    one["birthDate"] = chance.pick({full: 8, str(year): 1, full[:7]: 1, "2008-02-29": 1})
    if chance.odds(0.05):
        del one["birthDate"]


def _kin_in_disguise(chance: Chance, one: Json) -> None:
    """Give a first name that shows the family name only when it is written as the text writes it."""
    main = one["name"][0]
    family = chance.choice(["Zoë", "O\u2019Brien", "Ma\u2011Lin", "Michał"])
    main |= {"family": in_gsm(family), "given": [f"{chance.choice(GIVEN)} {family}"]}
    main.pop("_given", None)


def _with(*changes: Json) -> Callable[[Chance, Json], None]:
    """Make a spoiler that makes one of these changes."""

    def spoiler(chance: Chance, one: Json) -> None:
        one |= chance.choice(changes)

    return spoiler


_INVALID = _with(
    {"birthDate": "19-01-02"},
    {"active": {"no": 1}},
    {"telecom": "0701740605"},
    {"name": [{"use": "bogus"}]},
    {"telecom": [{"system": "phone", "use": "bogus", "value": "0701740605"}]},
    {"deceasedDateTime": "dead"},
    {"telecom": [{"system": "carrier-pigeon"}]},
    {"telecom": [{"rank": 0}]},
    {"name": "Anna"},
    {"name": [{"family": "Ek", "period": {"start": "yesterday"}}]},
    {"deceasedBoolean": True, "deceasedDateTime": "2020"},
    {"link": [{"other": {"reference": "Patient/none"}, "type": "bogus"}]},
)
_UNNEEDED = _with(
    {"gender": 7},
    {"maritalStatus": "x"},
    {"photo": "x"},
    {"contact": 5},
    {"shoeSize": 43},
    {"generalPractitioner": "x"},
    {"multipleBirthInteger": "x"},
    {"communication": [{}]},
    {"text": {"status": 1}},
)
_HARMLESS = _with(
    {"gender": "female"},
    {"language": "sv"},
    {"extension": [{"url": "https://a.example", "valueCode": "x"}]},
    {"link": [{"other": {"reference": "Patient/none"}, "type": "seealso"}]},
)
_MODIFIER = _with(
    {"modifierExtension": [{"url": "https://region.example/modifier", "valueBoolean": True}]},
    {"implicitRules": "https://region.example/rules"},
)
_SPOILERS: dict[Callable[[Chance, Json], None], float] = {
    _inactive: 4,
    _deceased: 4,
    _labelled: 4,
    _placeholder: 4,
    _young: 7,
    _unnamed: 4,
    _unreachable: 4,
    _one_number: 3,
    _called(lambda chance, _: chance.choice(REFUSED)): 4,
    _called(lambda chance, family: f"{chance.choice(GIVEN)} {family.upper()}"): 4,
    _called(lambda _, family: family): 2,
    _kin_in_disguise: 1,
    _called(lambda *_: " "): 1,
    _INVALID: 6,
    _UNNEEDED: 4,
    _HARMLESS: 3,
    _MODIFIER: 2,
}
