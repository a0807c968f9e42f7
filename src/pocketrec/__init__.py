"""pocketrec: recommendations that never leave the device."""

__version__ = "0.1.0"
