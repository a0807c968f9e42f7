"""metrics.jsonl and TensorBoard curves: one entry per epoch."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import needs_extra
from ..schema import File
from ..storage.artifact import write_atomically
from .loop import EpochMetrics

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class MetricsLog:
    """Writes the metrics of a run into its folder; on exit, closes TensorBoard's writer."""

    def __init__(self, folder: Path) -> None:
        with needs_extra("Training", "train"):
            from torch.utils.tensorboard import SummaryWriter
        self.path = folder / File.METRICS
        self._open = partial(SummaryWriter, str(folder / File.TENSORBOARD))
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, metrics: EpochMetrics) -> None:
        """Add a line, and replace those of epochs that are trained again after an interruption."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["epoch"] < metrics.epoch]
        entry = asdict(metrics)
        content = "\n".join([*kept, json.dumps(entry)]) + "\n"
        write_atomically(self.path, content.encode())
        if self._writer is None:
            self._writer = self._open(purge_step=metrics.epoch)
        for name, value in entry.items():
            if name != "epoch" and value is not None:
                self._writer.add_scalar(name, value, metrics.epoch)
        self._writer.flush()
