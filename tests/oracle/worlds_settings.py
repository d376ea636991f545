"""Random settings: what the rules may be told to do otherwise."""

import worlds_consents
from chance import Chance, Json

TEMPLATE = "Hej $fornamn! $kontakttyp $datum klockan $tid."
AGES = [["0-12", "13-17"], ["0-12"], ["13-15", "18-18"], ["0-17", "65-120"]]
QUIET = [{"quiet_from": "22:30", "quiet_until": "06:15"}, {"quiet_from": "12:00", "quiet_until": "13:00"}]


def make(chance: Chance) -> Json:
    """Make the tables of ``fhirnotify.toml`` that the rules read."""
    consent: Json = {"codes": worlds_consents.CODES[: chance.pick({2: 9, 1: 1})]}
    if chance.odds(0.45):
        consent["combine"] = chance.pick({"newest-wins": 4, "deny-overrides": 1})
    settings = {"reminder": _reminder(chance), "consent": consent, "recipient": _recipient(chance)}
    if chance.odds(0.15):
        settings["message"] = {"template": TEMPLATE}
        if chance.odds(0.3):
            settings["message"]["words"] = {"mottagning": "besök på plats", "telefon": "telefonsamtal"}
    return settings


def _reminder(chance: Chance) -> Json:
    made: Json = {}
    if chance.odds(0.3):
        made["lead"] = chance.choice(["24h", "36h", "72h"])
    if chance.odds(0.3):
        made["latest"] = chance.choice(["2h", "6h", "12h"])
    if chance.odds(0.4):
        made["late_booking"] = chance.pick({"skip": 3, "send": 1})
    if chance.odds(0.15):
        made |= chance.choice(QUIET)
    if chance.odds(0.05):
        made["time_zone"] = chance.choice(["Europe/Helsinki", "UTC"])
    return made


def _recipient(chance: Chance) -> Json:
    made: Json = {}
    if chance.odds(0.3):
        made["skip_ages"] = chance.choice(AGES)
    if chance.odds(0.4):
        made["shared_number"] = chance.pick({"skip": 3, "allow": 1})
    if chance.odds(0.3):
        made["countries"] = chance.pick({"SE GB": 5, "GB": 1, "SE": 1, "GB SE": 1}).split()
    return made
