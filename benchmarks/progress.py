"""Progress of training, as benchmarks print it."""

from __future__ import annotations

import sys

from pocketrec.training.loop import EpochMetrics


def print_epoch(metrics: EpochMetrics) -> None:
    """Print one line per epoch on standard error."""
    score = "" if metrics.ndcg_at_10 is None else f"  valid NDCG@10 {metrics.ndcg_at_10:.4f}"
    print(f"epoch {metrics.epoch:>3}  loss {metrics.loss:.4f}{score}", file=sys.stderr)
