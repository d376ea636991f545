"""Every provider that speaks HTTP, by its name in the settings; each is imported when it is chosen."""

from collections.abc import Mapping
from datetime import timedelta

from fhirnotify.sms.gateway import Gateway


def adapter(provider: str, account: Mapping[str, str], *, timeout: timedelta, connections: int = 8) -> Gateway:
    """Make a provider's adapter; ``account`` holds the keys of its section of the settings. Nothing is connected yet.

    Raises:
        SettingsError: it cannot work with these settings.
        KeyError: there is no such provider.
    """
    match provider:
        case "46elks":
            from fhirnotify.sms.elks46 import Elks46  # noqa: PLC0415

            return Elks46(**account, timeout=timeout, connections=connections)
        case "sinch":
            from fhirnotify.sms.sinch import Sinch  # noqa: PLC0415

            return Sinch(**account, timeout=timeout, connections=connections)
        case "infobip":
            from fhirnotify.sms.infobip import Infobip  # noqa: PLC0415

            return Infobip(**account, timeout=timeout, connections=connections)
        case "twilio":
            from fhirnotify.sms.twilio import Twilio  # noqa: PLC0415

            return Twilio(**account, timeout=timeout, connections=connections)
        case "link":
            from fhirnotify.sms.link import Link  # noqa: PLC0415

            return Link(**account, timeout=timeout, connections=connections)
        case "kannel":
            from fhirnotify.sms.kannel import Kannel  # noqa: PLC0415

            return Kannel(**account, timeout=timeout, connections=connections)
    raise KeyError(provider)
