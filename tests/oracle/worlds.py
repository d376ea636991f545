"""Random worlds: appointments with their patients and consents, the settings, and the clock."""

from datetime import UTC, datetime, timedelta

import worlds_consents
import worlds_mapping
import worlds_people
import worlds_settings
import worlds_visits
from chance import ZONE, Chance, Json
from oracle import World

BASE = "https://fhir.region.example/r4"
DAYS = ["2026-11-22", "2026-11-24", "2026-10-23", "2026-10-24", "2027-03-26", "2027-03-27", "2027-12-30", "2028-02-27"]
CLOCKS = {
    "edge": ["06:59:59", "07:00:00", "20:59:59", "21:00:00", "02:30:00", "00:00:00"],
    "night": ["23:10:00", "05:00:00"],
}
UNITS = ["Kvinnokliniken", "Linnea", "Hudmottagningen Umeå", "Doktor Berg"]


class Maker:
    """Makes one world from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = Chance(seed)
        self.version = chance.pick({"R4": 3, "R5": 2})
        self.layout = chance.pick({"files": 3, "bundle": 4, "ndjson": 2})
        chance.now = self._clock()
        self.settings = worlds_settings.make(chance)
        hours = (
            int(self.settings["reminder"].get("lead", "48h")[:-1]),
            int(self.settings["reminder"].get("latest", "4h")[:-1]),
        )
        self.lead, self.latest = (timedelta(hours=each) for each in hours)
        self.full_urls: dict[str, str] = {}
        self.resources: list[Json] = []
        self.starts = [self._start() for _ in range(chance.randint(1, 4))]

    def world(self) -> World:
        """Make the world."""
        chance = self.chance
        people = [self._person(f"p{at}") for at in range(1, chance.randint(1, 6) + 1)]
        style = chance.pick({"a{}": 3, "{:02}": 1, "B-{}": 1})
        for at in range(1, chance.pick({1: 2, 2: 3, 4: 3, 7: 2, 12: 2}) + 1):
            self._appointment(style.format(at), people)
        chance.shuffle(self.resources)
        return World(self.version, self.resources, self.settings, chance.write(chance.now), self.full_urls, self.layout)

    def _clock(self) -> datetime:
        chance = self.chance
        kind = chance.pick({"day": 12, "edge": 3, "night": 1})
        clock = (
            f"{chance.randint(8, 20):02}:{chance.choice(['00', '17', '45'])}:00"
            if kind == "day"
            else chance.choice(CLOCKS[kind])
        )
        local = datetime.fromisoformat(f"{chance.choice(DAYS)}T{clock}").replace(tzinfo=ZONE, fold=chance.randint(0, 1))
        return local.astimezone(UTC)

    def _start(self) -> datetime:
        chance, now = self.chance, self.chance.now
        span = int((self.lead - self.latest).total_seconds())
        inside = now + self.latest + timedelta(seconds=chance.randint(0, span // 900 - 1) * 900)
        near = timedelta(seconds=chance.randint(-1, 1))
        local = datetime.combine(inside.astimezone(ZONE).date(), datetime.min.time(), ZONE) + timedelta(
            hours=2, minutes=30
        )
        choices = {
            inside: 30,
            now + self.latest + near: 2,
            now + self.lead + near: 3,
            now + near: 1,
            now + self.latest / 2: 2,
        }
        return chance.pick(choices | {local.astimezone(UTC): 1, inside + timedelta(milliseconds=250): 1})

    def _add(self, resource: Json) -> None:
        self.resources.append(resource)
        if self.layout == "bundle":
            name = f"{resource['resourceType']}/{resource['id']}"
            number = worlds_people.hash_of(name)
            urn = f"urn:uuid:6a0b3c58-7d2e-4f19-9c41-{number:012}"
            self.full_urls[name] = urn if self.chance.odds(0.3) else f"{BASE}/{name}"

    def _reference(self, key: str) -> Json:
        """Refer to a Patient in one of the ways that FHIR knows."""
        chance, plain = self.chance, f"Patient/{key}"
        kind = chance.pick({"plain": 12, "version": 1, "full": 4, "logical": 1})
        if kind == "logical":
            value = f"19{worlds_people.hash_of(key):010}"
            return {"type": "Patient", "identifier": {"system": worlds_people.PERSON_NUMBERS, "value": value}}
        url = self.full_urls.get(plain, plain) if kind == "full" else plain
        if kind == "version" or (kind == "full" and not url.startswith("urn:") and chance.odds(0.3)):
            url += f"/_history/{chance.randint(1, 9)}"
        return {"reference": url, "display": "Anna Ek"} if chance.odds(0.2) else {"reference": url}

    def _person(self, key: str) -> list[str]:
        """Make a patient with its Consents; give the ids of all records of that person, the survivor first."""
        chance = self.chance
        records = [key]
        self._add(worlds_people.patient(chance, key))
        if chance.odds(0.35):
            worlds_people.spoil(chance, self.resources[-1])
        if chance.odds(0.1) and len(self.resources) > 1:
            other = chance.choice([one for one in self.resources if one["resourceType"] == "Patient"])
            self.resources[-1]["telecom"] = other["telecom"]
        if chance.odds(0.2):
            records += self._merged(key)
        for at in range(chance.pick({0: 1, 1: 18, 2: 6, 3: 3, 5: 1})):
            owner = key if chance.odds(0.8) else chance.choice(records)
            self._add(worlds_consents.consent(chance, f"c-{key}-{at}", self._reference(owner), self.version))
        return records

    def _merged(self, key: str) -> list[str]:
        """Make records that were merged into another one, by ways of different lengths."""
        chance, found = self.chance, []
        after = next(one for one in self.resources if one["resourceType"] == "Patient" and one["id"] == key)
        kind = chance.pick({"plain": 14, "loop": 1, "lost": 1})
        for at in range(chance.pick({1: 8, 2: 4, 5: 2, 6: 2})):
            old = worlds_people.patient(chance, f"{key}-old{at}")
            other = self._reference(after["id"]) | {"type": "Patient"}
            old |= {"active": False, "link": [{"other": other, "type": "replaced-by"}]}
            if chance.odds(0.05):
                worlds_people.spoil(chance, old)
            if chance.odds(0.9) or after["id"] != key:
                after.setdefault("link", []).append(
                    {"other": {"reference": f"Patient/{old['id']}"}, "type": "replaces"}
                )
            self._add(old)
            found.append(old["id"])
            after = old
        if kind != "plain":
            last = found[-1] if kind == "loop" else "nowhere"
            first = next(one for one in self.resources if one["id"] == found[0])
            first["link"] = [{"other": {"reference": f"Patient/{last}"}, "type": "replaced-by"}]
        return found

    def _appointment(self, key: str, people: list[list[str]]) -> None:
        chance = self.chance
        earlier = [one for one in self.resources if one["resourceType"] == "Appointment"]
        if earlier and chance.odds(0.08):
            twin = chance.choice(earlier)
            self._add({**twin, "id": key})
            return
        start = chance.choice(self.starts) if chance.odds(0.6) else self._start()
        made: Json = {"resourceType": "Appointment", "id": key, "status": "booked", "start": self._instant(start)}
        made["meta"] = {"versionId": str(chance.randint(1, 9))}
        made["end"] = self._instant(start + timedelta(minutes=30))
        made["participant"] = []
        for person in chance.sample(people, min(len(people), chance.pick({1: 12, 2: 2, 3: 1}))):
            self._attend(made, person)
        if chance.odds(0.5):
            self._staff(made)
        worlds_mapping.place(chance, made, self.version)
        worlds_visits.name(chance, made, self.version)
        if chance.odds(0.6):
            back = chance.pick(
                {
                    timedelta(days=30): 8,
                    timedelta(days=9): 3,
                    self.lead: 2,
                    self.lead - timedelta(seconds=1): 1,
                    timedelta(hours=3): 1,
                }
            )
            moment = start - back
            made["created"] = chance.day(moment) if chance.odds(0.4) else chance.write(moment)
        if chance.odds(0.12):
            worlds_visits.spoil(chance, made)
        if not made["participant"]:
            self._staff(made)
        chance.shuffle(made["participant"])
        self._add(made)

    def _instant(self, moment: datetime) -> str:
        if moment.microsecond:
            return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self.chance.write(moment)

    def _attend(self, made: Json, person: list[str]) -> None:
        chance = self.chance
        key = person[0] if chance.odds(0.7) else chance.choice(person)
        entry: Json = {
            "actor": self._reference(key),
            "status": chance.pick({"accepted": 20, "needs-action": 3, "tentative": 1, "declined": 1}),
        }
        if self.version == "R4" and chance.odds(0.4):
            entry["required"] = chance.pick({"required": 9, "optional": 2, "information-only": 1})
        elif self.version == "R5" and chance.odds(0.4):
            entry["required"] = chance.odds(0.7)
        where = "participant"
        if self.version == "R5" and chance.odds(0.25):
            made["subject"] = self._reference(chance.choice(person))
            where = chance.pick({"both": 3, "subject": 1})
        if where != "subject":
            made["participant"].append(entry)
        if chance.odds(0.05):
            made["participant"].append(
                {
                    **entry,
                    "actor": self._reference(chance.choice(person)),
                    "status": chance.pick({"accepted": 2, "declined": 1}),
                }
            )

    def _staff(self, made: Json) -> None:
        kind = self.chance.choice(["Location", "Practitioner", "HealthcareService", "Device"])
        actor: Json = {"reference": f"{kind}/x1"} if self.chance.odds(0.8) else {}
        actor["display"] = self.chance.choice(UNITS)
        made["participant"].append({"actor": actor, "status": "accepted"})


def make(seed: int) -> World:
    """Make the world of a seed."""
    return Maker(seed).world()
