"""Rounds: an epoch is whole however little memory it gets and however many workers share it."""

from collections import Counter

import numpy as np
import pytest

from pocketrec.errors import DataError
from pocketrec.preparation.data import Part
from pocketrec.training.batches import Batches
from pocketrec.training.distributed import Workers
from pocketrec.training.rounds import Rounds
from support.small_world import EVERY_STEP, make_config, prepare_world, run

SHARDS = 8
EVENTS = 60
"""Of about 250 training events."""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return prepare_world(tmp_path_factory.mktemp("many"), buckets=SHARDS)


def rounds(data, events, workers=None, **training):
    config = make_config(buckets=SHARDS, round_events=events, **training)
    return Rounds(data, config, (), workers or Workers())


def pairs(batches):
    """How often (input, label) is trained, and how often there is a start label."""
    counts, starts = Counter(), 0
    for batch in batches:
        kept = batch.labels != 0
        counts.update(zip(batch.item_id[kept].tolist(), batch.labels[kept].tolist(), strict=True))
        starts += len(batch.start_labels)
    return counts, starts


def rows(batch):
    """What is in a batch, whatever its order and padding."""
    return sorted(
        (*(x for x in items if x), *(x for x in labels if x), start)
        for items, labels, start in zip(
            batch.item_id.tolist(), batch.labels.tolist(), batch.start_labels.tolist(), strict=True
        )
    )


def test_with_memory_for_all_there_is_one_round_of_all_in_order(many):
    whole = many.training()
    assert rounds(many, len(whole.items)).shards_of_rounds(3) == [many.shards]
    batches = Batches(whole, max_length=8, batch_labels=40, seed=1)
    actual, expected = rounds(many, len(whole.items)).epoch(3), batches.epoch(3)
    assert len(actual) == len(expected)
    assert all(map(lambda a, b: rows(a) == rows(b), actual, expected))


@pytest.mark.parametrize("events", [1, EVENTS, 150])
def test_every_event_is_trained_once_an_epoch_in_rounds_that_fit(many, events):
    source, expected = rounds(many, events), pairs(rounds(many, 10**6).epoch(0).after(0))[0]
    orders = []
    for epoch in (0, 1):
        parts = source.shards_of_rounds(epoch)
        assert sorted(shard for part in parts for shard in part) == many.shards
        sizes = [sum(source.events[shard] for shard in part) for part in parts]
        assert all(n <= events or len(part) == 1 for n, part in zip(sizes, parts, strict=True))
        assert len(parts) == SHARDS if events == 1 else 1 < len(parts) < SHARDS
        planned = source.epoch(epoch)
        batches = list(planned.after(0))
        assert pairs(batches)[0] == expected
        assert len(batches) == len(planned)
        assert sum(b.label_count for b in batches) == source.labels_per_epoch
        orders.append(parts)
    assert orders[0] != orders[1]


def test_an_epoch_is_gone_on_with_in_any_round(many):
    planned = rounds(many, EVENTS).epoch(2)
    every = [rows(batch) for batch in planned.after(0)]
    counts = [batch.label_count for batch in planned.after(0)]
    for step in range(len(every) + 1):
        rest = rounds(many, EVENTS).epoch(2)
        assert [rows(batch) for batch in rest.after(step)] == every[step:]
        assert rest.labels_before(step) == sum(counts[:step])


@pytest.mark.parametrize("events", [EVENTS, 10**6])
@pytest.mark.parametrize("size", [2, 3, 20])
def test_the_parts_of_all_workers_are_the_batches_of_one(many, events, size):
    alone = list(rounds(many, events).epoch(1).after(0))
    parts = [
        list(rounds(many, events, Workers(rank, size)).epoch(1).after(0)) for rank in range(size)
    ]
    for whole, *some in zip(alone, *parts, strict=True):
        assert sorted(row for part in some for row in rows(part)) == rows(whole)
        assert {part.label_count for part in some} == {whole.label_count}
        assert sum(part.share for part in some) == pytest.approx(whole.share) == 1
    idle = not any(part.share for part in parts[-1])
    assert idle or size <= SHARDS  # who has no shard goes without


def test_no_worker_reads_the_shards_of_another(many):
    read = [
        rounds(many, 10**6, Workers(rank, 2)).batches(many.shards).sequences for rank in range(2)
    ]
    assert [len(s.items) for s in read] == [
        len(many.training((), many.shards[rank::2]).items) for rank in range(2)
    ]


def test_lengths_that_are_not_those_of_the_events_are_refused(many):
    sequences = many.training()
    lengths = np.diff(sequences.offsets)
    lengths[0] += 1
    with pytest.raises(DataError, match="lengths"):
        Batches(sequences, max_length=8, batch_labels=40, seed=1, lengths=lengths)


def test_a_run_in_rounds_that_was_left_ends_as_if_it_was_not(many, tmp_path):
    each = {"save_seconds": EVERY_STEP}
    config = make_config(buckets=SHARDS, round_events=EVENTS)
    steps = []
    run(many, tmp_path / "whole", config, on_progress=steps.append, **each)
    second = [number for number, step in enumerate(steps) if step.epoch == 2]

    class Left(Exception):  # noqa: N818
        pass

    done = []

    def leave(step):
        done.append(step)
        if len(done) == second[-2]:  # in the last round but one, or the last
            raise Left

    with pytest.raises(Left):
        run(many, tmp_path / "left", config, on_progress=leave, **each)
    run(many, tmp_path / "left", config, resume=True, **each)
    for name in ("best", "last"):
        files = [tmp_path / run / f"checkpoints/{name}.safetensors" for run in ("whole", "left")]
        assert files[0].read_bytes() == files[1].read_bytes()
    other = make_config(buckets=SHARDS, round_events=10**6)
    run(many, tmp_path / "other", other)
    last = "checkpoints/last.safetensors"
    assert (tmp_path / "other" / last).read_bytes() != (tmp_path / "whole" / last).read_bytes()


@pytest.mark.parametrize("limit", [None, 7])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_parts_of_the_targets_are_all_of_them(many, limit, count):
    whole = many.targets("valid", limit)
    parts = [many.targets("valid", limit, of=Part(number, count)) for number in range(count)]
    assert [t for part in parts for t in part.targets] == whole.targets.tolist()
    histories = [history.tolist() for part in parts for history in part.histories]
    assert histories == [history.tolist() for history in whole.histories]
