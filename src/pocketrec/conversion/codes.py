"""Codes: the item table in a few bytes an item, fitted to keep the scores that users see."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..features.encoding import Feature
from ..models.recommender import RecommenderModel
from ..preparation.data import PreparedData
from ..preparation.training_sequences import Sequences
from ..schema import PADDING, FloatArray
from ..tflite import packing
from .additive import fitted_codebooks, greedy_codes, improved_codes
from .kmeans import ITERATIONS, k_means, nearest_codewords

CODEWORDS = 256
"""Codewords of a codebook: as many as one byte can number."""
CENTROIDS, ITEMS_PER_CENTROID = 2**16, 4
"""Most centroids, as many as two bytes can number; smaller catalogues get one for so many items."""
LARGEST = packing.LARGEST["int4"]
"""The largest number in 4 bits. The codewords make up for what a centroid loses by rounding."""
SAMPLE, USERS = 2**16, 2048
"""Most items that codebooks are fitted to, and users whose vectors tell which errors matter."""
ROUNDS, PASSES = 8, 2
"""Rounds in which all codebooks are fitted together, and passes over an item's codes in each."""
POPULARITY = 1.0
"""An item's error is weighted by its count to this power: popular items are in more lists."""
HEAD, ITEMS_PER_HEAD_ROW = 8192, 16
"""The most popular items keep an 8-bit row each: at most HEAD items, and at most one in
ITEMS_PER_HEAD_ROW. They take most places in most lists, and .6 MB is little in a million items."""
RIDGE = 1e-3
SETTINGS = (
    *(CODEWORDS, SAMPLE, USERS, ITERATIONS, ROUNDS, PASSES),
    *(POPULARITY, RIDGE, HEAD, ITEMS_PER_HEAD_ROW, CENTROIDS, ITEMS_PER_CENTROID, LARGEST),
)
"""Everything the fit depends on, besides the model, the log and the config."""


@dataclass(frozen=True)
class Codes:
    """A coded item table: item i is head[i], or a centroid plus one codeword of each codebook.

    An item's first two codes are its centroid's index, lower byte first; each other code is the
    index of a codeword. Items of the head have only codes 0, and centroid 0 and codeword 0 of each
    codebook are zero, so that both parts can be added for every item. Row 0 of the head is
    padding's, zero.
    """

    centroids: FloatArray  # (W, D)
    codebooks: FloatArray  # (M - 2, CODEWORDS, D)
    codes: npt.NDArray[np.uint8]  # (V + 1, M)
    head: FloatArray  # (H, D)

    def decoded(self) -> FloatArray:
        """The table that the codes stand for: (V + 1, D)."""
        low, high, *columns = self.codes.T
        table: FloatArray = self.centroids[low + high.astype(np.int32) * CODEWORDS]
        for codebook, column in zip(self.codebooks, columns, strict=True):
            table += codebook[column]
        table[: len(self.head)] += self.head
        return table


def some_users(data: PreparedData, features: Seq[Feature]) -> Sequences:
    """Training events of USERS users or more, in whole shards; a shard is a random part of them."""
    users = np.cumsum([np.count_nonzero(data.lengths(shard)) for shard in data.shards])
    return data.training(features, data.shards[: int(np.searchsorted(users, USERS)) + 1])


def fit_codes(
    model: RecommenderModel,
    sequences: Sequences,
    counts: npt.NDArray[np.int64],
    width: int,
    *,
    seed: int = 1,
) -> Codes:
    """Codes of `width` bytes an item for a trained model's table; the same for the same seed.

    A row becomes the nearest of many centroids plus a sum of codewords that codes the rest. This is
    additive quantization (Babenko and Lempitsky, 2014). Scoring costs as much as with product
    quantization (Jégou et al., 2011; for recommenders RecJPQ, Petrov and Macdonald, 2024), and the
    result is closer. The fit minimizes the error of scores, not of vectors: rows are mapped to a
    space where the squared distance of two rows is the mean squared difference of their scores.
    User vectors for that mean are the model's states on training events.

    `sequences` are training events of some users, with the model's features; `counts` (V,) are all
    training events of items 1..V.
    """
    table = model.table.detach()
    to_scores, from_scores = _metric(_moment(model, sequences))
    weights = torch.from_numpy(counts).to(torch.float32).clamp(min=1) ** POPULARITY
    head = min(HEAD, model.item_count // ITEMS_PER_HEAD_ROW) + PADDING + 1
    generator = torch.Generator().manual_seed(seed)
    rows, weights = table[head:] @ to_scores, weights[head - 1 :]
    centroids, nearest = _centroids(rows, weights, generator)
    # Round the centroids first, so that the codewords can make up for it.
    centroids = _rounded(centroids @ from_scores)
    codebooks, codes = _fit(rows - (centroids @ to_scores)[nearest], weights, width - 2, generator)
    codes = torch.cat(
        [nearest.unsqueeze(-1) % CODEWORDS, nearest.unsqueeze(-1) // CODEWORDS, codes], -1
    )
    head_rows = table[:head].clone()
    head_rows[PADDING] = 0
    return Codes(
        centroids.numpy(),
        (codebooks @ from_scores).numpy(),
        np.pad(codes.numpy().astype(np.uint8), ((head, 0), (0, 0))),
        head_rows.numpy(),
    )


def _moment(model: RecommenderModel, sequences: Sequences) -> Tensor:
    """The second moment (D, D) of user vectors, taken after each of the newest events of users."""
    lengths = np.diff(sequences.offsets)
    users = np.flatnonzero(lengths)
    users = users[:: max(1, len(users) // USERS)][:USERS]
    moment = torch.eye(model.config.dim) * RIDGE
    table = model.table.detach()
    for begin in range(0, len(users), 256):
        part = users[begin : begin + 256]
        ends = sequences.offsets[part + 1]
        starts = np.maximum(sequences.offsets[part], ends - model.max_length)
        place = starts[:, None] + np.arange(model.max_length)
        is_event = place < ends[:, None]  # (B, L)
        place = np.where(is_event, place, 0)
        histories = torch.from_numpy(np.where(is_event, sequences.items[place], PADDING))
        rows = {}
        for feature in model.features:
            values = sequences.features[feature.input]
            rows[feature.input] = torch.from_numpy(values[place if feature.of == "event" else part])
        with torch.no_grad():
            states = model.states(histories, rows, table)[histories != PADDING]
        moment += states.T @ states
    return moment / moment.diagonal().mean()


def _metric(moment: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices (D, D) that map rows to where squared distances are errors of scores, and back.

    Use them as `rows @ matrix`.
    """
    # With moment = Q diag(v) Q', x' moment x is the squared norm of x Q diag(sqrt(v)).
    steady = moment + RIDGE * torch.eye(len(moment))
    values, vectors = torch.linalg.eigh(steady.to(torch.float64))
    roots = values.clamp(min=RIDGE / 2).sqrt()
    return (vectors * roots).to(torch.float32), (vectors / roots).T.to(torch.float32)


def _centroids(rows: Tensor, weights: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Centroids (W, D), the first of them zero, and the index (n,) of each row's centroid.

    Plain k-means with so many centroids would take too long, so it runs in two steps: CODEWORDS
    clusters, and in each of them as many centroids as its share of the error.
    """
    count = min(CENTROIDS, max(CODEWORDS, len(rows) // ITEMS_PER_CENTROID), len(rows))
    sample, of_sample = _sample(rows, weights, generator)
    codebook = k_means(sample, of_sample, min(CODEWORDS, count), generator)
    codeword = nearest_codewords(rows, codebook)
    rest = rows - codebook[codeword]
    error = torch.zeros(len(codebook)).index_add_(0, codeword, rest.square().sum(-1) * weights)
    counts = 1 + _allotted(
        count - len(codebook), error, torch.bincount(codeword, minlength=len(codebook))
    )
    centroids, numbers, begin = [], torch.empty(len(rows), dtype=torch.int64), 0
    for number, center in enumerate(codebook):
        (members,) = torch.nonzero(codeword == number, as_tuple=True)
        sample, of_sample = _sample(rest[members], weights[members], generator)
        within = k_means(sample, of_sample, int(counts[number]), generator)
        numbers[members] = begin + nearest_codewords(rest[members], within)
        centroids.append(center + within)
        begin += len(within)
    return torch.cat(centroids), numbers


def _allotted(count: int, shares: Tensor, most: Tensor) -> Tensor:
    """Divide `count` in proportion to `shares` (n,), no part above `most` (n,) -> (n,)."""
    allotted, more = torch.zeros_like(most), torch.ones_like(most)
    # What is above a limit is divided again among the others, until nothing can be handed out.
    while more.any():
        open_shares = torch.where(allotted < most, shares, 0).to(torch.float64).cumsum(0)
        left = count - int(allotted.sum())
        # Rounding the running sum, not each part, keeps the total from exceeding what is left.
        ends = left * open_shares / open_shares[-1].clamp(min=1e-300)
        more = ends.to(torch.int64).diff(prepend=torch.zeros(1, dtype=torch.int64))
        more = torch.minimum(more, most - allotted)
        allotted += more
    return allotted


def _rounded(rows: Tensor) -> Tensor:
    """Rows as they are read back after they were stored in 4 bits a number."""
    scale = rows.abs().amax(-1, keepdim=True).clamp(min=1e-12) / LARGEST
    return torch.round(rows / scale) * scale


def _fit(
    rows: Tensor, weights: Tensor, width: int, generator: torch.Generator, most: int = SAMPLE
) -> tuple[Tensor, Tensor]:
    """Codebooks (M, CODEWORDS, D) and codes (V, M) of rows (V, D).

    The codebooks are fitted to at most `most` rows. Codeword 0 of each codebook is zero.
    """
    sample, weights = _sample(rows, weights, generator, most)
    rest, codebooks = sample.clone(), []
    for _ in range(width):  # each codebook codes what the ones before it left
        codebook = k_means(rest, weights, CODEWORDS, generator)
        rest -= codebook[nearest_codewords(rest, codebook)]
        codebooks.append(codebook)
    first = together = torch.stack(codebooks)
    codes = greedy_codes(sample, first)
    for _ in range(ROUNDS):
        together = fitted_codebooks(sample, weights, codes, together)
        codes = improved_codes(sample, codes, together, PASSES)
    # Start all rows from the codes of the first codebooks, as the sample did: starting from the
    # codes of the final codebooks ends far worse.
    return together, improved_codes(rows, greedy_codes(rows, first), together, 2 * PASSES)


def _sample(
    rows: Tensor, weights: Tensor, generator: torch.Generator, most: int = SAMPLE
) -> tuple[Tensor, Tensor]:
    """Rows and their weights, at most `most` of them.

    Sampled rows are chosen in proportion to their weights, so afterwards all weigh the same.
    """
    if len(rows) <= most:
        return rows, weights / weights.mean()
    return rows[torch.multinomial(weights, most, generator=generator)], torch.ones(most)
