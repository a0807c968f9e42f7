"""What learning on the device gains: held-out users, with and without it, by the .tflite itself.

    python benchmarks/personalization.py BUNDLE --data DATA --ratings FOLDER [--json]

DATA is prepared with split.kind = "users", and BUNDLE was trained on it, so that training
saw nothing of the users measured; FOLDER holds MovieLens as it was published. Each user starts
as a new one and goes through `pocketrec.runtime.Personal`: a film rated 4 or more is liked, 2 or
less disliked, else seen. After n films history and vector are frozen, and the list is made twice:
with the vector, and with the same history but a vector of zeros. The next ten films are looked up
in both:

- next, liked: NDCG@10 of each of the ten, or of those among them that are rated 4 or more.
- disliked: how many of the ten listed the user will later rate 2 or less.

Three controls, which must not look like learning: the vector of another user, and the vector of
inverted verdicts; and how often the guard resets the vector, for unchanged users, for inverted
verdicts, and for a vector replaced by noise. Nothing is tuned here. The model
gets neither times nor features of the user.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pocketrec.evaluation.bootstrap import Measure, interval, paired_difference
from pocketrec.ingest.read import read_events
from pocketrec.preparation.data import PreparedData
from pocketrec.runtime import Event, Personal, Recommender
from pocketrec.schema import Column, File

BOOTSTRAP, SEED = 2000, 1
K = 10
AHEAD = 10
"""Next films that are looked up."""
LIKED, DISLIKED = 4, 2
"""A rating of so much and more is a like, of so much and less a dislike."""
NOISE_AT, NOISE_NORM, NOISE_FILMS = 20, 16.0, 30
"""When a vector is replaced by noise, of which norm (a user's state has 7), and the films that the
guard has to notice it."""
TURNED = {"like": "dislike", "seen": "seen", "dislike": "like"}
FIGURES = ("next", "liked", "disliked")


@dataclass(frozen=True)
class User:
    """Raw ids of the films that one user rated, in order, and the ratings."""

    films: list[int | str]
    ratings: list[float]

    def verdict(self, place: int) -> str:
        """The verdict that a user of the app would have given on a film."""
        rating = self.ratings[place]
        return "like" if rating >= LIKED else "dislike" if rating <= DISLIKED else "seen"


@dataclass(frozen=True)
class Stop:
    """A user after n films: the verdicts so far, and the vectors learned in two ways."""

    history: list[Event]
    blocked: list[int | str]
    vector: list[float]
    turned: list[float]
    rolled_back: bool
    turned_rolled_back: bool


def held_out(data: PreparedData, part: str, ratings: Path) -> list[User]:
    """The users who only test, or only tune, with their ratings."""
    column = {"test": Column.TEST_POSITION, "valid": Column.VALID_POSITION}[part]
    shards = pl.scan_parquet(data.folder / File.SHARDS / "*.parquet")
    users = shards.filter(pl.col(column).is_not_null()).select(Column.USER, Column.ITEM).collect()
    source = data.config.data.model_copy(update={"path": str(ratings.resolve())})
    events = (
        read_events(data.config.model_copy(update={"data": source}))
        .join(users.lazy().select(Column.USER), on=Column.USER, how="semi")
        .sort(Column.USER, Column.TIME, Column.ORDER)
        .group_by(Column.USER, maintain_order=True)
        .agg(Column.ITEM, Column.RATING)
        .collect()
    )
    ids = data.catalogue[Column.ITEM].to_list()
    prepared = {user: [ids[index - 1] for index in items] for user, items in users.iter_rows()}
    for user, films, _ in events.iter_rows():
        if prepared.pop(user) != films:
            raise SystemExit(f"'{ratings}' and '{data.folder}' differ in what user {user} rated")
    if prepared:
        raise SystemExit(f"'{ratings}' has no ratings of {len(prepared)} of the held-out users")
    return [User(films, stars) for _, films, stars in events.iter_rows()]


def tell(personal: Personal, film: int | str, verdict: str) -> None:
    """One tap."""
    {"like": personal.like, "seen": personal.seen, "dislike": personal.dislike}[verdict](film)


def follow(recommender: Recommender, user: User, after: list[int]) -> dict[int, Stop]:
    """Replay a user's films, and stop after each count of films that leaves a next one."""
    personal, turned = Personal(recommender), Personal(recommender)
    stops = {}
    for n in range(1, min(max(after), len(user.films) - 1) + 1):
        film, verdict = user.films[n - 1], user.verdict(n - 1)
        tell(personal, film, verdict)
        tell(turned, film, TURNED[verdict])
        if n in after:
            stops[n] = Stop(
                personal.history,
                personal.blocked,
                personal.vector,
                turned.vector,
                personal.rolled_back > 0,
                turned.rolled_back > 0,
            )
    return stops


def figures(
    recommender: Recommender, user: User, n: int, stop: Stop, vector: list[float] | None
) -> tuple[float, float, float]:
    """Metrics of a list; `liked` is NaN if the user likes none of the next films."""
    lines = recommender.recommend(stop.history, k=K, blocked=stop.blocked, user_vector=vector)
    listed = [line.id for line in lines]
    gains, liked = [], []
    for place in range(n, min(n + AHEAD, len(user.films))):
        film = user.films[place]
        gain = 1 / np.log2(2 + listed.index(film)) if film in listed else 0.0
        gains.append(gain)
        if user.verdict(place) == "like":
            liked.append(gain)
    later = {user.films[p] for p in range(n, len(user.films)) if user.verdict(p) == "dislike"}
    return (
        float(np.mean(gains)),
        float(np.mean(liked)) if liked else float("nan"),
        float(len(later.intersection(listed))),
    )


def compare(a: NDArray[np.float64], b: NDArray[np.float64]) -> Measure:
    """Mean of a - b over the users who have the figure, paired."""
    has = ~np.isnan(a)
    return paired_difference(a[has], b[has], BOOTSTRAP, SEED)


def measure(
    recommender: Recommender, users: list[User], stops: list[dict[int, Stop]], n: int
) -> dict[str, Any]:
    """All figures after n films, of the users who rated more than that."""
    there = [(user, stop[n]) for user, stop in zip(users, stops, strict=True) if n in stop]
    order = np.random.default_rng(SEED).permutation(len(there))
    of_another = np.empty_like(order)
    of_another[order] = np.roll(order, 1)  # one ring: nobody gets their own
    values = {}
    for arm in ("plain", "adapted", "turned around", "of another user"):
        rows = []
        for place, (user, stop) in enumerate(there):
            vector = {
                "plain": None,
                "adapted": stop.vector,
                "turned around": stop.turned,
                "of another user": there[of_another[place]][1].vector,
            }[arm]
            rows.append(figures(recommender, user, n, stop, vector))
        values[arm] = np.array(rows)  # (U, 3)
    row: dict[str, Any] = {"users": len(there)}
    for column, figure in enumerate(FIGURES):
        of = {arm: rows[:, column] for arm, rows in values.items()}
        row[figure] = {
            arm: interval(v[~np.isnan(v)], BOOTSTRAP, SEED).to_json() for arm, v in of.items()
        } | {
            f"{arm} above {than}": compare(of[arm], of[than]).to_json()
            for arm, than in (
                ("adapted", "plain"),
                ("turned around", "plain"),
                ("of another user", "plain"),
                ("adapted", "of another user"),
            )
        }
    row["guard"] = {
        "as they are": float(np.mean([stop.rolled_back for _, stop in there])),
        "turned around": float(np.mean([stop.turned_rolled_back for _, stop in there])),
    }
    return row


def notices_noise(recommender: Recommender, users: list[User]) -> dict[str, float]:
    """How often the guard fires within NOISE_FILMS films of a vector becoming noise, or not."""
    random = np.random.default_rng(SEED)
    last = NOISE_AT + NOISE_FILMS
    fired: dict[str, list[bool]] = {"own vector": [], "noise": []}
    for user in users:
        if len(user.films) < last:
            continue
        personal = Personal(recommender)
        for place in range(NOISE_AT):
            tell(personal, user.films[place], user.verdict(place))
        noise = random.standard_normal(len(personal.vector))
        noise *= NOISE_NORM / np.linalg.norm(noise)
        clean = replace(personal.state, gains=(), rolled_back=0)
        for name, state in (
            ("own vector", clean),
            ("noise", replace(clean, vector=tuple(map(float, noise)))),
        ):
            again = Personal(recommender, state)
            for place in range(NOISE_AT, last):
                tell(again, user.films[place], user.verdict(place))
            fired[name].append(again.rolled_back > 0)
    return {name: float(np.mean(of_users)) for name, of_users in fired.items()}


def time_of_step(recommender: Recommender, calls: int = 2000) -> dict[str, float]:
    """Milliseconds of one `adapt`, the Python around the model included."""
    vector = [0.1] * recommender.bundle.spec.shapes.dim
    taken = []
    for call in range(calls):
        item = recommender.items[call % len(recommender.items)].id
        begin = time.perf_counter()
        recommender.adapt(item, liked=call % 3 > 0, user_vector=vector)
        taken.append(1e3 * (time.perf_counter() - begin))
    return {"p50": float(np.percentile(taken, 50)), "p95": float(np.percentile(taken, 95))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--ratings", type=Path, required=True, help="folder of MovieLens")
    parser.add_argument("--part", choices=("test", "valid"), default="test")
    parser.add_argument("--after", type=int, nargs="+", default=[1, 5, 20, 50, 100])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    data = PreparedData.open(arguments.data)
    recommender = Recommender.load(arguments.bundle)
    trained_on = recommender.bundle.manifest["provenance"]["data"]["split"]
    if data.config.split.kind != "users" or trained_on != data.split_fingerprint:
        raise SystemExit(
            f"'{arguments.data}' must be prepared with split.kind = \"users\", and "
            f"'{arguments.bundle}' trained on it"
        )
    users = held_out(data, arguments.part, arguments.ratings)
    stops = [follow(recommender, user, arguments.after) for user in users]
    report = {
        "part": arguments.part,
        "after": {str(n): measure(recommender, users, stops, n) for n in arguments.after},
        "guard fires": notices_noise(recommender, users),
        "adapt_ms": time_of_step(recommender),
    }
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    show(report)


def show(report: dict[str, Any]) -> None:
    """Print a report as tables."""
    line = "{value:+.4f} [{low:+.4f}, {high:+.4f}]"
    for figure in FIGURES:
        print(f"\n{figure}, {report['part']} users")
        print(
            f"{'n':>4}{'users':>7}{'plain':>9}{'adapted':>9}  {'adapted above plain':<28}", end=""
        )
        print(f"{'of another user':<28}{'turned around':<28}{'adapted above another'}")
        for n, row in report["after"].items():
            of = row[figure]
            print(f"{n:>4}{row['users']:>7}", end="")
            print(f"{of['plain']['value']:>9.4f}{of['adapted']['value']:>9.4f}  ", end="")
            for name in (
                "adapted above plain",
                "of another user above plain",
                "turned around above plain",
                "adapted above of another user",
            ):
                print(f"{line.format(**of[name]):<28}", end="")
            print()
    print("\nusers whose vector the guard took back, by n films")
    for n, row in report["after"].items():
        shares = ", ".join(f"{name} {share:.1%}" for name, share in row["guard"].items())
        print(f"{n:>4}  {shares}")
    shares = ", ".join(f"{name} {share:.1%}" for name, share in report["guard fires"].items())
    print(f"within {NOISE_FILMS} films of film {NOISE_AT}: {shares}")
    step = report["adapt_ms"]
    print(f"a step of adapt: {step['p50']:.3f} ms (95th percentile {step['p95']:.3f})")


if __name__ == "__main__":
    main()
