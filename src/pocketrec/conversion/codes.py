"""The item table in a few bytes an item: a centroid and codewords, fitted to the scores users
see."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..features.encoding import Feature
from ..models.recommender import RecommenderModel
from ..preparation.data import PreparedData, Sequences
from ..schema import PADDING, FloatArray
from ..tflite import packing

CODEWORDS = 256
"""Codewords of a codebook: as many as a byte can name."""
CENTROIDS, ITEMS_PER_CENTROID = 2**16, 4
"""Most centroids, as many as two bytes can name, and how many items there is one for, if so
many."""
LARGEST = packing.LARGEST["int4"]
"""What a centroid's largest number becomes, of 4 bits; what that loses is left to the codewords."""
SAMPLE, USERS = 2**16, 2048
"""Most items that codebooks are fitted to, and users that say which errors matter."""
ITERATIONS, ROUNDS, PASSES = 10, 8, 2
"""Of k-means for each codebook; of all codebooks together; over an item's codes in each of the
latter."""
POPULARITY = 1.0
"""An item's error weighs so many powers of its count: popular ones are in more lists."""
HEAD, ITEMS_PER_HEAD_ROW = 8192, 16
"""Most of the popular items that keep rows of their own, of 8 bits, and of how many items one is
such at most: most places of most lists are theirs, and .6 MB is little beside a million items."""
RIDGE = 1e-3
BLOCK = 2**16
SETTINGS = (
    *(CODEWORDS, SAMPLE, USERS, ITERATIONS, ROUNDS, PASSES),
    *(POPULARITY, RIDGE, HEAD, ITEMS_PER_HEAD_ROW, CENTROIDS, ITEMS_PER_CENTROID, LARGEST),
)
"""All that the fit depends on beside the model, the log and the config."""


@dataclass(frozen=True)
class Codes:
    """Item i is head[i], if it has such a row, and else a centroid and a codeword of each codebook,
    added up.

    An item's first two codes are the number of its centroid, the lower byte first, the others those
    of codewords. The head's codes are all 0, as are centroid 0 and codeword 0 of each codebook; row
    0 of the head is padding's, zero.
    """

    centroids: FloatArray  # (W, D)
    codebooks: FloatArray  # (M - 2, CODEWORDS, D)
    codes: npt.NDArray[np.uint8]  # (V + 1, M)
    head: FloatArray  # (H, D)

    def decoded(self) -> FloatArray:
        """The table as it is now: (V + 1, D)."""
        low, high, *columns = self.codes.T
        table: FloatArray = self.centroids[low + high.astype(np.int32) * CODEWORDS]
        for codebook, column in zip(self.codebooks, columns, strict=True):
            table += codebook[column]
        table[: len(self.head)] += self.head
        return table


def some_users(data: PreparedData, features: Seq[Feature]) -> Sequences:
    """The training events of as many shards as hold USERS users, who are in shards by a hash."""
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

    The nearest of many centroids, and what is left as a sum of codewords: additive quantization
    (Babenko and Lempitsky, 2014), which costs at scoring what product quantization does (Jégou et
    al., 2011; for recommenders RecJPQ, Petrov and Macdonald, 2024) and is closer. What is made
    small is not the error of vectors, but of scores: rows are moved to where the distance of two is
    the mean squared difference of their products with users' vectors, which are the model's states
    on training events. `sequences` are these events, with the model's features, of some users;
    `counts` (V,) all training events of items 1..V.
    """
    table = model.table.detach()
    there, back = _metric(_moment(model, sequences))
    weights = torch.from_numpy(counts).to(torch.float32).clamp(min=1) ** POPULARITY
    head = min(HEAD, model.item_count // ITEMS_PER_HEAD_ROW) + PADDING + 1
    generator = torch.Generator().manual_seed(seed)
    rows, weights = table[head:] @ there, weights[head - 1 :]
    centroids, nearest = _centroids(rows, weights, generator)
    centroids = _rounded(centroids @ back)
    codebooks, codes = _fit(rows - (centroids @ there)[nearest], weights, width - 2, generator)
    codes = torch.cat(
        [nearest.unsqueeze(-1) % CODEWORDS, nearest.unsqueeze(-1) // CODEWORDS, codes], -1
    )
    own = table[:head].clone()
    own[PADDING] = 0
    return Codes(
        centroids.numpy(),
        (codebooks @ back).numpy(),
        np.pad(codes.numpy().astype(np.uint8), ((head, 0), (0, 0))),
        own.numpy(),
    )


def _moment(model: RecommenderModel, sequences: Sequences) -> Tensor:
    """The second moment of users' vectors (D, D), after each of some users' newest events."""
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
            found = sequences.features[feature.input]
            rows[feature.input] = torch.from_numpy(found[place if feature.of == "event" else part])
        with torch.no_grad():
            states = model.states(histories, rows, table)[histories != PADDING]
        moment += states.T @ states
    return moment / moment.diagonal().mean()


def _metric(moment: Tensor) -> tuple[Tensor, Tensor]:
    """Where squared distances are errors of scores, and the way back: (D, D) each, to the right."""
    steady = moment + RIDGE * torch.eye(len(moment))
    values, vectors = torch.linalg.eigh(steady.to(torch.float64))
    roots = values.clamp(min=RIDGE / 2).sqrt()
    return (vectors * roots).to(torch.float32), (vectors / roots).T.to(torch.float32)


def _centroids(rows: Tensor, weights: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Centroids (W, D), of which the first is zero, and the number of each row's, (n,).

    k-means in two steps: of CODEWORDS codewords, and of as many within each as its share of the
    error is.
    """
    count = min(CENTROIDS, max(CODEWORDS, len(rows) // ITEMS_PER_CENTROID), len(rows))
    sample, of_sample = _sample(rows, weights, generator)
    codebook = _k_means(sample, of_sample, min(CODEWORDS, count), generator)
    codeword = _nearest(rows, codebook)
    rest = rows - codebook[codeword]
    error = torch.zeros(len(codebook)).index_add_(0, codeword, rest.square().sum(-1) * weights)
    counts = 1 + _shared(
        count - len(codebook), error, torch.bincount(codeword, minlength=len(codebook))
    )
    centroids, numbers, begin = [], torch.empty(len(rows), dtype=torch.int64), 0
    for number, one in enumerate(codebook):
        (members,) = torch.nonzero(codeword == number, as_tuple=True)
        sample, of_sample = _sample(rest[members], weights[members], generator)
        within = _k_means(sample, of_sample, int(counts[number]), generator)
        numbers[members] = begin + _nearest(rest[members], within)
        centroids.append(one + within)
        begin += len(within)
    return torch.cat(centroids), numbers


def _shared(count: int, shares: Tensor, most: Tensor) -> Tensor:
    """How many of `count` each gets (n,): by its share, and no more than `most` (n,)."""
    given, more = torch.zeros_like(most), torch.ones_like(most)
    while more.any():
        wanting = torch.where(given < most, shares, 0).to(torch.float64).cumsum(0)
        ends = (count - int(given.sum())) * wanting / wanting[-1].clamp(min=1e-300)
        more = ends.to(torch.int64).diff(prepend=torch.zeros(1, dtype=torch.int64))
        more = torch.minimum(more, most - given)
        given += more
    return given


def _rounded(rows: Tensor) -> Tensor:
    """Rows as they are once they are stored in 4 bits a number."""
    scale = rows.abs().amax(-1, keepdim=True).clamp(min=1e-12) / LARGEST
    return torch.round(rows / scale) * scale


def _fit(
    rows: Tensor, weights: Tensor, width: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Books (M, CODEWORDS, D) and codes (V, M) of rows (V, D); codeword 0 of each codebook is
    zero."""
    sample, weights = _sample(rows, weights, generator)
    rest, codebooks = sample.clone(), []
    for _ in range(width):  # each codebook has what those before it left
        codebook = _k_means(rest, weights, CODEWORDS, generator)
        rest -= codebook[_nearest(rest, codebook)]
        codebooks.append(codebook)
    first = together = torch.stack(codebooks)
    codes = _one_by_one(sample, first)
    for _ in range(ROUNDS):
        together = _least_squares(sample, weights, codes, together)
        codes = _improved(sample, codes, together)
    # From the codes that the codebooks began with: what others had begun with ends far worse.
    return together, _improved(rows, _one_by_one(rows, first), together, 2 * PASSES)


def _sample(rows: Tensor, weights: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows, and their weights; of many rows SAMPLE by their weight, which then need no other."""
    if len(rows) <= SAMPLE:
        return rows, weights / weights.mean()
    return rows[torch.multinomial(weights, SAMPLE, generator=generator)], torch.ones(SAMPLE)


def _k_means(rows: Tensor, weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """A codebook (count, D) for rows (n, D); its first codeword stays zero, as do those not needed.

    It begins as that of k-means++ (Arthur and Vassilvitskii, 2007): rows far from all codewords so
    far.
    """
    codebook = torch.zeros(count, rows.shape[1])
    norms = rows.square().sum(-1)
    distances = norms
    for number in range(1, count):
        worth = weights * distances
        if not len(rows) or worth.max() <= 0:
            break
        codeword = rows[torch.multinomial(worth, 1, generator=generator)[0]]
        codebook[number] = codeword
        distances = torch.minimum(
            distances, norms - 2 * (rows @ codeword) + codeword @ codeword
        ).clamp(min=0)
    for _ in range(ITERATIONS if count > 1 else 0):
        nearest = _nearest(rows, codebook)
        sums = torch.zeros_like(codebook).index_add_(0, nearest, rows * weights.unsqueeze(-1))
        shares = torch.zeros(count).index_add_(0, nearest, weights).unsqueeze(-1)
        codebook = torch.where(shares > 0, sums / shares.clamp(min=1e-12), codebook)
        codebook[0] = 0
    return codebook


def _nearest(rows: Tensor, codebook: Tensor) -> Tensor:
    """The codeword that is nearest to each row: (n, D), (W, D) -> (n,)."""
    norms = codebook.square().sum(-1) / 2
    parts = torch.split(rows, max(1, BLOCK * CODEWORDS // len(codebook)))
    return torch.cat([torch.argmax(torch.addmm(-norms, part, codebook.T), -1) for part in parts])


def _one_by_one(rows: Tensor, codebooks: Tensor) -> Tensor:
    """Codes (n, M) of rows (n, D), where each codebook does its best with what is left to it."""
    found = torch.empty(len(rows), len(codebooks), dtype=torch.uint8)
    for begin in range(0, len(rows), BLOCK):
        rest = rows[begin : begin + BLOCK].clone()
        for m, codebook in enumerate(codebooks):
            nearest = _nearest(rest, codebook)
            rest -= codebook[nearest]
            found[begin : begin + BLOCK, m] = nearest
    return found


def _improved(rows: Tensor, codes: Tensor, codebooks: Tensor, passes: int = PASSES) -> Tensor:
    """Codes (n, M) chosen anew one after the other, each the best beside the others.

    Iterated conditional modes, as in additive quantization.
    """
    found = torch.empty_like(codes)
    for begin in range(0, len(rows), BLOCK):
        chosen = codes[begin : begin + BLOCK].to(torch.int64)
        rest = rows[begin : begin + BLOCK].clone()
        for m, codebook in enumerate(codebooks):
            rest -= codebook[chosen[:, m]]
        for m, codebook in list(enumerate(codebooks)) * passes:
            rest += codebook[chosen[:, m]]
            chosen[:, m] = _nearest(rest, codebook)
            rest -= codebook[chosen[:, m]]
        found[begin : begin + BLOCK] = chosen
    return found


def _least_squares(rows: Tensor, weights: Tensor, codes: Tensor, codebooks: Tensor) -> Tensor:
    """The codebooks that are best for given codes, all together; codewords that nothing uses
    stay."""
    places = codes.to(torch.int64) + torch.arange(len(codebooks)) * CODEWORDS  # (n, M)
    size = len(codebooks) * CODEWORDS
    gram = torch.zeros(size * size)
    for a in places.T:
        for b in places.T:
            gram.index_add_(0, a * size + b, weights)
    sums = torch.zeros(size, rows.shape[1])
    for a in places.T:
        sums.index_add_(0, a, rows * weights.unsqueeze(-1))
    before = codebooks.view(size, -1)
    # A little of what each codeword was, so that there is one solution; codeword 0 stays as it is.
    hold = torch.full((size,), 1e-2)
    hold[::CODEWORDS] = 1e12
    left = gram.view(size, size).to(torch.float64) + torch.diag(hold.to(torch.float64))
    right = sums.to(torch.float64) + (hold.unsqueeze(-1) * before).to(torch.float64)
    solved = torch.cholesky_solve(right, torch.linalg.cholesky(left))
    found: Tensor = solved.to(torch.float32).view_as(codebooks)
    found[:, 0] = 0
    return found
