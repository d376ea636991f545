"""The promises that fhirnotify makes, by the names by which scenarios and faults say which one they test."""

from typing import Literal

Promise = Literal[
    "at-most-one",
    "none-forgotten",
    "consent-or-silence",
    "nothing-sensitive-leaves",
    "the-right-kind-of-visit",
    "fresh-facts",
    "explained",
    "a-loud-failure",
]
