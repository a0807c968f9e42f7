"""`encoder = "package.module:Class"`: found by its source, and refused in one sentence."""

import subprocess
import sys

import pytest

from pocketrec.config.encoders import ENCODERS
from pocketrec.config.model import ModelConfig
from pocketrec.config.sections import Config
from pocketrec.errors import ConfigError
from pocketrec.models.encoders import encoder_class

GOOD = """
raise RuntimeError("reading a TOML runs no code that it names")
class Mine(Encoder):
    defaults: ClassVar = {"layers": 3, "max_length": 7}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write own_encoder.py into a folder of Python's path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda text: (tmp_path / "own_encoder.py").write_text(text, encoding="utf-8")
    sys.modules.pop("own_encoder", None)


def parse(**model):
    return Config.parse({"data": {"path": "x.csv"}, "model": model}, name="own.toml").model


def refused(**model):
    with pytest.raises(ConfigError) as caught:
        parse(**model)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith("own.toml: ")
    return sentence


def test_defaults_are_read_from_the_source_which_is_not_run(write):
    write(GOOD)
    model = parse(encoder="own_encoder:Mine")
    assert (model.layers, model.max_length, model.heads) == (3, 7, None)
    assert parse(encoder="own_encoder:Mine", layers=2).layers == 2
    assert "own_encoder" not in sys.modules


def test_a_field_that_it_does_not_read_is_refused(write):
    write(GOOD)
    sentence = refused(encoder="own_encoder:Mine", heads=2)
    assert "model.heads has no effect on encoder 'own_encoder:Mine': remove it" in sentence


def test_a_group_may_have_one(write):
    write(GOOD)
    model = parse(groups={"all": {"features": ["item_id"], "encoder": "own_encoder:Mine"}})
    assert model.for_group(model.groups["all"]).layers == 3
    wrong = {"all": {"features": ["item_id"], "encoder": "nobody:Mine"}}
    assert "model.groups.all.encoder = 'nobody:Mine': Python finds no" in refused(groups=wrong)


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        ("mamba", f"use {', '.join(map(repr, ENCODERS))}, or 'package.module:Class'"),
        ("", "'package.module:Class'"),
        ("a b:C", "'package.module:Class'"),
        ("a..b:C", "'package.module:Class'"),
        ("a:b:C", "'package.module:Class'"),
        ("nobody:Mine", "install it, or run 'python -m pocketrec'"),
        ("nobody.at.home:Mine", "Python cannot look for module 'nobody.at.home'"),
        ("own_encoder:Other", "defines no class 'Other' (it defines: Mine)"),
        ("sys:Mine", "no Python source"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(write, encoder, words):
    write(GOOD)
    sentence = refused(encoder=encoder)
    assert f"model.encoder = '{encoder}': " in sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("pass", 'defaults = {"layers": 2, "max_length": 200}'),
        ("defaults = dict(max_length=9)", "literal numbers"),
        ('defaults = {"layers": 2}', "max_length among them"),
        ('defaults = {"max_length": 9, "window": 2}', "'window', which is no optional field"),
        ('defaults = {"max_length": 9, "layers": 0}', "layers = 0: write a whole number from 1"),
        ('defaults = {"max_length": 9, "layers": True}', "layers = True"),
        ("defaults = {", "is not valid Python"),
    ],
)
def test_a_class_that_declares_something_else_is_refused(write, body, words):
    write(f"class Mine(Encoder):\n    {body}\n")
    sentence = refused(encoder="own_encoder:Mine")
    assert "model.encoder = 'own_encoder:Mine': " in sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD, "importing 'own_encoder' fails with RuntimeError: reading a TOML runs no code"),
        ("class Mine:\n    defaults = {'max_length': 9}\n", "'Mine' is not an Encoder: derive it"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(write, text, words):
    write(text)
    with pytest.raises(ConfigError) as caught:
        encoder_class(ModelConfig(encoder="own_encoder:Mine").encoder)
    assert "model.encoder = 'own_encoder:Mine': " in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_config_brings_no_torch():
    code = (
        "import sys\n"
        "from pocketrec.config.model import ModelConfig\n"
        f"for name in {[*ENCODERS]}: ModelConfig(encoder=name)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
