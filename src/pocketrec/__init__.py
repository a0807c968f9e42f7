"""pocketrec: recommendations that never leave the device.

>>> import pocketrec as pr  # doctest: +SKIP
>>> config = pr.Config.load("shop.toml")  # doctest: +SKIP
>>> data = pr.prepare(config, out="data/shop")  # doctest: +SKIP
>>> run = pr.train(config, data, out="runs/shop")  # doctest: +SKIP
>>> bundle = pr.export(run, out="bundles/shop")  # doctest: +SKIP
>>> pr.evaluate(bundle, data)  # doctest: +SKIP
>>> pr.Recommender(bundle).recommend(["sku-1"], k=3)  # doctest: +SKIP

Names are imported when they are first used, so that `import pocketrec` is light, and an app that
only recommends needs no training packages.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import PocketrecError, needs_extra

if TYPE_CHECKING:
    from .bundle.folder import Bundle, open_bundle
    from .config.sections import Config
    from .evaluation.pipeline import evaluate
    from .evaluation.report import Report
    from .export.pipeline import export
    from .preparation.data import PreparedData
    from .preparation.pipeline import prepare
    from .runtime import Event, Personal, Recommendation, Recommender, Session
    from .training.pipeline import train
    from .training.run import Run

_HOME = {
    "Bundle": "bundle.folder",
    "Config": "config.sections",
    "Event": "runtime",
    "Personal": "runtime",
    "PreparedData": "preparation.data",
    "Recommendation": "runtime",
    "Recommender": "runtime",
    "Report": "evaluation.report",
    "Run": "training.run",
    "Session": "runtime",
    "evaluate": "evaluation.pipeline",
    "open_bundle": "bundle.folder",
    "prepare": "preparation.pipeline",
    "train": "training.pipeline",
}
"""The module below pocketrec that each name of the public API is imported from."""

__version__: str
"""Imported when it is asked for, as all names are."""

__all__ = [
    "Bundle",
    "Config",
    "Event",
    "Personal",
    "PocketrecError",
    "PreparedData",
    "Recommendation",
    "Recommender",
    "Report",
    "Run",
    "Session",
    "evaluate",
    "export",
    "open_bundle",
    "prepare",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a name of the public API; see PEP 562."""
    if name == "export":  # a package that can be called: see pocketrec/export/__init__.py
        return import_module(".export", __name__)
    if name == "__version__":
        return import_module(".schema", __name__).VERSION
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs_extra(f"pocketrec.{name}", "train"):  # what is light needs no extra, and passes
        return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
