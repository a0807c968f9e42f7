"""The TOML: what is unknown, out of range or without effect is refused in one sentence."""

import ast
from pathlib import Path

import pytest

import pocketrec
from pocketrec.config import sections as module
from pocketrec.config.encoders import ENCODERS, OPTIONAL_FIELDS
from pocketrec.config.explain import RENAMED
from pocketrec.config.model import ModelConfig
from pocketrec.config.sections import Config
from pocketrec.errors import ConfigError

DATA = {"path": "events.csv"}
SECTIONS = {
    name: field.annotation
    for name, field in Config.model_fields.items()
    if issubclass(field.annotation, module.Section)
}
FIELDS = [(name, field) for name, section in SECTIONS.items() for field in section.model_fields]


def parse(**sections):
    return Config.parse({"data": DATA, **sections}, name="test.toml")


def refused(**sections):
    with pytest.raises(ConfigError) as caught:
        parse(**sections)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith("test.toml: ")
    return sentence


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_is_refused_with_the_known_ones(section):
    document = {"data": dict(DATA)}
    document.setdefault(section, {})["surprise"] = 1
    with pytest.raises(ConfigError) as caught:
        Config.parse(document, name="test.toml")
    assert f"'{section}.surprise'" in str(caught.value)
    for field in SECTIONS[section].model_fields:
        assert field in str(caught.value)


def test_an_unknown_section_is_refused_with_the_known_ones():
    sentence = refused(modle={"dim": 8})
    assert "'modle'" in sentence
    assert all(name in sentence for name in SECTIONS)


def names_read():
    """Attribute names, and words given to ModelConfig.value, in all modules but the config."""
    root = Path(pocketrec.__file__).parent
    for file in root.rglob("*.py"):
        if file == root / "config.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                yield node.attr
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "value":
                yield from (a.value for a in node.args if isinstance(a, ast.Constant))


def test_every_field_is_read_by_somebody():
    """Coarse, by name; what a field DOES is tested beside what it configures."""
    # What has a default that others decide is read through a property.
    by_property = {
        "repeats": "repeats_rule",
        "max_ndcg_loss": "largest_loss",
        "min_overlap": "least_overlap",
    }
    read = {*names_read(), *by_property}
    assert read.issuperset(by_property.values())
    assert [field for field in FIELDS if field[1] not in read] == []


@pytest.mark.parametrize(("section", "field"), FIELDS)
def test_every_field_has_a_sentence(section, field):
    assert SECTIONS[section].model_fields[field].description


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("data", "min_user_events", 0),
        ("data", "min_item_events", 2**31),
        ("data", "min_item_users", 0),
        ("data", "max_user_events", 0),
        ("data", "buckets", 0),
        ("data", "buckets", 4097),
        ("data", "time_format", "minutes"),
        ("data", "repeats", "last"),
        ("data", "min_rating", "high"),
        ("data", "exclude_seen", "perhaps"),
        ("data", "user", 5),
        ("data", "source", "movielens/2m"),
        ("split", "kind", "random"),
        ("split", "valid_fraction", 0.0),
        ("split", "test_fraction", 1.0),
        ("split", "seed", -1),
        ("split", "seed", 2**32),
        ("model", "encoder", "mamba"),
        ("model", "dim", 3),
        ("model", "dim", 1025),
        ("model", "max_length", 0),
        ("model", "layers", 0),
        ("model", "heads", 0),
        ("model", "feedforward", 17),
        ("model", "dropout", 1.0),
        ("model", "item_dropout", -0.1),
        ("training", "epochs", 0),
        ("training", "seed", 2**32),
        ("training", "batch_labels", 0),
        ("training", "learning_rate", 0),
        ("training", "learning_rate", float("nan")),
        ("training", "weight_decay", float("inf")),
        ("training", "warmup", 1.0),
        ("training", "schedule", "step"),
        ("training", "gradient_clip", 0),
        ("training", "validate_every", 0),
        ("training", "validate_users", 0),
        ("training", "patience", 0),
        ("training", "precision", "float16"),
        ("training", "threads", 0),
        ("training", "round_events", 0),
        ("evaluation", "cutoffs", []),
        ("evaluation", "cutoffs", [0]),
        ("evaluation", "bootstrap", 0),
        ("evaluation", "seed", -1),
        ("export", "quantization", "int2"),
        ("export", "results", 0),
        ("export", "candidates", 0),
        ("export", "blocked", 0),
        ("export", "max_ndcg_loss", 1),
        ("export", "min_overlap", 0),
        ("export", "check_users", 0),
        ("export", "code_bytes", 2),
        ("export", "code_bytes", 7),
        ("export", "code_bytes", 34),
    ],
)
def test_values_out_of_range_are_refused_by_name(section, field, value):
    document = {"data": dict(DATA)}
    document.setdefault(section, {})[field] = value
    with pytest.raises(ConfigError) as caught:
        Config.parse(document, name="test.toml")
    assert f"{section}.{field}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"data": {}}, "data.path"),
        ({"data": {"path": "a.csv", "min_rating": 4}}, "data.rating"),
        ({"data": {"source": "movielens/100k", "user": "u"}}, "data.user"),
        ({"data": {"source": "movielens/100k", "items": "i.csv"}}, "data.items"),
        ({"data": {"source": "movielens/100k", "items_id": "i"}}, "data.items_id"),
        ({"data": {"path": "a.csv", "items_title": "name"}}, "data.items_title"),
        ({"split": {"seed": 2}}, "split.seed"),
        ({"split": {"kind": "time", "seed": 2}}, "split.seed"),
        ({"split": {"test_fraction": 0.2}}, "split.test_fraction"),
        (
            {"split": {"kind": "users", "valid_fraction": 0.5, "test_fraction": 0.5}},
            "split.valid_fraction + split.test_fraction",
        ),
        ({"model": {"dim": 10, "heads": 4}}, "multiple of heads"),
        ({"model": {"encoder": "cnn", "kernel_size": 1}}, "model.kernel_size"),
        ({"model": 5}, "model"),
        ({"features": {"event": {"gap": "number"}, "time": ["gap"]}}, "features.event.gap"),
        ({"features": {"event": {"Gap": "number"}, "time": ["gap"]}}, "differ in signs only"),
        ({"features": {"user": {"a b": "number", "a_b": "number"}}}, "differ in signs only"),
        ({"features": {"time": ["gap", "gap"]}}, "twice"),
        ({"features": {"dropout": 0.1}}, "features.dropout"),
        ({"features": {"user": {"age": "number"}}}, "data.users"),
        ({"data": {"path": "a.csv", "users_id": "u"}}, "data.users_id"),
        ({"data": {"source": "movielens/100k", "users": "u.csv"}}, "data.users"),
        ({"training": {"loss": "in_batch", "negatives": 9}}, "training.negatives"),
        ({"training": {"loss": "gbce", "label_smoothing": 0.1}}, "training.label_smoothing"),
    ],
)
def test_combinations_without_sense_are_refused(sections, words):
    assert words in refused(**sections)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_key_of_an_older_version_is_refused_with_its_new_name(old, new):
    section, key = old.split(".")
    assert refused(**{section: {key: 1}}).endswith(f"{old} is now called {new}: rename the key")
    section, key = new.split(".")
    assert key in SECTIONS[section].model_fields


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("field", sorted(OPTIONAL_FIELDS))
def test_an_encoder_takes_the_fields_it_reads_and_no_others(encoder, field):
    document = {"encoder": encoder, "dim": 12, field: 3}
    if field in ENCODERS[encoder].fields:
        assert parse(model=document).model.value(field) == 3
    else:
        sentence = refused(model=document)
        assert f"model.{field}" in sentence
        assert encoder in sentence


@pytest.mark.parametrize("encoder", ENCODERS)
def test_each_encoder_gets_defaults_for_all_that_it_reads(encoder):
    config = ModelConfig(encoder=encoder)
    assert {"max_length", *ENCODERS[encoder].fields} == set(ENCODERS[encoder].defaults)
    for name, default in ENCODERS[encoder].defaults.items():
        assert config.value(name) == default >= 1


def test_what_an_encoder_does_not_read_has_no_value():
    with pytest.raises(ConfigError, match=r"model\.heads"):
        ModelConfig(encoder="bow").value("heads")


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        ({}, "first"),
        ({"exclude_seen": False}, "all"),
        ({"exclude_seen": False, "repeats": "first"}, "first"),
        ({"repeats": "all"}, "all"),
    ],
)
def test_repeats_follow_exclude_seen_unless_given(data, rule):
    assert parse(data=DATA | data).data.repeats_rule == rule


@pytest.mark.parametrize(
    ("export", "loss", "overlap"),
    [
        ({}, 0.01, 0.95),
        ({"quantization": "int4"}, 0.01, 0.95),
        ({"quantization": "pq"}, 0.02, 0.6),
        ({"quantization": "pq", "max_ndcg_loss": 0.001, "min_overlap": 0.99}, 0.001, 0.99),
    ],
)
def test_gates_depend_on_the_kind_unless_given(export, loss, overlap):
    gates = parse(data=DATA, export=export).export
    assert (gates.largest_loss, gates.least_overlap) == (loss, overlap)


def test_bytes_of_codes_are_refused_where_there_are_none():
    with pytest.raises(ConfigError, match=r"export.code_bytes has no effect .* 'int8'"):
        parse(data=DATA, export={"code_bytes": 8})


def test_a_config_cannot_be_changed_in_place():
    config = parse()
    with pytest.raises(ValueError, match="frozen"):
        config.training.epochs = 5


def test_a_setting_without_a_value_is_the_default(tmp_path):
    file = tmp_path / "experiment.toml"
    file.write_text('[data]\npath = "events.csv"\n[model]\ndim = 32\nfeedforward = 2\n')
    config = Config.load(file, ["model.encoder=gru", "model.feedforward="])
    assert (config.model.dim, config.model.feedforward) == (32, None)


def test_numbers_of_4_bits_need_an_even_dim():
    with pytest.raises(ConfigError, match=r"'int4' needs an even model\.dim"):
        parse(data=DATA, export={"quantization": "int4"}, model={"dim": 15, "encoder": "bow"})
