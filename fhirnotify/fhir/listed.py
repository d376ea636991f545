"""The Locations or Patients by which Appointments are asked for, where a server cannot be asked by date alone."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from fhirnotify.errors import FhirError, IncompleteRead, SettingsError
from fhirnotify.fhir.references import ID

Kind = Literal["Location", "Patient"]

_COMMENT = re.compile(r"(?:^|\s)#.*")


@dataclass(frozen=True, slots=True)
class Listed:
    """Ids of Locations or of Patients that the settings give, or name a file of.

    In a file there is one id a line, ``123`` or ``Location/123``; what follows a ``#`` is a comment. It is read as it
    is needed and never held in memory: it may list every patient of a region.

    Attributes:
        key: the setting, for messages.
        ids: as the settings give them, if there is no file.
    """

    kind: Kind
    key: str
    ids: tuple[str, ...] = ()
    file: Path | None = None

    def check(self) -> None:
        """Go through it once.

        Raises:
            SettingsError: it names nobody, a line is no id, or the file cannot be read.
        """
        if not sum(1 for _ in self.read()):
            raise SettingsError(
                f"{self.key} lists no {self.kind}: nobody would ever be reminded.",
                f"Write the ids of the {self.kind}s there, one a line.",
            )

    def read(self) -> Iterator[str]:
        """Give the ids, in their order; one that is listed twice comes twice.

        Raises:
            SettingsError: a line is no id, or the file cannot be read.
            IncompleteRead: the file was changed while it was being read.
        """
        if self.file is None:
            yield from self.ids
            return
        try:
            with self.file.open(encoding="utf-8-sig") as lines:
                before = os.fstat(lines.fileno())
                for number, line in enumerate(lines, start=1):
                    if text := _COMMENT.sub("", line).strip():
                        yield self._id(text, number)
                after = os.fstat(lines.fileno())
        except OSError as error:
            raise SettingsError(f"{self.key} cannot be read: {error.strerror}.", f"See {self.file}.") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{self.key} is not UTF-8.", f"Save {self.file} as UTF-8.") from None
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise IncompleteRead(
                f"The file of {self.key} was changed while it was being read.",
                "Write a new file beside it, and move that into its place when it is whole.",
            )

    def _id(self, text: str, number: int) -> str:
        found = text.removeprefix(f"{self.kind}/")
        if ID.fullmatch(found):
            return found
        raise SettingsError(
            f"{self.key}: line {number} of {self.file} is not the id of a {self.kind}.",
            f"Write 123 or {self.kind}/123: letters, digits, - and . alone, 64 at the most.",
        )


@dataclass(frozen=True, slots=True)
class Roster:
    """A Group or List on the server whose members are Patients. ``key`` is the setting, for messages."""

    kind: ClassVar[Kind] = "Patient"
    key: str
    resource_type: Literal["Group", "List"]
    id: str

    def check(self) -> None:
        """Nothing of it is here to be checked: it is read at each pass."""


By = Listed | Roster
"""By what Appointments are asked for: the Locations, or the Patients, that are listed; a roster lists Patients."""


def nobody_known(by: By) -> FhirError:
    """Make the error that nothing was found, and that whoever is listed is not known there either."""
    return FhirError(
        f"None of the {by.kind}s of {by.key} is known there, nor any Appointment of theirs: nobody would be reminded.",
        f"Write their logical ids there, those that stand in {by.kind}.id; a personal identity number is none.",
    )
