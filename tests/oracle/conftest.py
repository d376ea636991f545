"""Puts the modules of the oracle on the path, for its tests and for ``python compare.py`` alike."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
