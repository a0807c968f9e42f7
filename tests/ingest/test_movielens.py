"""Every form of MovieLens, as made folders of a few rows."""

import zipfile

import polars as pl
import pytest

from pocketrec.config.sections import Config
from pocketrec.errors import DataError
from pocketrec.ingest import download, movielens
from pocketrec.ingest.read import describe_source, read_catalogue, read_events, read_users
from pocketrec.ingest.releases import RELEASES, Counts
from pocketrec.schema import Column

EVENTS = [(2, 10, 9_000, 3.0, 0), (1, 30, 5_000, 4.0, 1), (1, 10, 5_000, 1.0, 2)]
FILMS = [
    (10, "Café, The (1995)", ["Drama", "Comedy"], 1995),
    (30, "2001: A Film (1968) (V)", ["Comedy"], 1968),
]
FLAGS = "unknown|0\nDrama|1\nComedy|2\n\n"


def made(folder, source):
    """A folder of each form with EVENTS and FILMS in it; gives its data.source."""
    folder.mkdir(exist_ok=True)

    def put(name, text, encoding="latin-1"):
        (folder / name).write_bytes(text.encode(encoding))

    rows = [(2, 10, 3, 9), (1, 30, 4, 5), (1, 10, 1, 5)]
    titles = {10: FILMS[0][1], 30: FILMS[1][1]}
    if source == "u.data":
        put("u.data", "".join("\t".join(map(str, row)) + "\n" for row in rows))
        put("u.item", f"10|{titles[10]}|||x|0|1|1\n30|{titles[30]} |||x|0|0|1\n")
        put("u.genre", FLAGS)
        put("u.user", "1|24|M|writer|85711\n2|53|F|other|94043\n")
        return "movielens/100k"
    if source == "ml-100k.inter":
        head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        put("ml-100k.inter", head + "".join("\t".join(map(str, row)) + "\n" for row in rows))
        head = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        films = "10\tCafé, The\t1995\tDrama Comedy\n30\t2001: A Film (1968)\tV\tComedy\n"
        put("ml-100k.item", head + films, "utf-8")
        head = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
        put("ml-100k.user", head + "1\t24\tM\twriter\t85711\n2\t53\tF\tother\t94043\n")
        return "movielens/100k"
    if source in ("ratings.dat", "ratings.parquet"):
        put("movies.dat", f"10::{titles[10]}::Drama|Comedy\n30::{titles[30]}::Comedy\n")
        put("users.dat", "1::M::25::20::48067\n2::F::1::0::1\n")
        if source == "ratings.dat":
            put(source, "".join("::".join(map(str, row)) + "\n" for row in rows))
        else:
            names = ["user_id", "movie_id", "rating", "position"]
            pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / source)
        return "movielens/1m"
    put(
        "ratings.csv",
        "userId,movieId,rating,timestamp\r\n2,10,3.0,9\r\n1,30,4.0,5\r\n1,10,1.0,5\r\n",
    )
    films = f'movieId,title,genres\r\n10,"{titles[10]}",Drama|Comedy\r\n30,{titles[30]},Comedy\r\n'
    put("movies.csv", films, "utf-8")
    return "movielens/latest-small"


def config(folder, source, **data):
    return Config.parse({"data": {"source": source, "path": str(folder), **data}}, name="test")


FORMS = ["u.data", "ml-100k.inter", "ratings.dat", "ratings.parquet", "ratings.csv"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_events_and_films(tmp_path, form):
    made_config = config(tmp_path / "ml", made(tmp_path / "ml", form))
    events = read_events(made_config).collect()
    unit = 1000 if form == "ratings.parquet" else 1
    assert events.columns == [
        Column.USER, Column.ITEM, Column.TIME, Column.RATING, Column.ORDER,
    ]  # fmt: skip
    assert events.rows() == [(u, i, t // unit, r, n) for u, i, t, r, n in EVENTS]
    assert events.schema[Column.RATING] == pl.Float32
    assert events.schema[Column.ORDER] == pl.UInt64
    films = read_catalogue(made_config)
    assert films.columns[:2] == [Column.ITEM, Column.TITLE]
    assert films.rows() == FILMS
    described = describe_source(made_config)
    assert described["complete"] is False
    assert described["files"][0]["name"] == form
    assert "Harper" in described["citation"]


def test_users_are_given_where_they_are_published(tmp_path):
    for form in ("u.data", "ml-100k.inter"):
        users = read_users(config(tmp_path / form, made(tmp_path / form, form)))
        assert users.rows() == [(1, 24, "M", "writer"), (2, 53, "F", "other")]
    users = read_users(config(tmp_path / "1m", made(tmp_path / "1m", "ratings.dat")))
    assert users.rows() == [(1, 25, "M", "writer"), (2, 1, "F", "other")]
    assert read_users(config(tmp_path / "csv", made(tmp_path / "csv", "ratings.csv"))) is None


def test_no_genres_and_no_year(tmp_path):
    source = made(tmp_path, "ratings.csv")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,A Title,(no genres listed)\n")
    assert read_catalogue(config(tmp_path, source)).rows() == [(1, "A Title", [], None)]


def test_a_zip_is_read_like_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("POCKETREC_CACHE", str(tmp_path / "cache"))
    source = made(tmp_path / "ml", "u.data")
    with zipfile.ZipFile(tmp_path / "ml-100k.zip", "w") as archive:
        for file in (tmp_path / "ml").iterdir():
            archive.write(file, f"ml-100k/{file.name}")
    for _ in range(2):
        zipped = read_events(config(tmp_path / "ml-100k.zip", source)).collect()
        assert zipped.equals(read_events(config(tmp_path / "ml", source)).collect())


def test_a_download_must_have_the_published_counts(tmp_path, monkeypatch):
    source = made(tmp_path, "u.data")
    monkeypatch.setattr(download, "fetch", lambda _: tmp_path)
    downloaded = Config.parse({"data": {"source": source}}, name="test")
    with pytest.raises(DataError, match="has 3 ratings, 2 users and 2 items, but 100000"):
        read_events(downloaded)
    release = RELEASES[source]
    whole = type(release)(release.name, release.checksum, Counts(3, 2, 2), release.licence)
    monkeypatch.setitem(movielens.RELEASES, source, whole)
    assert read_events(downloaded).collect().height == 3
    assert describe_source(downloaded)["complete"] is True


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("u.data", "1\t2\t3\n", "u.data"),
        ("u.data", "1\t2\tx\t4\n", "u.data is not as MovieLens publishes it"),
        ("u.data", "1\t2\t\t4\n", "u.data has 1 rows with missing values"),
        ("u.item", "1|Title\n", "u.item or u.genre or u.user is not as"),
        ("u.item", "1|A|||x|0|0|1\n1|B|||x|0|0|1\n", "a missing or repeated id"),
    ],
)
def test_a_damaged_copy_is_refused(tmp_path, file, content, sentence):
    damaged = config(tmp_path, made(tmp_path, "u.data"))
    (tmp_path / file).write_text(content)
    read = read_events if file == "u.data" else read_catalogue
    with pytest.raises(DataError, match=sentence) as caught:
        read(damaged)
    assert "\n" not in str(caught.value)


def test_a_folder_of_another_release_is_refused(tmp_path):
    made(tmp_path, "u.data")
    with pytest.raises(DataError, match=r"no copy of movielens/1m \(expected .* ratings.dat"):
        read_events(config(tmp_path, "movielens/1m"))
    with pytest.raises(DataError, match="no copy"):
        read_events(config(tmp_path / "nowhere", "movielens/1m"))
