"""The trained model: an item table, a user encoder, and their product."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..config.model import ModelConfig
from ..features.attributes import ItemAttributes
from ..features.encoding import Feature
from ..schema import PADDING
from .encoders import build_encoder
from .features import EventFeatures, TensorRows, UserFeatures
from .groups import GroupedEncoder
from .items import ItemTable
from .successors import SMALLEST, Successors


class RecommenderModel(nn.Module):
    """Maps histories to user vectors, and user vectors to a logit for every item.

    Training uses `states`; the device computes `user_vector` and `scores`.
    """

    def __init__(
        self,
        item_count: int,
        config: ModelConfig,
        attributes: ItemAttributes | None = None,
        features: Sequence[Feature] = (),
    ) -> None:
        super().__init__()
        self.config = config
        self.item_count = item_count
        self.items = ItemTable(item_count, config.dim, attributes)
        self.features = tuple(features)
        self.user_features = UserFeatures(config, features)
        if config.groups:
            self.groups: GroupedEncoder | None = GroupedEncoder(config, features)
        else:
            self.groups = None
            self.event_features = EventFeatures(config, features)
            self.encoder = build_encoder(config)
        self.norm = nn.LayerNorm(config.dim)
        # The vector of a user without history, trained to predict any event of any user.
        self.cold_start = nn.Parameter(torch.zeros(config.dim))
        self.successors = (
            Successors(item_count, config.successors, config.successor_share)
            if config.successors
            else None
        )

    @property
    def device(self) -> torch.device:
        """The device of the weights, where all inputs have to be."""
        return self.cold_start.device

    @property
    def max_length(self) -> int:
        """L, the number of newest events that are read."""
        return self.config.value("max_length")

    @property
    def table(self) -> Tensor:
        """Item embeddings including attributes (V + 1, D); row 0 is padding."""
        output: Tensor = self.items()
        return output

    def states(
        self, item_id: Tensor, rows: TensorRows | None = None, table: Tensor | None = None
    ) -> Tensor:
        """User vectors after every event: item_id (B, L), padded at the end -> (B, L, D).

        `rows` of features by input: of events (B, L, M), of users (B, M); features without rows
        are missing. `table` is the item table, for callers that have computed it already.
        """
        encoded = self._encoded(item_id, rows, self.table if table is None else table, last=False)
        output: Tensor = self.norm(encoded + self.user_features(item_id, rows).unsqueeze(1))
        return output

    def cold_starts(self, item_id: Tensor, rows: TensorRows | None = None) -> Tensor:
        """User vectors before any event, from user features alone: -> (B, D)."""
        vectors: Tensor = self.cold_start + self.user_features(item_id, rows)
        return vectors.expand(len(item_id), -1)

    def user_vector(self, item_id: Tensor, rows: TensorRows | None = None) -> Tensor:
        """User vectors after the last event: item_id (B, L) int32 -> (B, D).

        The `cold_starts` for an empty history.
        """
        return self._as_of_now(self._encoded(item_id, rows, self.table, last=True), item_id, rows)

    @property
    def state_width(self) -> int | None:
        """S, the width of the state that `step` updates; None for an encoder without one."""
        return (self.encoder if self.groups is None else self.groups).state_width

    def step(
        self, state: Tensor, item_id: Tensor, rows: TensorRows | None = None
    ) -> tuple[Tensor, Tensor]:
        """`user_vector` from the newest two events and the state (B, S) before them.

        item_id (B, L) is the whole history; `rows` of events are of its newest two (B, 2, M), older
        first, or missing. Returns the state before the newest event (B, S), for the next call, and
        the user vector (B, D).
        """
        # Not the state after the newest event: its features, such as `now`, can change until the
        # next event comes, so each call reads it again.
        newest = _newest_two(item_id)
        after, _ = self._next(state, newest, rows, 0)
        # With fewer than two events there is no older one, and the state stays as it is. By
        # arithmetic, because the graph has no branches.
        happened = (newest[:, :1] != PADDING).to(state.dtype)
        state = happened * after + (1 - happened) * state
        _, encoded = self._next(state, newest, rows, 1)
        return state, self._as_of_now(encoded, item_id, rows)

    def _next(
        self, state: Tensor, newest: Tensor, rows: TensorRows | None, index: int
    ) -> tuple[Tensor, Tensor]:
        """The state (B, S) and the encoder's output (B, D) after event 0 or 1 of the newest two."""
        item_id = newest[:, index : index + 1]
        of_event = {
            feature.input: rows[feature.input][:, index : index + 1]
            for feature in self.features
            if rows is not None and feature.of == "event" and feature.input in rows
        }
        if self.groups is not None:
            return self.groups.step(state, item_id, self.table, of_event)
        x = self.event_features(item_id, self.table, of_event).squeeze(1)
        return self.encoder.step(state, x)

    def _as_of_now(self, encoded: Tensor, item_id: Tensor, rows: TensorRows | None) -> Tensor:
        """User vectors from the encoder's output after the last event (B, D): -> (B, D)."""
        known = self.user_features(item_id, rows)
        # Selected by arithmetic: of an empty history the encoder's output means nothing.
        some = (lengths_of(item_id) > 0).unsqueeze(-1).to(encoded.dtype)
        output: Tensor = some * self.norm(encoded + known) + (1 - some) * (self.cold_start + known)
        return output

    def _encoded(
        self, item_id: Tensor, rows: TensorRows | None, table: Tensor, *, last: bool
    ) -> Tensor:
        """The output of the encoder, or of the groups: (B, L, D), or (B, D) with `last`."""
        lengths = lengths_of(item_id)
        if self.groups is not None:
            states: Tensor = self.groups(item_id, table, rows, lengths, last=last)
            return states
        x = self.event_features(item_id, table, rows)
        return self.encoder.last(x, lengths) if last else self.encoder(x, lengths)

    def logits(self, user: Tensor) -> Tensor:
        """Products with all rows of the table, padding included: (B, D) -> (B, V + 1).

        Divided by the temperature, which changes the ranking only where successors are mixed in.
        """
        return self._divided_by_temperature(nn.functional.linear(user, self.table))

    def logits_of(self, user: Tensor, candidates: Tensor) -> Tensor:
        """Logits of some items, reading only their rows: (B, D), (B, C) -> (B, C).

        Of a folded model, whose table has the attributes in it.
        """
        rows = self.items.table(candidates)  # (B, C, D)
        return self._divided_by_temperature(torch.matmul(rows, user.unsqueeze(-1)).squeeze(-1))

    def _divided_by_temperature(self, logits: Tensor) -> Tensor:
        return logits if self.config.temperature == 1 else logits / self.config.temperature

    def scores(self, user: Tensor, item_id: Tensor) -> Tensor:
        """The scores of a list: user (B, D), item_id (B, L) -> (B, V + 1).

        The logits; with successors, log-probabilities that include the votes of the newest events.
        """
        return self.scores_from(self.ranking_score(user, item_id))

    def ranking_score(self, user: Tensor, item_id: Tensor) -> Tensor:
        """Cheaper values in the order of the scores: logits, or with successors probabilities."""
        logits = self.logits(user)
        if self.successors is None:
            return logits
        output: Tensor = self.successors(logits, item_id, lengths_of(item_id))
        return output

    def scores_from(self, ranking_score: Tensor) -> Tensor:
        """Scores of any part of a `ranking_score`; an item masked there, by -1e9, stays masked."""
        if self.successors is None:
            return ranking_score
        # The second term is 0 for a probability and -1e9 for a masked item.
        return torch.log(ranking_score.clamp(min=SMALLEST)) + ranking_score.clamp(max=0)

    def folded(self) -> RecommenderModel:
        """The same model for the device: one plain item table, with the attributes added in."""
        plain = RecommenderModel(self.item_count, self.config, features=self.features)
        state = self.state_dict() | {"items.table.weight": self.table.detach()}
        # `load_state_dict` is strict: the plain table has no attribute values.
        state.pop("items.value_table", None)
        plain.load_state_dict(state)
        return plain.eval()


def lengths_of(item_id: Tensor) -> Tensor:
    """The number of events of each history: (B, L) -> (B,) int32."""
    return (item_id != PADDING).to(torch.int32).sum(-1, dtype=torch.int32)


def _newest_two(item_id: Tensor) -> Tensor:
    """The newest two events, older first, 0 where there is none: item_id (B, L) -> (B, 2)."""
    index = lengths_of(item_id).unsqueeze(-1) - 2
    index = index + torch.arange(2, dtype=torch.int32, device=item_id.device)
    newest = torch.gather(item_id, 1, index.clamp(min=0).to(torch.int64))
    return newest * (index >= 0).to(newest.dtype)
