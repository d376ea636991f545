"""``[report]``: the report for people."""

from typing import Literal

from pydantic import Field

from fhirnotify.settings.section import Section


class Report(Section):
    """``[report]``: how the page of ``fhirnotify report`` is written."""

    language: Literal["sv", "en"] = Field("sv", description="The language of the page: sv or en.")
