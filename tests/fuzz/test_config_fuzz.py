"""What a TOML and the settings of a command line say is what the config has, or one sentence."""

import json
import math

from hypothesis import strategies as st
from pydantic import BaseModel

from pocketrec.config.sections import Config
from pocketrec.errors import ConfigError
from support.runtime_calls import answered
from support.tally import fuzz

SECTIONS = {name: field.annotation for name, field in Config.model_fields.items()}
KEYS = [(name, key) for name, section in SECTIONS.items() for key in section.model_fields]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-1, 12),
    st.floats(),
    st.floats(0, 1),
    texts,
    st.sampled_from(["category", "number", "gap", "users", "time", "bow", "cnn", "gru", "gbce"]),
    st.sampled_from(["leave-one-out", "int8", "cosine", "movielens/1m", "~x/y", "x" * 3000]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
documents = st.dictionaries(
    st.sampled_from([*SECTIONS, "surprise", ""]),
    st.dictionaries(st.sampled_from([key for _, key in KEYS]) | texts, values, max_size=3) | values,
    max_size=3,
)


def quoted(text):
    """JSON's escapes are TOML's, but for one letter."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml(value):
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        pairs = ", ".join(f"{quoted(key)} = {toml(one)}" for key, one in value.items())
        return "{" + pairs + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return quoted(value) if isinstance(value, str) else str(value)


def text_of(document):
    return "".join(f"{quoted(key)} = {toml(value)}\n" for key, value in document.items())


def says(config, document):
    """Whether a config has the values of a document, through all of its tables."""
    for key, value in document.items():
        actual = getattr(config, key) if isinstance(config, BaseModel) else config[key]
        if isinstance(value, dict):
            if not says(actual, value):
                return False
        elif isinstance(value, list):
            if list(actual) != value:
                return False
        elif isinstance(value, int | float) and isinstance(actual, float):
            if not math.isclose(actual, value):
                return False
        elif actual != value and str(actual).lower() != str(value).lower():
            return False
    return True


@fuzz("TOML: sections, keys and values", 1200, document=documents)
def test_documents(tmp_path, document):
    document = {"data": {"path": "events.csv"}} | document
    (tmp_path / "a.toml").write_text(text_of(document), encoding="utf-8")
    with answered() as outcome:
        config = Config.load(tmp_path / "a.toml", check_sources=True)
    if outcome.error is None:
        assert config.folder == tmp_path.resolve()
        assert says(config, document)
        again = config.model_dump(mode="json", exclude_unset=True)
        assert Config.parse(again, name="again", folder=config.folder) == config


@fuzz(
    "TOML: one key of each section",
    1500,
    place=st.sampled_from(KEYS),
    value=values,
)
def test_keys(place, value):
    """A value that is refused is named by its key; one that is taken is there."""
    section, key = place
    document = {"data": {"path": "x.csv", "rating": "r", "items": "i.csv", "users": "u.csv"}}
    document[section] = document.get(section, {}) | {key: value}
    with answered() as outcome:
        config = Config.parse(document, name="own.toml")
    if outcome.error is None:
        assert says(config, document)
    else:
        assert isinstance(outcome.error, ConfigError)
        assert str(outcome.error).startswith("own.toml: ")


BASE = '[data]\npath = "events.csv"\n[model]\ndim = 32\n'
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@fuzz(
    "TOML: settings of the command line",
    1000,
    settings=st.lists(
        st.one_of(
            words,
            st.builds("{}={}".format, words, words),
            st.builds(lambda p, v: f"{p[0]}.{p[1]}={v}", st.sampled_from(KEYS), words),
            st.builds(lambda p, v: f"{p[0]}.{p[1]}={toml(v)}", st.sampled_from(KEYS), values),
            st.builds("model.groups.{}.{}={}".format, words, words, words),
        ),
        min_size=1,
        max_size=2,
    ),
)
def test_settings(tmp_path, settings):
    (tmp_path / "a.toml").write_text(BASE, encoding="utf-8")
    with answered():
        Config.load(tmp_path / "a.toml", settings, check_sources=True)


@fuzz(
    "TOML: settings and the file are one",
    400,
    place=st.sampled_from([place for place in KEYS if place[1] not in ("path", "items", "users")]),
    value=scalars.filter(lambda value: value != ""),  # nothing is the default
)
def test_a_setting_is_as_if_it_were_in_the_file(tmp_path, place, value):
    section, key = place
    document = {"data": {"path": "events.csv"}}
    document[section] = document.get(section, {}) | {key: value}
    (tmp_path / "a.toml").write_text(text_of(document), encoding="utf-8")
    (tmp_path / "b.toml").write_text('[data]\npath = "events.csv"\n', encoding="utf-8")
    with answered() as one:
        first = Config.load(tmp_path / "a.toml", check_sources=True)
    with answered() as other:
        second = Config.load(
            tmp_path / "b.toml", [f"{section}.{key}={toml(value)}"], check_sources=True
        )
    assert (one.error is None) == (other.error is None)
    if one.error is None:
        assert first == second
