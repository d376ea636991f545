"""Where the files stand that travel with the package: ``mappings/`` and ``fixtures/``."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def directory(name: str) -> Path:
    """Find a directory that travels with the package: inside an installed wheel, or beside a checkout's package."""
    bundled = _PACKAGE / "bundled" / name
    return bundled if bundled.is_dir() else _PACKAGE.parent / name
