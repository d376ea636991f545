"""Which web addresses a secret may be sent to."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def nobody_listens(address: str) -> bool:
    """Tell whether what is sent to this address cannot be read on the way: by https, or to this machine itself."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
