"""One metric per file, computed from the target's rank or from the recommended lists."""

from .average_popularity import average_popularity
from .coverage import coverage, resampled_coverage
from .mean_rank import mean_rank
from .mrr import mrr
from .ndcg import ndcg
from .recall import recall

__all__ = [
    "average_popularity",
    "coverage",
    "mean_rank",
    "mrr",
    "ndcg",
    "recall",
    "resampled_coverage",
]
