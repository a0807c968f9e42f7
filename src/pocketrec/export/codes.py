"""The item table in a few bytes an item: a centre and words, fitted to the scores users see."""

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

WORDS = 256
"""Codewords of a book: as many as a byte can name."""
CENTRES, CENTRE_SHARE = 2**16, 4
"""Most centres, as many as two bytes can name, and how many items there is one for, if so many."""
LARGEST = 7
"""What a centre's largest number becomes, of 4 bits; what that loses is left to the words."""
SAMPLE, USERS = 2**16, 2048
"""Most items that books are fitted to, and users that say which errors matter."""
ITERATIONS, ROUNDS, PASSES = 10, 8, 2
"""Of k-means for each book; of all books together; over an item's codes in each of the latter."""
POPULARITY = 1.0
"""An item's error weighs so many powers of its count: popular ones are in more lists."""
HEAD, HEAD_SHARE = 8192, 16
"""Most of the popular items that keep rows of their own, of 8 bits, and of how many items one is
such at most: most places of most lists are theirs, and .6 MB is little beside a million items."""
RIDGE = 1e-3
BLOCK = 2**16
SETTINGS = (
    *(WORDS, SAMPLE, USERS, ITERATIONS, ROUNDS, PASSES),
    *(POPULARITY, RIDGE, HEAD, HEAD_SHARE, CENTRES, CENTRE_SHARE, LARGEST),
)
"""All that the fit depends on beside the model, the log and the config."""


@dataclass(frozen=True)
class Codes:
    """Item i is head[i], if it has such a row, and else a centre and a word of each book, added up.

    An item's first two codes are the number of its centre, the lower byte first, the others those
    of words. The head's codes are all 0, as are centre 0 and word 0 of each book; row 0 of the head
    is padding's, zero.
    """

    centres: FloatArray  # (W, D)
    books: FloatArray  # (M - 2, WORDS, D)
    codes: npt.NDArray[np.uint8]  # (V + 1, M)
    head: FloatArray  # (H, D)

    def decoded(self) -> FloatArray:
        """The table as it is now: (V + 1, D)."""
        low, high, *columns = self.codes.T
        table: FloatArray = self.centres[low + high.astype(np.int32) * WORDS]
        for book, column in zip(self.books, columns, strict=True):
            table += book[column]
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

    The nearest of many centres, and what is left as a sum of words: additive quantization (Babenko
    and Lempitsky, 2014), which costs at scoring what product quantization does (Jégou et al., 2011;
    for recommenders RecJPQ, Petrov and Macdonald, 2024) and is closer. What is made small is not
    the error of vectors, but of scores: rows are moved to where the distance of two is the mean
    squared difference of their products with users' vectors, which are the model's states on
    training events. `sequences` are these events, with the model's features, of some users;
    `counts` (V,) all training events of items 1..V.
    """
    table = model.table.detach()
    there, back = _metric(_moment(model, sequences))
    weights = torch.from_numpy(counts).to(torch.float32).clamp(min=1) ** POPULARITY
    head = min(HEAD, model.item_count // HEAD_SHARE) + PADDING + 1
    generator = torch.Generator().manual_seed(seed)
    rows, weights = table[head:] @ there, weights[head - 1 :]
    centres, nearest = _centres(rows, weights, generator)
    centres = _rounded(centres @ back)
    books, codes = _fit(rows - (centres @ there)[nearest], weights, width - 2, generator)
    codes = torch.cat([nearest.unsqueeze(-1) % WORDS, nearest.unsqueeze(-1) // WORDS, codes], -1)
    own = table[:head].clone()
    own[PADDING] = 0
    return Codes(
        centres.numpy(),
        (books @ back).numpy(),
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
        for feature in model.inputs:
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


def _centres(rows: Tensor, weights: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Centres (W, D), of which the first is zero, and the number of each row's, (n,).

    k-means in two steps: of WORDS words, and of as many within each as its share of the error is.
    """
    count = min(CENTRES, max(WORDS, len(rows) // CENTRE_SHARE), len(rows))
    sample, of_sample = _sample(rows, weights, generator)
    book = _k_means(sample, of_sample, min(WORDS, count), generator)
    word = _nearest(rows, book)
    rest = rows - book[word]
    error = torch.zeros(len(book)).index_add_(0, word, rest.square().sum(-1) * weights)
    counts = 1 + _shared(count - len(book), error, torch.bincount(word, minlength=len(book)))
    centres, numbers, begin = [], torch.empty(len(rows), dtype=torch.int64), 0
    for number, one in enumerate(book):
        (members,) = torch.nonzero(word == number, as_tuple=True)
        sample, of_sample = _sample(rest[members], weights[members], generator)
        within = _k_means(sample, of_sample, int(counts[number]), generator)
        numbers[members] = begin + _nearest(rest[members], within)
        centres.append(one + within)
        begin += len(within)
    return torch.cat(centres), numbers


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
    """Books (M, WORDS, D) and codes (V, M) of rows (V, D); word 0 of each book is zero."""
    sample, weights = _sample(rows, weights, generator)
    rest, books = sample.clone(), []
    for _ in range(width):  # each book has what those before it left
        book = _k_means(rest, weights, WORDS, generator)
        rest -= book[_nearest(rest, book)]
        books.append(book)
    first = together = torch.stack(books)
    codes = _one_by_one(sample, first)
    for _ in range(ROUNDS):
        together = _least_squares(sample, weights, codes, together)
        codes = _improved(sample, codes, together)
    # From the codes that the books began with: what others had begun with ends far worse.
    return together, _improved(rows, _one_by_one(rows, first), together, 2 * PASSES)


def _sample(rows: Tensor, weights: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows, and their weights; of many rows SAMPLE by their weight, which then need no other."""
    if len(rows) <= SAMPLE:
        return rows, weights / weights.mean()
    return rows[torch.multinomial(weights, SAMPLE, generator=generator)], torch.ones(SAMPLE)


def _k_means(rows: Tensor, weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """A book (count, D) for rows (n, D); its first word stays zero, as do those not needed.

    It begins as that of k-means++ (Arthur and Vassilvitskii, 2007): rows far from all words so far.
    """
    book = torch.zeros(count, rows.shape[1])
    norms = rows.square().sum(-1)
    distances = norms
    for number in range(1, count):
        worth = weights * distances
        if not len(rows) or worth.max() <= 0:
            break
        word = rows[torch.multinomial(worth, 1, generator=generator)[0]]
        book[number] = word
        distances = torch.minimum(distances, norms - 2 * (rows @ word) + word @ word).clamp(min=0)
    for _ in range(ITERATIONS if count > 1 else 0):
        nearest = _nearest(rows, book)
        sums = torch.zeros_like(book).index_add_(0, nearest, rows * weights.unsqueeze(-1))
        shares = torch.zeros(count).index_add_(0, nearest, weights).unsqueeze(-1)
        book = torch.where(shares > 0, sums / shares.clamp(min=1e-12), book)
        book[0] = 0
    return book


def _nearest(rows: Tensor, book: Tensor) -> Tensor:
    """The word that is nearest to each row: (n, D), (W, D) -> (n,)."""
    norms = book.square().sum(-1) / 2
    parts = torch.split(rows, max(1, BLOCK * WORDS // len(book)))
    return torch.cat([torch.argmax(torch.addmm(-norms, part, book.T), -1) for part in parts])


def _one_by_one(rows: Tensor, books: Tensor) -> Tensor:
    """Codes (n, M) of rows (n, D), where each book does its best with what is left to it."""
    found = torch.empty(len(rows), len(books), dtype=torch.uint8)
    for begin in range(0, len(rows), BLOCK):
        rest = rows[begin : begin + BLOCK].clone()
        for m, book in enumerate(books):
            nearest = _nearest(rest, book)
            rest -= book[nearest]
            found[begin : begin + BLOCK, m] = nearest
    return found


def _improved(rows: Tensor, codes: Tensor, books: Tensor, passes: int = PASSES) -> Tensor:
    """Codes (n, M) chosen anew one after the other, each the best beside the others.

    Iterated conditional modes, as in additive quantization.
    """
    found = torch.empty_like(codes)
    for begin in range(0, len(rows), BLOCK):
        chosen = codes[begin : begin + BLOCK].to(torch.int64)
        rest = rows[begin : begin + BLOCK].clone()
        for m, book in enumerate(books):
            rest -= book[chosen[:, m]]
        for m, book in list(enumerate(books)) * passes:
            rest += book[chosen[:, m]]
            chosen[:, m] = _nearest(rest, book)
            rest -= book[chosen[:, m]]
        found[begin : begin + BLOCK] = chosen
    return found


def _least_squares(rows: Tensor, weights: Tensor, codes: Tensor, books: Tensor) -> Tensor:
    """The books that are best for given codes, all together; words that nothing uses stay."""
    places = codes.to(torch.int64) + torch.arange(len(books)) * WORDS  # (n, M)
    size = len(books) * WORDS
    gram = torch.zeros(size * size)
    for a in places.T:
        for b in places.T:
            gram.index_add_(0, a * size + b, weights)
    sums = torch.zeros(size, rows.shape[1])
    for a in places.T:
        sums.index_add_(0, a, rows * weights.unsqueeze(-1))
    before = books.view(size, -1)
    # A little of what each word was, so that there is one solution; word 0 stays as it is.
    hold = torch.full((size,), 1e-2)
    hold[::WORDS] = 1e12
    left = gram.view(size, size).to(torch.float64) + torch.diag(hold.to(torch.float64))
    right = sums.to(torch.float64) + (hold.unsqueeze(-1) * before).to(torch.float64)
    solved = torch.cholesky_solve(right, torch.linalg.cholesky(left))
    found: Tensor = solved.to(torch.float32).view_as(books)
    found[:, 0] = 0
    return found
