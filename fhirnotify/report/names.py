"""What units are called, from a file of the region's own: lines of reference and name, with a comma or semicolon."""

import csv
from pathlib import Path

from fhirnotify.errors import SettingsError


def names_in_file(path: Path) -> dict[str, str]:
    """Read ``Location/101;Ögonmottagningen``, one a line.

    Raises:
        SettingsError: it cannot be read, or a line is not of that form; the message names file and line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}.", "Let --names be fhir, none or a file."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8.", "Save it as UTF-8.") from None
    names: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=";" if ";" in line else ","))]
        if len(cells) != 2 or not all(cells):  # noqa: PLR2004  # a reference and a name
            raise SettingsError(
                f"{path}, line {number}: is not a reference and a name.", "Write it as Location/101;Ögonmottagningen."
            )
        names[cells[0]] = cells[1]
    return names
