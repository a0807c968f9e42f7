"""[data] and [split]: where the log is, which events count and which are held out."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .base import Count, Fraction, Section

SourceName = Literal[
    "movielens/100k",
    "movielens/1m",
    "movielens/latest-small",
    "movielens/20m",
    "movielens/25m",
    "movielens/32m",
]


class DataConfig(Section):
    """Where the log is, what its columns are called, and which events count."""

    source: SourceName | None = Field(
        None, description="a published data set; downloaded unless `path` names a local copy"
    )
    path: str | None = Field(
        None,
        description="file, folder or glob of events (CSV, TSV, JSONL or Parquet, also .gz), or a "
        "URL such as gs://bucket/log/*.parquet",
    )
    user: str = Field("user_id", description="column with the user's id")
    item: str = Field("item_id", description="column with the item's id")
    time: str = Field("timestamp", description="column with the time of the event")
    time_format: Literal["auto", "seconds", "milliseconds", "iso8601", "order"] = Field(
        "auto", description="unit of `time`; `order` is any sortable column that is not a clock"
    )
    rating: str | None = Field(None, description="column with a rating; required by `min_rating`")
    items: str | None = Field(
        None, description="file with the catalogue: one row per item with id, title and attributes"
    )
    items_id: str = Field("id", description="column of the catalogue with the item's id")
    items_title: str = Field("title", description="column of the catalogue with the title")
    users: str | None = Field(None, description="file with one row per user: id and attributes")
    users_id: str = Field("id", description="column of that file with the user's id")
    exclude_seen: bool = Field(
        True,
        description="never recommend an item that is in the history; set false where users repeat",
    )
    repeats: Literal["all", "first"] | None = Field(
        None,
        description="which of a user's events with the same item are kept; default: `first` if "
        "`exclude_seen`, else `all`",
    )
    min_rating: float | None = Field(None, description="events with a lower rating are dropped")
    min_user_events: Count = Field(5, description="users with fewer events are dropped (k-core)")
    min_item_events: Count = Field(5, description="items with fewer events are dropped (k-core)")
    min_item_users: Count = Field(
        5,
        description="items with fewer distinct users are dropped (k-core): they may identify "
        "those users",
    )
    max_user_events: Count = Field(
        100_000,
        description="only the newest so many events of each user are read; more are usually "
        "a bot's",
    )
    buckets: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="parts that the users are divided into; more parts need less memory; default: "
        "8, or one per 1.5 million rows of the log",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source is not None:
            mapped = {"user", "item", "time", "time_format", "rating", "items"}
            mapped |= {"items_id", "items_title", "users", "users_id"}
            if conflicts := sorted(mapped & self.model_fields_set):
                raise ValueError(
                    f"data.{conflicts[0]} cannot be set beside data.source, which knows its columns"
                )
        elif self.min_rating is not None and self.rating is None:
            raise ValueError("data.min_rating needs data.rating, the column that holds ratings")
        return self

    @property
    def repeats_rule(self) -> Literal["all", "first"]:
        """The rule in force. `first` looks at no later event, so it cannot leak the future."""
        return self.repeats or ("first" if self.exclude_seen else "all")


class SplitConfig(Section):
    """Which events are for training, tuning and testing."""

    kind: Literal["leave-one-out", "time", "users"] = Field(
        "leave-one-out",
        description="what is held out: each user's last two events (one to tune, one to test), all "
        "events after a moment, or whole users",
    )
    valid_fraction: Fraction = Field(
        0.1, description="share of the events (time) or users (users) for tuning"
    )
    test_fraction: Fraction = Field(
        0.1, description="share of the events (time) or users (users) for testing"
    )
    seed: int = Field(
        1, ge=0, lt=2**32, description="random seed that chooses the held-out users (users)"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.valid_fraction + self.test_fraction >= 1:
            raise ValueError("split.valid_fraction + split.test_fraction must stay below 1")
        if self.kind != "users" and "seed" in self.model_fields_set:
            raise ValueError(f"split.seed has no effect on kind '{self.kind}': remove it")
        if self.kind == "leave-one-out" and (
            unused := {"valid_fraction", "test_fraction"} & self.model_fields_set
        ):
            raise ValueError(f"split.{min(unused)} has no effect on kind 'leave-one-out'")
        return self
