"""[features]: what the model knows beside item ids."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ..features.encoding import FeatureKind, TimeFeature
from ..features.values import plain_name
from .base import Probability, Section


class FeaturesConfig(Section):
    """What the model knows beside ids, by name: "category" (one value or several) or "number"."""

    event: dict[str, FeatureKind] = Field(
        {}, description="of each event, columns of the log: a rating, a price, tags"
    )
    time: list[TimeFeature] = Field(
        [],
        description="of each event's time: `gap` since the event before, `now` (until the next "
        "one, or until the moment of asking), `hour` and `weekday` in UTC",
    )
    user: dict[str, FeatureKind] = Field(
        {}, description="of each user, columns of data.users: an age, a country"
    )
    item: dict[str, FeatureKind] = Field(
        {},
        description="attributes of items, columns of the catalogue; they cost the device nothing",
    )
    dropout: Probability = Field(
        0.2,
        description="share of the values of events and users dropped in training, so that the "
        "model copes when they are missing",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if twice := sorted(set(self.event) & set(self.time)):
            raise ValueError(f"features.event.{twice[0]} has the name of one of features.time")
        if len(set(self.time)) < len(self.time):
            raise ValueError("features.time names a feature twice")
        if "dropout" in self.model_fields_set and not (self.event or self.time or self.user):
            raise ValueError("features.dropout has no effect without features of events or users")
        told = ([*self.event, *self.time], self.user)
        if any(len({*map(plain_name, names)}) < len(names) for names in told):
            raise ValueError("two features have names that differ in signs only: rename a column")
        return self
