"""What several test files share: small worlds, models and logs, and scripts that tests start."""

from pathlib import Path

SUPPORT = Path(__file__).parent
"""Where the scripts are."""
