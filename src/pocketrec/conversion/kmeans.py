"""k-means with weights, for codebooks whose first codeword is zero."""

from __future__ import annotations

import torch
from torch import Tensor

ITERATIONS = 10
"""Iterations of Lloyd's algorithm."""
PRODUCTS = 2**24
"""Most distances in memory at a time."""


def k_means(rows: Tensor, weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """A codebook (count, D) for rows (n, D) with weights (n,).

    The first codeword stays zero, as do codewords that are not needed. The others start as in
    k-means++ (Arthur and Vassilvitskii, 2007), at rows far from all codewords so far.
    """
    codebook = torch.zeros(count, rows.shape[1])
    norms = rows.square().sum(-1)
    distances = norms
    for number in range(1, count):
        chances = weights * distances
        if not len(rows) or chances.max() <= 0:  # every row is a codeword already
            break
        codeword = rows[torch.multinomial(chances, 1, generator=generator)[0]]
        codebook[number] = codeword
        # |row - codeword|^2, multiplied out; rounding may take it below zero.
        distances = torch.minimum(
            distances, norms - 2 * (rows @ codeword) + codeword @ codeword
        ).clamp(min=0)
    for _ in range(ITERATIONS if count > 1 else 0):
        nearest = nearest_codewords(rows, codebook)
        sums = torch.zeros_like(codebook).index_add_(0, nearest, rows * weights.unsqueeze(-1))
        shares = torch.zeros(count).index_add_(0, nearest, weights).unsqueeze(-1)
        # A codeword to which no row is nearest keeps its place.
        codebook = torch.where(shares > 0, sums / shares.clamp(min=1e-12), codebook)
        codebook[0] = 0
    return codebook


def nearest_codewords(rows: Tensor, codebook: Tensor) -> Tensor:
    """The index of the codeword nearest to each row: (n, D), (W, D) -> (n,)."""
    # The nearest has the largest row @ codeword - |codeword|^2 / 2: the row's norm plays no part.
    norms = codebook.square().sum(-1) / 2
    parts = torch.split(rows, max(1, PRODUCTS // len(codebook)))
    return torch.cat([torch.argmax(torch.addmm(-norms, part, codebook.T), -1) for part in parts])
