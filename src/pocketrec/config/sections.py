"""One TOML file per experiment, checked: unknown keys and values out of range are refused.

Each field carries its meaning as a description, so that documents and errors can quote it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from ..errors import ConfigError
from ..features.encoding import FeatureKind, TimeFeature, plain_name
from ..schema import LARGEST_BLOCKED, LARGEST_DIM, LARGEST_LENGTH
from ..storage.paths import Place, place

EncoderName = Literal["bow", "cnn", "lstm", "gru", "transformer"]
SourceName = Literal[
    "movielens/100k",
    "movielens/1m",
    "movielens/latest-small",
    "movielens/20m",
    "movielens/25m",
    "movielens/32m",
]

Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Probability = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A table of the TOML; frozen, and strict about keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataConfig(Section):
    """Where the log is, what its columns are called, and which events count."""

    source: SourceName | None = Field(
        None, description="a published data set; downloaded, unless `path` names a local copy"
    )
    path: str | None = Field(
        None,
        description="file, folder or glob of events (CSV, TSV, JSONL, Parquet; .gz too), also at "
        "a URL such as gs://bucket/log/*.parquet",
    )
    user: str = Field("user_id", description="column that says who")
    item: str = Field("item_id", description="column that says what")
    time: str = Field("timestamp", description="column that says when")
    time_format: Literal["auto", "seconds", "milliseconds", "iso8601", "order"] = Field(
        "auto", description="unit of `time`; `order` is any sortable column that is no clock"
    )
    rating: str | None = Field(None, description="column with a rating; needed by `min_rating`")
    items: str | None = Field(None, description="file with the catalogue: id, title, attributes")
    items_id: str = Field("id", description="column of the catalogue that holds the item's id")
    items_title: str = Field("title", description="column of the catalogue that holds the title")
    users: str | None = Field(None, description="file with a row for each user: id, attributes")
    users_id: str = Field("id", description="column of that file that holds the user's id")
    exclude_seen: bool = Field(
        True, description="never recommend what the history holds; false where users repeat"
    )
    repeats: Literal["all", "first"] | None = Field(
        None,
        description="events kept of a user with the same item; default: `first` when seen items "
        "are excluded, else `all`",
    )
    min_rating: float | None = Field(None, description="events with a lower rating are dropped")
    min_user_events: Count = Field(5, description="users with fewer events are dropped (k-core)")
    min_item_events: Count = Field(5, description="items with fewer events are dropped (k-core)")
    min_item_users: Count = Field(
        5,
        description="items that fewer different users touched are dropped (k-core): they may tell "
        "who these are",
    )
    max_user_events: Count = Field(
        100_000,
        description="of each user the newest so many events are read: who has more is no person",
    )
    buckets: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="parts that users are cut into; more need less memory; default: 8, or one for "
        "every 1.5 million rows of the log",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source is None and self.path is None:
            raise ValueError('give data.path = "events.csv" or data.source = "movielens/100k"')
        if self.source is not None:
            mapped = {"user", "item", "time", "time_format", "rating", "items"}
            mapped |= {"items_id", "items_title", "users", "users_id"}
            if given := sorted(mapped & self.model_fields_set):
                raise ValueError(
                    f"data.{given[0]} cannot be set beside data.source, which knows its columns"
                )
        elif self.min_rating is not None and self.rating is None:
            raise ValueError("data.min_rating needs data.rating, the column that holds ratings")
        elif self.items is None and (unused := {"items_id", "items_title"} & self.model_fields_set):
            raise ValueError(f"data.{min(unused)} has no effect without data.items, the catalogue")
        if self.source is None and self.users is None and "users_id" in self.model_fields_set:
            raise ValueError("data.users_id has no effect without data.users")
        return self

    @property
    def repeats_rule(self) -> Literal["all", "first"]:
        """The rule in force: `first` looks at no later event, so it cannot leak the future."""
        return self.repeats or ("first" if self.exclude_seen else "all")


class SplitConfig(Section):
    """Which events train, which tune and which test."""

    kind: Literal["leave-one-out", "time", "users"] = Field(
        "leave-one-out",
        description="each user's last event tests and the one before it tunes; or a global "
        "moment; or users that training never saw",
    )
    valid_fraction: Fraction = Field(0.1, description="share of events (time) or users for tuning")
    test_fraction: Fraction = Field(0.1, description="share of events (time) or users for testing")
    seed: int = Field(1, ge=0, lt=2**32, description="chooses the held-out users")

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
    hidden: Probability = Field(
        0.2,
        description="share of the values of events and users hidden in training, so that the "
        "model knows what to do without them",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if twice := sorted(set(self.event) & set(self.time)):
            raise ValueError(f"features.event.{twice[0]} has the name of one of features.time")
        if len(set(self.time)) < len(self.time):
            raise ValueError("features.time names a feature twice")
        if "hidden" in self.model_fields_set and not (self.event or self.time or self.user):
            raise ValueError("features.hidden has no effect without features of events or users")
        told = ([*self.event, *self.time], self.user)
        if any(len({*map(plain_name, names)}) < len(names) for names in told):
            raise ValueError("two features have names that differ in signs only: rename a column")
        return self


ENCODER_FIELDS: dict[str, frozenset[str]] = {
    "bow": frozenset({"layers", "feedforward"}),
    "cnn": frozenset({"layers", "kernel_size"}),
    "lstm": frozenset({"layers"}),
    "gru": frozenset({"layers"}),
    "transformer": frozenset({"layers", "heads", "feedforward"}),
}
"""Which of the optional fields of [model] each encoder reads; the others are refused."""

ENCODER_DEFAULTS: dict[str, dict[str, int]] = {
    "bow": {"layers": 1, "feedforward": 4, "max_length": 200},
    "cnn": {"layers": 4, "kernel_size": 3, "max_length": 200},
    "lstm": {"layers": 1, "max_length": 50},
    "gru": {"layers": 1, "max_length": 50},
    "transformer": {"layers": 2, "heads": 2, "feedforward": 4, "max_length": 200},
}
"""Recurrent encoders are unrolled in the exported graph, which costs ops: they get L = 50."""


ITEM_ID = "item_id"
"""The name by which a group of features asks for the items themselves."""


class GroupConfig(Section):
    """Features of events that an encoder of their own reads."""

    features: list[str] = Field(
        min_length=1, description=f'names of features of events and times, and "{ITEM_ID}"'
    )
    encoder: EncoderName = Field(description="how the group's events become a vector")


class ModelConfig(Section):
    """The user encoder and its size; what an encoder does not read it refuses."""

    encoder: EncoderName = Field("transformer", description="how a history becomes a user vector")
    groups: dict[str, GroupConfig] = Field(
        {},
        description="groups of features with an encoder each, joined by a hidden layer; without "
        "any, the features of an event are added up for one encoder",
    )
    dim: int = Field(
        64, ge=4, le=LARGEST_DIM, description="width D of item embeddings and user vectors"
    )
    max_length: int | None = Field(
        None, ge=1, le=LARGEST_LENGTH, description="newest events kept, L; 200, for lstm and gru 50"
    )
    layers: int | None = Field(None, ge=1, le=32, description="blocks, layers or hidden layers")
    heads: int | None = Field(None, ge=1, le=64, description="attention heads (transformer)")
    feedforward: int | None = Field(
        None, ge=1, le=16, description="hidden width of a block's two-layer part, in units of D"
    )
    kernel_size: int | None = Field(None, ge=2, le=16, description="events per convolution (cnn)")
    dropout: Probability = Field(0.2, description="share of activations dropped in training")
    item_dropout: Probability = Field(0.1, description="share of history items hidden in training")
    temperature: float = Field(
        1.0, gt=0, le=100, description="logits are divided by it, in training and on the device"
    )
    followers: int = Field(
        8,
        ge=0,
        le=256,
        description="items kept that most often soon follow each item, at 4 bytes each in the file "
        "(2 below 32,768 items), which large catalogues may not be worth; 0: none",
    )
    min_follower_users: Count = Field(
        5, description="a follower is kept if so many users made it one, for it tells of them"
    )
    follower_share: Fraction = Field(
        0.2, description="share of the probability that the newest events' followers get"
    )

    @model_validator(mode="after")
    def _fill(self) -> Self:
        chosen = {"encoder", "layers", "heads", "feedforward", "kernel_size"}
        if self.groups and (unused := sorted(chosen & self.model_fields_set)):
            raise ValueError(f"model.{unused[0]} has no effect beside model.groups, which choose")
        reads = ENCODER_FIELDS[self.encoder]
        optional = frozenset[str]().union(*ENCODER_FIELDS.values())
        for name in sorted(optional - reads):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"model.{name} has no effect on encoder '{self.encoder}': remove it"
                )
        for name, value in ENCODER_DEFAULTS[self.encoder].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if self.heads is not None and self.dim % self.heads:
            raise ValueError(f"model.dim = {self.dim} must be a multiple of heads = {self.heads}")
        of_followers = {"follower_share", "min_follower_users"} & self.model_fields_set
        if self.followers == 0 and of_followers:
            raise ValueError(f"model.{min(of_followers)} has no effect without model.followers")
        return self

    def for_group(self, group: GroupConfig) -> ModelConfig:
        """The same sizes with the group's encoder, which has its own defaults for the rest."""
        return ModelConfig(
            encoder=group.encoder,
            dim=self.dim,
            max_length=self.max_length,
            dropout=self.dropout,
            item_dropout=self.item_dropout,
            followers=0,
        )

    def value(self, name: str) -> int:
        """An optional field that this encoder reads, as an int (never None after checking)."""
        found = getattr(self, name)
        if not isinstance(found, int):
            raise ConfigError(f"model.{name} is not set for encoder '{self.encoder}'")
        return found


LossName = Literal["softmax", "sampled_softmax", "in_batch", "gbce"]

LOSS_FIELDS: dict[str, frozenset[str]] = {
    "softmax": frozenset({"label_smoothing"}),
    "sampled_softmax": frozenset({"negatives"}),
    "in_batch": frozenset(),
    "gbce": frozenset({"negatives", "calibration"}),
}
"""Which of the optional fields of [training] each loss reads; the others are refused."""


class TrainingConfig(Section):
    """How long, how fast and how reproducibly the model learns."""

    epochs: Count = Field(100, description="passes over the users, unless stopped early")
    seed: int = Field(1, ge=0, lt=2**32, description="of weights, order, windows and dropout")
    loss: LossName = Field(
        "softmax",
        description="over all items; or over drawn ones, at a speed that does not depend on how "
        "many items there are: for more than some 10,000",
    )
    negatives: Count = Field(1024, description="items drawn for a step, shared by its labels")
    label_smoothing: Probability = Field(
        0.0, description="share of each label's weight that all items get alike (softmax)"
    )
    calibration: float = Field(
        0.75, ge=0, le=1, description="gBCE's t: 1 undoes the bias of few negatives, 0 nothing"
    )
    batch_labels: Count = Field(4096, description="labels (positions trained) in one step")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="peak of the schedule")
    weight_decay: float = Field(0.01, ge=0, le=1, description="AdamW's, on matrices only")
    warmup: Probability = Field(0.03, description="share of all steps until the peak rate")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="after the warm-up")
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of a step's gradient")
    validate_every: Count = Field(1, description="epochs between measurements of NDCG@10")
    validate_users: Count = Field(10_000, description="most users that a measurement ranks")
    patience: Count = Field(10, description="measurements without a better NDCG@10 until the end")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of the loss's matrix products, on a GPU of the encoder's too; auto: bfloat16 "
        "on a GPU that has it, else float32",
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="CPU threads of a worker; by default all there are, shared"
    )
    round_events: Count = Field(
        50_000_000,
        description="most training events in memory at a time; of a larger log as many shards as "
        "fit are trained, then others",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        optional = frozenset[str]().union(*LOSS_FIELDS.values())
        if unused := sorted((optional - LOSS_FIELDS[self.loss]) & self.model_fields_set):
            raise ValueError(f"training.{unused[0]} has no effect on loss '{self.loss}': remove it")
        return self


class EvaluationConfig(Section):
    """What is measured."""

    cutoffs: tuple[Count, ...] = Field((1, 5, 10, 20), min_length=1, description="the k of @k")
    bootstrap: Count = Field(1000, description="resamples behind each 95 % interval")
    seed: int = Field(1, ge=0, lt=2**32, description="of the resamples")


QuantizationName = Literal["float32", "int8", "int4", "pq"]

QUANTIZATION_GATES: dict[str, tuple[float, float]] = {
    "float32": (0.01, 0.95),
    "int8": (0.01, 0.95),
    "int4": (0.01, 0.95),
    "pq": (0.02, 0.6),
}
"""Of each kind the largest loss of NDCG@10 and the least overlap, when the TOML tells no others."""


class ExportConfig(Section):
    """What the device gets."""

    quantization: QuantizationName = Field(
        "int8",
        description="of the weights; pq: int8, and of each item `code_bytes` bytes in the place of "
        "its row (for very large catalogues: centres and books of the codes are 3 MB where there "
        "are 262,144 items or more, of dim 64)",
    )
    code_bytes: int = Field(
        8, ge=4, le=32, multiple_of=2, description="bytes of an item with quantization pq; even"
    )
    results: Count = Field(100, description="K, the longest list that one call gives")
    candidates: Count = Field(256, description="C, candidates scored by one call")
    blocked: int = Field(
        256, ge=1, le=LARGEST_BLOCKED, description="N, further items that one call can leave out"
    )
    max_ndcg_loss: Fraction | None = Field(
        None, description="gate: relative loss of NDCG@10 to float; 0.01, for pq 0.02"
    )
    min_overlap: Fraction | None = Field(
        None, description="gate: mean overlap of the top 10 with float; 0.95, for pq 0.6"
    )
    max_bytes: Count | None = Field(None, description="gate: size of the .tflite")
    max_latency_ms: float | None = Field(
        None, gt=0, description="gate: median milliseconds of a call, one thread, where it is made"
    )
    check_users: Count = Field(10_000, description="most validation users behind the gates")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.quantization != "pq" and "code_bytes" in self.model_fields_set:
            raise ValueError(
                f"export.code_bytes has no effect on quantization '{self.quantization}': remove it"
            )
        return self

    @property
    def largest_loss(self) -> float:
        """The limit of the relative loss of NDCG@10 that is in force."""
        given = self.max_ndcg_loss
        return QUANTIZATION_GATES[self.quantization][0] if given is None else given

    @property
    def least_overlap(self) -> float:
        """The limit of the overlap of the top 10 that is in force."""
        given = self.min_overlap
        return QUANTIZATION_GATES[self.quantization][1] if given is None else given


class Config(Section):
    """A whole experiment."""

    data: DataConfig
    split: SplitConfig = SplitConfig()
    features: FeaturesConfig = FeaturesConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    export: ExportConfig = ExportConfig()
    _folder: Path = PrivateAttr(default_factory=Path.cwd)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.features.item and self.data.source is None and self.data.items is None:
            raise ValueError("[features.item] needs data.items, the catalogue with the attributes")
        told = {ITEM_ID, *self.features.event, *self.features.time}
        grouped = {name for group in self.model.groups.values() for name in group.features}
        if self.model.groups and (wrong := sorted(told ^ grouped)):
            problem = "is in none of" if wrong[0] in told else "is not in [features] but in one of"
            raise ValueError(f"'{wrong[0]}' {problem} model.groups ({', '.join(sorted(told))})")
        if self.features.user and self.data.source is None and self.data.users is None:
            raise ValueError("[features.user] needs data.users, the table with the attributes")
        if self.export.quantization == "int4" and self.model.dim % 2:
            raise ValueError("export.quantization 'int4' needs an even model.dim: two to a byte")
        return self

    def in_folder(self, folder: Path) -> Self:
        """Say which folder the paths are taken from."""
        self._folder = folder
        return self

    @property
    def folder(self) -> Path:
        """The folder that the TOML is in."""
        return self._folder

    def resolve(self, path: str) -> Place:
        """A path of the TOML, taken from the folder that the TOML is in; or a URL."""
        return place(path, self._folder)
