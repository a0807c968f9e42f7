"""Apache Beam, imported without what it says of its optional parts."""

from __future__ import annotations

import logging

_before = list(logging.root.handlers)
logging.disable(logging.WARNING)
try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
finally:
    logging.disable(logging.NOTSET)
    logging.root.handlers[:] = _before  # Beam's first word adds one that speaks for everybody

__all__ = ["PipelineOptions", "beam"]
