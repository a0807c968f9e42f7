"""The item table, shared by lookup, scoring and the device's file."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..features.attributes import ItemAttributes
from ..schema import PADDING


class ItemTable(nn.Module):
    """An embedding for each item: its own vector plus those of its attributes' values.

    e(i) = own(i) + sum over the values a of item i of weight(i, a) * value(a)

    Rare items borrow from the items that share their attributes (Kula, 2015, "Metadata Embeddings
    for User and Item Cold-start Recommendations"; here the same table is input and output). On the
    device the sum is one plain table: attributes cost nothing there.
    """

    rows: Tensor
    weights: Tensor

    def __init__(self, item_count: int, dim: int, attributes: ItemAttributes | None) -> None:
        super().__init__()
        self.table = nn.Embedding(item_count + 1, dim)
        nn.init.normal_(self.table.weight, std=dim**-0.5)
        with torch.no_grad():
            # Zero at the start, and no gradient ever reaches this row.
            self.table.weight[PADDING].zero_()
        self.value_table: nn.Parameter | None = None
        if attributes is not None:
            # Half as long as items' own vectors: several of them are added up.
            values = torch.randn(attributes.table_rows, dim) * (0.5 * dim**-0.5)
            self.value_table = nn.Parameter(values)
            # Not in checkpoints: they are read from the catalogue each time.
            self.register_buffer("rows", torch.from_numpy(attributes.rows), persistent=False)
            self.register_buffer("weights", torch.from_numpy(attributes.weights), persistent=False)

    def forward(self, items: Tensor | None = None) -> Tensor:
        """The whole table (V + 1, D), row 0, padding, zero; or its rows `items` (n,) -> (n, D).

        The gradient of selected rows is sparse: O(n) time and memory, whatever V is.
        """
        if items is None:
            own = self.table.weight
        else:
            own = F.embedding(items, self.table.weight, sparse=True)
        if self.value_table is None:
            return own
        rows, weights = self.rows, self.weights
        if items is not None:
            rows, weights = rows[items], weights[items]
        return own + F.embedding_bag(
            rows,
            self.value_table,
            per_sample_weights=weights,
            mode="sum",
            sparse=items is not None,
        )
