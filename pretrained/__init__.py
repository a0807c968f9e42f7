"""Bundles that come with pocketrec; `pocketrec list` shows them."""
