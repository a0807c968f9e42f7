"""[features]: what the model knows besides item ids."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ..features.encoding import FeatureKind, TimeFeature
from ..features.values import plain_name
from .base import Probability, Section


class FeaturesConfig(Section):
    """What the model knows besides ids; each is a "category" (one or more values) or a "number"."""

    event: dict[str, FeatureKind] = Field(
        {}, description="columns of the log, one value per event: a rating, a price, tags"
    )
    time: list[TimeFeature] = Field(
        [],
        description="taken from the time of each event: `gap` since the event before it, `now` "
        "(until the next event, or until the recommendation), `hour` and `weekday` in UTC",
    )
    user: dict[str, FeatureKind] = Field(
        {}, description="columns of data.users, one value per user: an age, a country"
    )
    item: dict[str, FeatureKind] = Field(
        {},
        description="columns of the catalogue, attributes of items; they cost the device nothing",
    )
    dropout: Probability = Field(
        0.2,
        description="share of the values of event and user features dropped in training, so that "
        "the model copes with missing ones",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if twice := sorted(set(self.event) & set(self.time)):
            raise ValueError(
                f"features.event.{twice[0]} has the name of one of features.time: rename the column"
            )
        if len(set(self.time)) < len(self.time):
            raise ValueError("features.time names a feature twice: remove one")
        if "dropout" in self.model_fields_set and not (self.event or self.time or self.user):
            raise ValueError(
                "features.dropout has no effect without features of events or users: remove it"
            )
        # The device names inputs with a-z, 0-9 and _ only: `Gap` and `gap` would be one input.
        for names in ([*self.event, *self.time], self.user):
            if len({*map(plain_name, names)}) < len(names):
                raise ValueError(
                    "two features have names that differ in signs only: rename a column"
                )
        return self
