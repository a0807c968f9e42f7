"""A run -> a bundle. `pocketrec.export(run, out=...)` calls this package.

The public function and this package have one name. Importing a package binds its name in the
parent, so the function would be replaced by the package when any of its modules is imported. To
keep both, the package itself can be called (docs/decisions/0021-python-api.md).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """See `pocketrec.export.pipeline.export`."""
        from ..errors import needs_extra

        with needs_extra("pocketrec.export", "train"):
            from .pipeline import export

        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
