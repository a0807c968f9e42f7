"""The gates between a converted model and a bundle: each has a value, a limit and a verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..bundle.contract import GraphSpec, check_contract, code_columns, item_tables
from ..bundle.device import DeviceModel
from ..bundle.manifest import Quality
from ..bundle.query import Query
from ..config.export import ExportConfig
from ..errors import QualityError
from ..evaluation.on_device import rank_on_device
from ..evaluation.protocol import Ranking, Scorer, rank_all
from ..evaluation.summary import user_values
from ..preparation.targets import Targets
from ..schema import PADDING
from ..tflite.inspect import inspect

PARITY = 1e-4
"""Largest difference between the float32 file's scores and torch's, relative to their spread."""
PARITY_USERS = 64
LEAST_SPREAD = 1e-3
"""The smallest spread to divide by. A catalogue of one item has none, and rounding errors would
look infinitely large."""
K = 10


@dataclass(frozen=True)
class Gate:
    """One check: `value` must not be above (or, with `least`, below) `limit`."""

    name: str
    value: float
    limit: float
    least: bool = False

    @property
    def passed(self) -> bool:
        """Whether the value is within the limit; NaN never passes."""
        return self.value >= self.limit if self.least else self.value <= self.limit

    def to_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        relation = ">=" if self.least else "<="
        return {"value": self.value, "must_be": f"{relation} {self.limit}", "passed": self.passed}

    def __str__(self) -> str:
        relation = "at least" if self.least else "at most"
        return f"{self.name} is {self.value:.4g}, where {relation} {self.limit:.4g} is asked"


@dataclass(frozen=True)
class Verdict:
    """All gates, and other measurements."""

    gates: list[Gate]
    measured: dict[str, float]

    def require(self, *, accept_quality_loss: bool = False) -> None:
        """Raise QualityError that names the first gate that failed and by how much."""
        for gate in self.gates:
            excused = accept_quality_loss and gate.name == NDCG_LOSS
            if not gate.passed and not excused:
                hint = (
                    "; try export.quantization = 'int8' or 'float32', or --accept-quality-loss"
                    if gate.name == NDCG_LOSS
                    else "; try export.quantization = 'int8' or 'float32'"
                    if gate.name == OVERLAP
                    else ""
                )
                raise QualityError(f"no bundle was written: {gate}{hint}")

    def to_json(self) -> Quality:
        """As the manifest keeps it; a gate that failed in a written bundle was overridden."""
        return {
            "gates": {gate.name: gate.to_json() for gate in self.gates},
            "accepted_quality_loss": any(not g.passed for g in self.gates if g.name == NDCG_LOSS),
            "measured": self.measured,
        }


BITS = {"float32": 32, "int8": 8, "int4": 4}
NDCG_LOSS = "relative loss of ndcg@10 to float"
OVERLAP = "overlap of the top 10 with float"


def verify(
    scorer: Scorer,
    float_model: bytes,
    model: bytes,
    spec: GraphSpec,
    targets: Targets,
    config: ExportConfig,
    *,
    tables: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Verdict:
    """Compare the file that would ship with the torch model (as a scorer), user by user.

    `targets` are validation users; `tables` is how many weights of the model have the item table's
    shape (more than one only by coincidence, as when V + 1 == D). Contract errors raise BundleError
    at once; the verdict holds everything that is measured.
    """
    facts, shapes = inspect(model), spec.shapes
    check_contract(facts, spec, shapes.items)
    item_constants = item_tables(facts, shapes)
    columns = {constant.buffer for constant in code_columns(facts, shapes)}
    count = len({constant.buffer for constant in item_constants}) + bool(columns)
    if columns:
        bits = 16 * len(columns) / shapes.dim
    else:
        bits = max(BITS.get(constant.dtype, 64) for constant in item_constants)
    most_bits = BITS.get(config.quantization, 8 * config.code_bytes / shapes.dim)
    device, float_device = DeviceModel(model, spec), DeviceModel(float_model, spec)
    probes = _probes(targets)

    reference = rank_all(
        scorer, targets, item_count=shapes.items, k=K, exclude_seen=spec.exclude_seen
    )
    shipped = rank_on_device(device, targets, k=K, beyond=False, progress=progress)
    float_ndcg = float(user_values(reference, f"ndcg@{K}", shapes.items).mean())
    ndcg = float(user_values(shipped, f"ndcg@{K}", shapes.items).mean())
    gates = [
        Gate("parity of the float file with torch", _parity(scorer, float_device, probes), PARITY),
        Gate("item tables in the file", count, tables),
        Gate("bits of an item table's number", bits, most_bits),
        Gate("hidden items recommended", _leaks(device, probes), 0),
        Gate(NDCG_LOSS, _loss(float_ndcg, ndcg), config.largest_loss),
        Gate(OVERLAP, _overlap(reference, shipped), config.least_overlap, least=True),
    ]
    if shapes.state:
        gates.append(Gate("difference of step to recommend", _drift(float_device, probes), PARITY))
    latency = _latency(device, probes)
    if config.max_bytes is not None:
        gates.append(Gate("bytes of the model", len(model), config.max_bytes))
    if config.max_latency_ms is not None:
        gates.append(Gate("milliseconds of a call", latency, config.max_latency_ms))
    measured = {
        "users": len(targets.targets),
        "ndcg@10": ndcg,
        "float ndcg@10": float_ndcg,
        "bytes": len(model),
        "float bytes": len(float_model),
        "latency_ms": latency,
    }
    return Verdict(gates, measured)


def _probes(targets: Targets) -> list[Query]:
    """Some of the users, and one with no history and no features."""
    step = max(1, len(targets.histories) // PARITY_USERS)
    few = targets.part(slice(None, None, step))
    features = few.features or [{}] * len(few.histories)
    return [Query(), *map(Query, few.histories, features)]


def _loss(before: float, after: float) -> float:
    """Relative loss; 1 for a model whose quality was zero before, so that it fails."""
    return (before - after) / before if before > 0 else 1.0


def _parity(scorer: Scorer, device: DeviceModel, probes: list[Query]) -> float:
    shapes = device.spec.shapes
    items = np.arange(1, shapes.items + 1, dtype=np.int32)
    worst, variances = 0.0, []
    for query in probes:  # one at a time: each has a score for every item
        expected = scorer([query.history], [query.features])[0]
        scored = device.score(query, items)
        ids, listed = device.recommend(query, k=shapes.results)
        differences = [*(scored - expected), *(listed - expected[ids - 1])]
        worst = max(worst, float(np.abs(differences).max()))
        variances.append(float(expected.var()))
    return worst / max(math.sqrt(np.mean(variances)), LEAST_SPREAD)


def _drift(device: DeviceModel, probes: list[Query]) -> float:
    """Largest difference between scores computed event by event, by `step`, and `recommend`'s.

    Relative to the spread of all lists' scores. Histories are cut to the newest L events, the most
    that `recommend` can read.
    """
    length, k = device.spec.shapes.length, device.spec.shapes.results
    worst, every = 0.0, [np.empty(0, np.float32)]
    for query in probes:
        newest = query.part(slice(-length, None))
        state, _ = device.states(newest)
        _, (_, stepped) = device.step(state, newest, k=k)
        _, expected = device.recommend(newest, k=k)
        same_size = len(stepped) == len(expected)
        worst = max([worst, *np.abs(stepped - expected)]) if same_size else np.inf
        every.append(expected)
    return float(worst / max(np.concatenate(every).std(), 1e-9))


def _leaks(device: DeviceModel, probes: list[Query]) -> int:
    """Listed items that were blocked, seen (if those are masked), padding or repeated."""
    leaks = 0
    for query in probes:
        free, _ = device.recommend(query, k=K)
        blocking = replace(query, blocked=free[::2])
        shown, _ = device.recommend(blocking, k=device.spec.shapes.results)
        excluded = [PADDING, *blocking.excluded(device.spec.exclude_seen)]
        leaks += int(np.isin(shown, excluded).sum()) + len(shown) - len(np.unique(shown))
    return leaks


def _overlap(reference: Ranking, shipped: Ranking) -> float:
    same = (reference.top[:, :, None] == shipped.top[:, None, :]) & (reference.top > 0)[:, :, None]
    return float(same.sum() / max(1, int((reference.top > 0).sum())))


def _latency(device: DeviceModel, probes: list[Query]) -> float:
    """Median milliseconds of a call with one thread."""
    times = []
    for query in probes * 4:
        begin = time.perf_counter()
        device.recommend(query, k=K)
        times.append(time.perf_counter() - begin)
    return round(float(np.median(times)) * 1e3, 4)
