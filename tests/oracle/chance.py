"""Seeded choices, and moments and periods around a clock, for random worlds."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
ZONE = ZoneInfo("Europe/Stockholm")


class Chance(Random):
    """A seeded source of choices that knows the clock of its world."""

    now = datetime(2026, 11, 22, 9, tzinfo=UTC)

    def odds(self, share: float) -> bool:
        """Say yes in this share of cases."""
        return self.random() < share

    def pick(self, weights: dict[Any, float]) -> Any:
        """Choose a key by its weight."""
        return self.choices(list(weights), list(weights.values()))[0]

    def write(self, moment: datetime) -> str:
        """Write an instant with one of the offsets that servers use."""
        style = self.pick({"Z": 4, "local": 4, "odd": 1})
        if style == "Z":
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if style == "local":
            return moment.astimezone(ZONE).isoformat()
        shifted = moment.astimezone(UTC) + timedelta(hours=5, minutes=30)
        return shifted.strftime("%Y-%m-%dT%H:%M:%S+05:30")

    def day(self, moment: datetime) -> str:
        """Write a local day, and now and then its month or year alone."""
        text = moment.astimezone(ZONE).date().isoformat()
        return text[: self.pick({10: 12, 7: 1, 4: 1})]

    def before(self) -> str:
        """Write a moment that is not after now."""
        near = {timedelta(0): 1, timedelta(seconds=1): 1, timedelta(hours=30): 3}
        back = self.pick(near | {timedelta(days=days): 3 for days in (1, 2, 40, 400, 900)})
        return self.day(self.now - back) if self.odds(0.4) else self.write(self.now - back)

    def after(self) -> str:
        """Write a moment that is not before now, as the end of a period is read."""
        near = {timedelta(0): 1, timedelta(seconds=1): 1, timedelta(hours=30): 3}
        forward = self.pick(near | {timedelta(days=days): 3 for days in (1, 3, 90, 900)})
        return self.day(self.now + forward) if self.odds(0.4) else self.write(self.now + forward)

    def later(self) -> str:
        """Write a moment after now, also as the start of a period is read."""
        if self.odds(0.4):
            return (self.now + timedelta(days=self.randint(1, 9))).astimezone(ZONE).date().isoformat()
        return self.write(self.now + timedelta(seconds=self.pick({1: 2, 3600: 2, 500000: 2})))

    def earlier(self) -> str:
        """Write a moment before now, also as the end of a period is read."""
        if self.odds(0.4):
            return (self.now - timedelta(days=self.randint(1, 400))).astimezone(ZONE).date().isoformat()
        return self.write(self.now - timedelta(seconds=self.pick({1: 2, 3600: 2, 5000000: 2})))

    def period(self, *, covering: bool) -> Json:
        """Make a Period that covers now, or one that does not."""
        if covering:
            found = {"start": self.before(), "end": self.after()}
            for end in ("start", "end"):
                if self.odds(0.3):
                    del found[end]
            return found or {"start": self.before()}
        if self.odds(0.5):
            return {"end": self.earlier()} | ({"start": "2019-02-03"} if self.odds(0.6) else {})
        return {"start": self.later()} | ({"end": "2039"} if self.odds(0.6) else {})
