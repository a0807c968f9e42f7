"""Write the golden files: what Python answers, and JavaScript must answer too.

    python tests/golden/write.py

Run it when the meaning of something changes, and look at the difference before committing it.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script

from support.golden_answers import FILES, text

FOLDER = Path(__file__).parent


def main() -> None:
    """Write all files."""
    for name, make in FILES.items():
        (FOLDER / name).write_text(text(make()), encoding="utf-8")
        print(f"{FOLDER / name} written")  # noqa: T201


if __name__ == "__main__":
    main()
