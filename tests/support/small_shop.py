"""A small shop, made once a test run and taken the whole way by the real command line.

Customers walk through an aisle in order and begin again at its end, so what comes next can be
learned; the first product of an aisle is often bought twice in a row.
"""

import contextlib
import csv
import io
import json
import random
import sys
import warnings
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pocketrec.bundle.manifest import KIND
from pocketrec.cli.main import main
from pocketrec.storage.artifact import write_manifest
from support.shared import shared_folder

AISLES, PLACES = 5, 5
SAID = "said.json"
MODEL_AND_ITEMS = ("model.tflite", "items.json")
POPULARITY = (8, 5, 4, 3, 3)  # how often an aisle is entered
TITLES = {0: "Tea, green, loose", 1: 'Mug "Big, blue"', 2: "Twin", 3: "Twin", 4: "[bold] :smile:"}
TOML = """\
[data]
path = "events.csv"
user = "customer"
item = "product"
time = "bought_at"
items = "products.csv"
exclude_seen = false
[model]
dim = 32
max_length = 16
"""
QUICK = ("epochs=12", "batch_labels=128", "learning_rate=0.004", "threads=1")
"""Settings of [training] for a world this small."""


@dataclass(frozen=True)
class Result:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def pocketrec(*words) -> Result:
    """Run the console script's function on these words, in this process."""
    out, err = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, ["pocketrec", *map(str, words)]
    code = 0
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            warnings.simplefilter("always", UserWarning)
            main()
    except SystemExit as leave:
        code = 0 if leave.code is None else leave.code
    finally:
        sys.argv = argv
    return Result(code, out.getvalue(), err.getvalue())


def succeed(*words) -> Result:
    """Run a command that must work."""
    result = pocketrec(*words)
    assert result.code == 0, result.err
    return result


def sku(number: int) -> str:
    return f"sku-{number:03d}"


def walks(users: int, seed: int = 1):
    """(customer, product number, moment) in time order for each customer."""
    draw = random.Random(seed)
    for user in range(users):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=user)
        aisle, place = draw.choices(range(AISLES), POPULARITY)[0], draw.randrange(PLACES)
        for _ in range(draw.randint(10, 14)):
            product = aisle * PLACES + place
            yield f"customer {user}", product, moment
            if place == 0 and draw.random() < 0.4:
                yield f"customer {user}", product, moment + timedelta(minutes=5)
            moment += timedelta(days=1, minutes=draw.randrange(60))
            place = (place + 1) % PLACES
            if draw.random() < 0.1:
                aisle = draw.choices(range(AISLES), POPULARITY)[0]


def write_shop(folder: Path, *, users: int = 60, toml: str = TOML) -> Path:
    """Write log, catalogue and TOML into a folder; gives the TOML."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(2)
    rows = [
        # With what a feature may be made of; "" is nothing.
        (user, sku(product), moment.isoformat(), draw.choice(["app", "web|sale", ""]), product % 3)
        for user, product, moment in walks(users)
    ]
    draw.shuffle(rows)  # logs come in any order
    with (folder / "events.csv").open("w", newline="") as stream:
        head = ("customer", "product", "bought_at", "channel", "pieces")
        csv.writer(stream).writerows([head, *rows])
    with (folder / "customers.csv").open("w", newline="") as stream:
        people = [(f"customer {n}", ["IT", "NO", ""][n % 3], 20 + n) for n in range(users - 3)]
        csv.writer(stream).writerows([("id", "country", "age"), *people])
    with (folder / "products.csv").open("w", newline="") as stream:
        products = [
            (sku(n), TITLES.get(n, f"Product {n}"), n + 0.5, "hot|cold" if n % 2 else "cold")
            for n in range(AISLES * PLACES)
        ]
        csv.writer(stream).writerows([("id", "title", "price", "tags"), *products])
    (folder / "shop.toml").write_text(toml)
    return folder / "shop.toml"


def settings(section: str, *values: str) -> list[str]:
    return [word for value in values for word in ("--set", f"{section}.{value}")]


@dataclass(frozen=True)
class Shop:
    """A folder with the log, what was made of it, and what the commands said."""

    folder: Path
    prepare: Result
    train: Result
    export: Result

    @property
    def toml(self) -> Path:
        return self.folder / "shop.toml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"

    def train_words(self):
        folders = ["--data", self.data, "--out", self.run]
        return ["train", self.toml, *folders, *settings("training", *QUICK)]


def shared_shop(name: str, toml: str = TOML) -> Shop:
    """Prepared, trained and exported once for all processes of a test run."""
    folder = shared_folder(name, lambda folder: _make_shop(folder, toml))
    said = json.loads((folder / SAID).read_text())
    return Shop(folder, *(Result(**one) for one in said))


def _make_shop(folder: Path, toml: str) -> None:
    write_shop(folder, toml=toml)
    shop = Shop(folder, *[Result(0, "", "")] * 3)
    said = [
        succeed("prepare", shop.toml, "--out", shop.data),
        succeed(*shop.train_words()),
        succeed("export", shop.run, "--out", shop.bundle),
    ]
    (folder / SAID).write_text(json.dumps([asdict(one) for one in said]))


def convert_shop(*arguments, **options) -> bytes:
    """Stands for `convert` where only the shop's run is exported, which then converts it once.

    Converting is most of an export's seconds, and touches none of our files.
    """
    from pocketrec.conversion.convert import convert

    def make(folder):
        (folder / "model.tflite").write_bytes(convert(*arguments, **options))

    return (shared_folder("shop's model", make) / "model.tflite").read_bytes()


def sign(folder, **changes):
    """Write a bundle's manifest by hand, with hashes that fit; `...` takes a key away."""
    manifest = json.loads((folder / "manifest.json").read_text())
    content = {key: value for key, value in manifest.items() if key != "sha256"} | changes
    content = {key: value for key, value in content.items() if value is not ...}
    write_manifest(folder, KIND, content, files=[folder / name for name in MODEL_AND_ITEMS])


WALK = [sku(5), sku(6), sku(7)]
