"""Writes a file whole or not at all."""

import os
import tempfile
from pathlib import Path

from fhirnotify.errors import SettingsError


def write(file: Path, text: str) -> None:
    """Write a file in UTF-8; until it is whole, what stood there before stands there still.

    Raises:
        SettingsError: it cannot be written; nothing has changed.
    """
    partial: str | None = None
    try:
        if file.is_dir():
            raise IsADirectoryError(21, "it is a directory")
        descriptor, partial = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(partial).chmod(0o640)
        Path(partial).replace(file)
    except (OSError, ValueError) as error:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)
        why = getattr(error, "strerror", None) or "it is no path"
        raise SettingsError(
            f"{file} cannot be written: {why}.", "Name a file in a directory that is writable."
        ) from None
