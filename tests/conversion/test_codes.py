"""Codes in the place of the item table: what they keep, and that the file adds up what they say."""

import numpy as np
import pytest
import torch

from pocketrec.bundle.contract import GraphSpec, Shapes
from pocketrec.bundle.device import DeviceModel
from pocketrec.bundle.query import Query
from pocketrec.config.model import ModelConfig
from pocketrec.conversion import codes as codes_module
from pocketrec.conversion.codes import fit_codes
from pocketrec.conversion.convert import convert
from pocketrec.conversion.quantize import quantize
from pocketrec.models.recommender import RecommenderModel
from pocketrec.models.scorer import ModelScorer
from pocketrec.preparation.training_sequences import Sequences
from pocketrec.tflite.inspect import inspect
from pocketrec.tflite.shrink import shrink
from support.small_models import ENCODERS, ROUND, D, L, V, make, walk

encoders = pytest.mark.parametrize("encoder", ENCODERS)
ALL = np.arange(1, V + 1, dtype=np.int32)
MANY = 2000


@pytest.mark.parametrize("width", [4, 8])
def test_no_more_items_than_codewords_are_kept_as_they_are(width):
    table = make("bow").model.table.detach().numpy()
    codes = fit_codes(make("bow").model, ROUND, ROUND.counts(V), width)
    assert codes.codes.shape == (V + 1, width)
    assert np.abs(codes.decoded() - table)[1:].max() < 0.02 * np.abs(table).max()
    assert not codes.decoded()[0].any()


def test_the_same_seed_gives_the_same_codes():
    one, other = (fit_codes(make("bow").model, ROUND, ROUND.counts(V), 4) for _ in range(2))
    assert np.array_equal(one.codes, other.codes)
    assert np.array_equal(one.codebooks, other.codebooks)
    assert np.array_equal(one.centroids, other.centroids)


def many_rows(count=2000):
    return np.random.default_rng(1).normal(size=(count, D)).astype(np.float32)


def errors(moment, weights, rows, sample=codes_module.SAMPLE):
    """Mean squared errors (D,) of codewords of two bytes, where users' vectors have a second
    moment."""
    there, back = codes_module._metric(torch.diag(torch.tensor(moment)))
    generator = torch.Generator().manual_seed(1)
    codebooks, codes = codes_module._fit(
        torch.from_numpy(rows) @ there, torch.from_numpy(weights), 2, generator, sample
    )
    table = (
        sum(codebook[column.long()] for codebook, column in zip(codebooks, codes.T, strict=True))
        @ back
    )
    return (table.numpy() - rows) ** 2


def test_what_users_look_at_is_kept_and_what_none_does_is_not():
    rows, even = many_rows(), np.ones(2000, np.float32)
    alike = errors([1.0] * D, even, rows).mean(0)
    skewed = errors([4.0] * 4 + [0.001] * (D - 4), even, rows).mean(0)
    assert skewed[:4].max() < 0.3 * alike.min()
    assert skewed[4:].min() > alike.max()


def test_popular_items_are_kept_best():
    rows = many_rows()
    weights = np.where(np.arange(2000) < 300, 50, 1).astype(np.float32)
    error = errors([1.0] * D, weights, rows).mean(1)
    assert error[:300].mean() < 0.5 * error[300:].mean()


@pytest.mark.parametrize("sample", [500, 2000])
def test_items_that_were_not_sampled_are_nearly_as_good(sample):
    """Codebooks are fitted to a sample, codes to all."""
    even = np.ones(2000, np.float32)
    assert errors([1.0] * D, even, many_rows(), sample).mean() < 0.6


def test_items_in_many_small_topics_are_kept_by_their_centroids():
    """As many centroids as there are topics, where as many codewords added up cannot name them."""
    random, generator = np.random.default_rng(1), torch.Generator().manual_seed(1)
    topics = random.normal(size=(1000, D))
    rows = np.repeat(topics, 10, 0) + 0.02 * random.normal(size=(10_000, D))
    rows, even = torch.from_numpy(rows.astype(np.float32)), torch.ones(10_000)
    centroids, nearest = codes_module._centroids(rows, even, generator)
    codewords, codes = codes_module._fit(rows, even, 2, generator)
    added = sum(
        codebook[column.long()] for codebook, column in zip(codewords, codes.T, strict=True)
    )
    assert (
        codes_module.CODEWORDS
        < nearest.max()
        < len(centroids)
        <= 10_000 / codes_module.ITEMS_PER_CENTROID
    )
    assert not centroids[0].any()
    assert (centroids[nearest] - rows).square().mean() < 0.1 * (added - rows).square().mean()


@pytest.fixture(scope="module")
def large():
    """A model of many items, whose users' vectors lie in four directions; its log, and counts."""
    torch.manual_seed(1)
    config = ModelConfig(encoder="bow", dim=D, max_length=L, successors=0)
    model = RecommenderModel(MANY, config).eval()
    with torch.no_grad():
        model.norm.weight.copy_(torch.tensor([4.0] * 4 + [0.1] * (D - 4)))
    counts = np.maximum(1, MANY // np.arange(1, MANY + 1))
    items = np.random.default_rng(1).integers(1, MANY + 1, 3000).astype(np.int32)
    return model, Sequences(items, np.arange(0, 3001, 10)), counts


def mean_errors(large):
    """Of products with users' vectors, by item: (V,)."""
    model, sequences, counts = large
    table = fit_codes(model, sequences, counts, 4).decoded() - model.table.detach().numpy()
    with torch.no_grad():
        users = model.states(torch.from_numpy(sequences.items.reshape(-1, 10)[:, :L]))[:, -1]
    return ((users.numpy() @ table[1:].T) ** 2).mean(0)


def test_of_many_items_the_most_popular_are_kept_as_they_are(large):
    errors = mean_errors(large)
    assert errors[: MANY // 16].max() < 1e-9
    assert errors[MANY // 16 :].mean() > 1e-3


def test_of_many_items_popular_ones_are_kept_better(large):
    errors = mean_errors(large)[MANY // 16 :]
    assert errors[:200].mean() < 0.8 * errors[-200:].mean()


def test_of_many_items_what_users_look_at_is_kept(large, monkeypatch):
    errors = mean_errors(large).sum()
    monkeypatch.setattr(codes_module, "_moment", lambda model, _: torch.eye(model.config.dim))
    assert errors < 0.7 * mean_errors(large).sum()


@encoders
def test_the_file_scores_as_the_table_did(encoder):
    """So few items are kept nearly as they are."""
    device, full = make(encoder).device("pq"), make(encoder).device("int8")
    for history in (walk(last, length) for last in (1, 9, V) for length in (0, 1, 4)):
        scores = device.score(Query(history), ALL)
        assert np.abs(scores - full.score(Query(history), ALL)).max() < 0.3 * scores.std()
        assert device.recommend(Query(history), k=1)[0] == full.recommend(Query(history), k=1)[0]


@encoders
def test_the_file_has_codes_and_no_table(encoder):
    facts = inspect(make(encoder).content("pq"))
    assert not any(c.shape == (V + 1, D) for c in facts.constants)
    columns = {(c.dtype, c.shape) for c in facts.constants if len(c.shape) and c.shape[0] == V + 1}
    assert {("uint16", (V + 1,)), ("uint8", (V + 1, 2))} <= columns
    stored = {c.buffer for c in facts.constants if c.dtype in ("uint8", "uint16")}
    assert len(stored) <= 2  # each column once, for scores and for lookups


@pytest.mark.parametrize(("items", "dim"), [(511, D), (3000, D), (3000, D - 1)])
def test_the_file_adds_up_what_the_codes_name(items, dim):
    """More centroids than a byte names; as many codewords as the table had rows; rows of odd
    lengths."""
    torch.manual_seed(1)
    config = ModelConfig(encoder="bow", dim=dim, max_length=L, successors=0)
    model = RecommenderModel(items, config).eval()
    spec = GraphSpec(Shapes(L, dim, items, results=items, candidates=items, blocked=3), True)
    codes = fit_codes(model, ROUND, np.ones(items, np.int64), 4)
    content = shrink(quantize(convert(model, spec), "pq", codes))
    assert not any(c.shape == (items + 1, dim) for c in inspect(content).constants)
    device = DeviceModel(content, spec)
    with torch.no_grad():
        model.items.table.weight.copy_(torch.from_numpy(codes.decoded()))
    history = np.array([5, items], np.int32)
    expected = ModelScorer(model)([history])[0]
    looked_up = device.score(Query(history), np.arange(1, items + 1, dtype=np.int32))
    assert np.corrcoef(looked_up, expected)[0, 1] > 0.999
    ids, scores = device.recommend(Query(history), k=items - 2)
    assert np.corrcoef(scores, expected[ids - 1])[0, 1] > 0.999


def test_a_coded_file_can_be_loaded_where_others_can():
    made = make("transformer")
    device = DeviceModel(made.content("pq"), made.spec)
    liked = device.adapt(np.array([4], np.int32), np.array([1], np.float32), learning_rate=1.0)
    table = made.codes.decoded()
    assert np.abs(liked - (table[4] - made.model.table.detach().numpy()[1:].mean(0))).max() < 0.05
