"""Arguments of `pocketrec recommend`: NAME=VALUE pairs, and names with commas inside."""

from hypothesis import strategies as st

from pocketrec.cli.recommend import read_user, split_names
from pocketrec.features.encoding import Bins, Categories, Feature
from support.junk_values import texts
from support.runtime_calls import answered, check_sentence
from support.small_shop import pocketrec, sku
from support.tally import fuzz

FEATURES = (
    Feature("age", "user", Bins((20.0, 40.0))),
    Feature("country", "user", Categories(("IT", "NO")), slots=2),
)
words_of_numbers = st.sampled_from(
    ["1", "-1", "1e400", "nan", "inf", "9" * 5000, " 7 ", "1_0", "\uff11"]
)
pairs = st.lists(
    st.one_of(
        texts,
        st.tuples(
            st.sampled_from(["age", "age", "country", "=", ""]), texts | words_of_numbers
        ).map("=".join),
    ),
    max_size=3,
)


@fuzz("recommend --user: any pairs", 400, pairs=pairs)
def test_pairs_are_read_or_refused(pairs):
    with answered() as outcome:
        values = read_user(pairs, FEATURES)
    if outcome.error is None:
        assert values.keys() == {pair.split("=", 1)[0] for pair in pairs}
        for feature in FEATURES:
            feature.rows(values.get(feature.name))
    else:
        assert any("=" not in pair or pair.startswith("age=") for pair in pairs)


names = st.lists(st.sampled_from(["a", "b", "a,b", "b, c", "c", "Mug, big, blue", ","]), max_size=5)


@fuzz(
    "recommend --history: names with commas",
    400,
    text=texts | names.map(",".join),
    known=names.map(set),
)
def test_no_piece_of_a_name_is_lost(text, known):
    parts = split_names(text, known)
    assert all(name and name == name.strip() for name in parts)
    assert pieces(",".join(parts)) == pieces(text)
    # A text that is one known name stays whole.
    assert text.strip() not in known or parts == [text.strip()]


def pieces(text):
    return [piece.strip() for piece in text.split(",") if piece.strip()]


@fuzz(
    "recommend: any names on the command line",
    60,
    words=st.lists(st.integers(0, 24).map(sku) | texts, max_size=3),
    k=st.integers(-1, 30),
)
def test_the_command_answers(fresh_shop, words, k):
    result = pocketrec("recommend", fresh_shop.bundle, "-k", k, "--json", "--", *words)
    if 1 <= k <= 25:
        assert result.code == 0
        assert len(result.json) <= k
    else:
        assert result.code == 2
        check_sentence(result.err.splitlines()[-1])
