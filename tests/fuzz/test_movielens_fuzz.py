"""Copies of MovieLens that are damaged: what is read is what was written, or one sentence."""

from hypothesis import strategies as st

from pocketrec.config.sections import Config
from pocketrec.ingest.read import describe_source, read_catalogue, read_events, read_users
from pocketrec.schema import Column
from support.runtime_calls import answered
from support.tally import fuzz

ROWS = [(2, 10, 3, 9), (1, 30, 4, 5), (1, 10, 1, 5)]
FORMS = {
    "movielens/100k": {
        "u.data": "".join("\t".join(map(str, row)) + "\n" for row in ROWS),
        "u.item": "10|Café, The (1995)|||x|0|1|1\n30|2001 (1968) |||x|0|0|1\n",
        "u.genre": "unknown|0\nDrama|1\nComedy|2\n\n",
        "u.user": "1|24|M|writer|85711\n2|53|F|other|94043\n",
    },
    "movielens/1m": {
        "ratings.dat": "".join("::".join(map(str, row)) + "\n" for row in ROWS),
        "movies.dat": "10::Café, The (1995)::Drama|Comedy\n30::2001 (1968)::Comedy\n",
        "users.dat": "1::M::25::20::48067\n2::F::1::0::1\n",
    },
    "movielens/latest-small": {
        "ratings.csv": "userId,movieId,rating,timestamp\n"
        + "".join(",".join(map(str, row)) + "\n" for row in ROWS),
        "movies.csv": "movieId,title,genres\n"
        '10,"Café, The (1995)",Drama|Comedy\n30,2001 (1968),Comedy\n',
    },
}
changes = st.lists(
    st.tuples(st.sampled_from(["put", "set", "cut"]), st.floats(0, 1), st.integers(0, 255)),
    max_size=3,
)


def hurt(content, changes):
    data = bytearray(content)
    for how, share, byte in changes:
        place = int(share * len(data))
        if how == "cut":
            del data[place:]
        else:
            data[place : place + (how == "set")] = bytes([byte])
    return bytes(data)


@fuzz(
    "MovieLens: damaged copies",
    500,
    source=st.sampled_from(list(FORMS)),
    which=st.integers(0, 3),
    changes=changes,
)
def test_damaged_copies(tmp_path, source, which, changes):
    folder = tmp_path / source
    folder.mkdir(parents=True, exist_ok=True)
    files = FORMS[source]
    encoding = "utf-8" if source.endswith("small") else "latin-1"
    damaged = list(files)[which % len(files)]
    for name, text in files.items():
        content = text.encode(encoding)
        (folder / name).write_bytes(hurt(content, changes) if name == damaged else content)
    same = (folder / damaged).read_bytes() == files[damaged].encode(encoding)
    config = Config.parse({"data": {"source": source, "path": str(folder)}}, name="t")
    with answered() as outcome:
        events = read_events(config).collect()
        read_catalogue(config)
        read_users(config)
        describe_source(config)
    if outcome.error is None:
        rows = events.select(Column.USER, Column.ITEM, Column.RATING, Column.TIME).rows()
        if damaged != next(iter(files)) or same:
            assert rows == [(user, item, rating, 1000 * t) for user, item, rating, t in ROWS]
        else:
            assert events.height > 0
            assert not events.null_count().sum_horizontal().item()
    elif same:
        raise outcome.error
