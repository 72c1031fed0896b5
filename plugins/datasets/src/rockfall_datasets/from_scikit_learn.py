"""The data files that come with scikit-learn, found without importing it.

`sklearn.datasets` imports scipy.stats: half a CPU second, as long as a short training.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rockfall import RockfallError


def data_file(name: str) -> Path:
    """The file of this name, `data/digits.csv.gz`. Raises RockfallError if there is none."""
    found = find_spec("sklearn")
    for folder in (found and found.submodule_search_locations) or ():
        if (path := Path(folder) / "datasets" / name).is_file():
            return path
    raise RockfallError(f"scikit-learn lacks its {name}: install it again")
