"""Additive quantization: rows as sums of codewords, one from each codebook."""

from __future__ import annotations

import torch
from torch import Tensor

from .kmeans import nearest_codewords

BLOCK = 2**16
"""Rows that are coded at a time."""


def greedy_codes(rows: Tensor, codebooks: Tensor) -> Tensor:
    """Codes (n, M) of rows (n, D): each codebook in turn codes what the ones before it left."""
    codes = torch.empty(len(rows), len(codebooks), dtype=torch.uint8)
    for begin in range(0, len(rows), BLOCK):
        rest = rows[begin : begin + BLOCK].clone()
        for m, codebook in enumerate(codebooks):
            nearest = nearest_codewords(rest, codebook)
            rest -= codebook[nearest]
            codes[begin : begin + BLOCK, m] = nearest
    return codes


def improved_codes(rows: Tensor, codes: Tensor, codebooks: Tensor, passes: int) -> Tensor:
    """Better codes (n, M): each is chosen again, the best one given an item's other codes.

    This is iterated conditional modes (Besag, 1986), `passes` times over all codebooks.
    """
    better = torch.empty_like(codes)
    for begin in range(0, len(rows), BLOCK):
        chosen = codes[begin : begin + BLOCK].to(torch.int64)
        # What all codewords together leave of the rows.
        rest = rows[begin : begin + BLOCK].clone()
        for m, codebook in enumerate(codebooks):
            rest -= codebook[chosen[:, m]]
        for m, codebook in list(enumerate(codebooks)) * passes:
            rest += codebook[chosen[:, m]]
            chosen[:, m] = nearest_codewords(rest, codebook)
            rest -= codebook[chosen[:, m]]
        better[begin : begin + BLOCK] = chosen
    return better


def fitted_codebooks(rows: Tensor, weights: Tensor, codes: Tensor, codebooks: Tensor) -> Tensor:
    """The best codebooks (M, W, D) for given codes, by weighted least squares over all of them.

    Codewords that no row uses stay as they are, and codeword 0 of each codebook stays zero.
    """
    count, codewords, _ = codebooks.shape
    # A row is the sum of M of the M * W codewords; these are their indices.
    places = codes.to(torch.int64) + torch.arange(count) * codewords  # (n, M)
    size = count * codewords
    # The normal equations: how often two codewords are used together, and the sums of their rows.
    gram = torch.zeros(size * size)
    for a in places.T:
        for b in places.T:
            gram.index_add_(0, a * size + b, weights)
    sums = torch.zeros(size, rows.shape[1])
    for a in places.T:
        sums.index_add_(0, a, rows * weights.unsqueeze(-1))
    before = codebooks.view(size, -1)
    # Pull each codeword a little toward its old value, so that there is one solution; hold
    # codeword 0 where it is.
    hold = torch.full((size,), 1e-2)
    hold[::codewords] = 1e12
    left = gram.view(size, size).to(torch.float64) + torch.diag(hold.to(torch.float64))
    right = sums.to(torch.float64) + (hold.unsqueeze(-1) * before).to(torch.float64)
    solved = torch.cholesky_solve(right, torch.linalg.cholesky(left))
    fitted: Tensor = solved.to(torch.float32).view_as(codebooks)
    fitted[:, 0] = 0
    return fitted
