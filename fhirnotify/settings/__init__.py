"""The settings: ``fhirnotify.toml``, environment variables and files that hold secrets."""

from fhirnotify.settings.load import load
from fhirnotify.settings.model import Settings

__all__ = ["Settings", "load"]
