"""A log of another kind than films, with a TOML of ten lines, from the CSV to the device."""

import csv
import json
import subprocess
import sys

import pytest

from pocketrec.bundle.folder import open_bundle
from pocketrec.preparation import pipeline
from pocketrec.training import loop
from support.small_shop import TOML, pocketrec, sku, succeed


def ids(result):
    return [line["id"] for line in result.json]


def test_the_toml_has_ten_lines():
    assert len(TOML.splitlines()) == 10


def test_every_event_is_read_and_kept(shop):
    counts = json.loads((shop.data / "manifest.json").read_text())["counts"]
    with (shop.folder / "events.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert counts["read"] == counts["kept"] == {"events": len(rows), "users": 60, "items": 25}


def test_the_bundle_holds_three_files_and_the_catalogue_of_the_shop(shop):
    names = {file.name for file in shop.bundle.iterdir()}
    assert names == {"model.tflite", "items.json", "manifest.json"}
    items = {item.id: item for item in open_bundle(shop.bundle).items}
    assert set(items) == {sku(n) for n in range(25)}
    assert items["sku-001"].title == 'Mug "Big, blue"'
    assert items["sku-001"].attributes == {"price": 1.5, "tags": ["hot", "cold"]}


def test_the_manifest_tells_no_path_of_the_machine(shop):
    text = (shop.bundle / "manifest.json").read_text()
    assert str(shop.folder) not in text
    assert {"path", "items"}.isdisjoint(json.loads(text)["config"]["data"])


@pytest.mark.parametrize("subject", ["bundle", "run"])
def test_evaluate_prints_one_object(shop, subject):
    report = succeed("evaluate", shop.folder / subject, "--data", shop.data, "--json").json
    assert report["users"] == 60
    assert set(report["baselines"]) == {"popularity", "markov", "seq_knn"}
    measure = report["metrics"]["ndcg@10"]
    assert set(measure) == {"value", "low", "high"}
    assert measure["low"] <= measure["value"] <= measure["high"]
    assert {"ndcg@10", "recall@10", "mrr@10"} <= set(report["metrics"])
    for baseline in report["baselines"].values():
        assert set(baseline["ndcg@10"]) == {"value", "low", "high"}
    # The world is made so that order says far more than popularity does.
    assert measure["low"] > report["baselines"]["popularity"]["ndcg@10"]["high"]


def test_bundle_and_run_are_worth_the_same(shop):
    bundle, run = (
        succeed("evaluate", shop.folder / name, "--data", shop.data, "--json").json["metrics"]
        for name in ("bundle", "run")
    )
    assert bundle["ndcg@10"]["value"] == pytest.approx(run["ndcg@10"]["value"], rel=0.01)


def test_evaluate_prints_a_table_for_people(shop):
    result = succeed("evaluate", shop.bundle, "--data", shop.data)
    assert "NDCG@10" in result.out
    assert "markov" in result.out


def test_recommend_gives_the_next_product_of_the_aisle(shop):
    for aisle in range(5):
        walk = [sku(5 * aisle + place) for place in (1, 2, 3)]
        result = succeed("recommend", shop.bundle, "--history", ",".join(walk), "--json")
        assert ids(result)[0] == sku(5 * aisle + 4)
        assert len(result.json) == 10
        assert set(result.json[0]) == {"id", "title", "score"}
        scores = [line["score"] for line in result.json]
        assert scores == sorted(scores, reverse=True)


def test_titles_with_commas_and_quotes_name_their_items(shop):
    by_id = succeed("recommend", shop.bundle, "--history", "sku-000,sku-001,sku-007", "--json")
    history = 'Tea, green, loose, Mug "Big, blue" ,Product 7'
    assert succeed("recommend", shop.bundle, "--history", history, "--json").out == by_id.out
    words = ["Tea, green, loose", 'Mug "Big, blue"', "sku-007"]
    separate = succeed("recommend", shop.bundle, "--history", words[0], *words[1:], "--json")
    assert separate.out == by_id.out


def test_blocked_titles_are_not_shown(shop):
    words = ["recommend", shop.bundle, "--history", "sku-000", "-k", 24, "--json"]
    shown = ids(succeed(*words, "--blocked", 'Mug "Big, blue",sku-007'))
    assert len(shown) == 23
    assert not {"sku-001", "sku-007"} & set(shown)


def test_a_title_of_two_items_asks_for_an_id(shop):
    result = pocketrec("recommend", shop.bundle, "--history", "Twin")
    assert result.code == 2
    assert "sku-002" in result.err
    assert "sku-003" in result.err


def test_titles_are_printed_as_they_are(shop):
    result = succeed("recommend", shop.bundle, "-k", 25, "--quiet")
    assert "[bold] :smile:" in result.out
    assert result.err == ""


def test_recommend_says_why(shop):
    words = ["recommend", shop.bundle, "--history", f"{sku(2)},{sku(7)}", "-k", "1", "--why"]
    ((line,), text) = succeed(*words, "--json").json, succeed(*words).out
    assert (line["id"], line["because"][0]["id"]) == (sku(8), sku(7))
    assert "because of" in text


def test_unknown_ids_are_noted_and_refused_when_strict(shop):
    lenient = succeed("recommend", shop.bundle, "--history", "sku-000,sku-999", "--json")
    known = succeed("recommend", shop.bundle, "--history", "sku-000", "--json")
    assert lenient.out == known.out
    assert lenient.err.startswith("note: ")
    assert "'sku-999'" in lenient.err
    strict = pocketrec("recommend", shop.bundle, "--history", "sku-000,sku-999", "--strict")
    assert strict.code == 2
    assert "'sku-999'" in strict.err


def test_repeats_are_recommended_where_users_repeat(shop):
    walk = [sku(n) for n in range(5)]
    shown = ids(succeed("recommend", shop.bundle, "--history", ",".join(walk), "--json"))
    assert shown[0] == "sku-000"  # round and round the aisle


def test_repeats_are_never_recommended_where_they_do_not(fresh_shop):
    for aisle in range(5):
        walk = [sku(5 * aisle + place) for place in range(5)]
        history = ",".join(walk)
        for k in (10, 25):
            shown = ids(
                succeed("recommend", fresh_shop.bundle, "--history", history, "-k", k, "--json")
            )
            assert len(shown) == min(k, 20)
            assert not set(shown) & set(walk)


def test_bench_prints_what_a_bundle_costs(shop):
    # In a process of its own, for its memory is what is measured.
    words = [sys.executable, "-m", "pocketrec", "bench", str(shop.bundle), "--json"]
    costs = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    assert set(costs) == {"bytes", "load_ms", "latency_ms", "peak_rss_mb", "ops"}
    assert costs["bytes"] == (shop.bundle / "model.tflite").stat().st_size
    assert set(costs["latency_ms"]) == {"1", "2"}
    for latency in costs["latency_ms"].values():
        assert 0 < latency["p50"] <= latency["p95"]
    assert costs["load_ms"] > 0
    assert 10 < costs["peak_rss_mb"] < 300
    assert "EMBEDDING_LOOKUP" in costs["ops"]


def test_doctor_names_what_is_there():
    report = succeed("doctor", "--json").json
    assert report["packages"]["runtime"]["ai-edge-litert"]
    assert report["packages"]["train"]["torch"]
    assert "torch" in succeed("doctor").out


def test_a_second_run_does_nothing_and_says_so(shop, monkeypatch):
    before = {
        file: file.stat().st_mtime_ns
        for folder in (shop.data, shop.run)
        for file in folder.rglob("*")
    }
    for module, work in ((pipeline, "run_preparation"), (loop, "train_step")):
        monkeypatch.setattr(module, work, lambda *_, **__: pytest.fail("it was done again"))
    for words in (["prepare", shop.toml, "--out", shop.data], shop.train_words()):
        again = succeed(*words, "--json")
        assert "nothing to do" in again.err
        assert again.json["out"] == str(words[-1] if words[0] == "prepare" else shop.run)
    assert before == {
        file: file.stat().st_mtime_ns
        for folder in (shop.data, shop.run)
        for file in folder.rglob("*")
    }


def test_a_damaged_preparation_is_made_anew(shop, tmp_path):
    folder = tmp_path / "data"
    succeed("prepare", shop.toml, "--out", folder)
    part = next((folder / "shards").iterdir())
    content = part.read_bytes()
    part.write_bytes(content[:-1])
    again = succeed("prepare", shop.toml, "--out", folder)
    assert "nothing to do" not in again.err
    assert part.read_bytes() == content


def test_a_run_that_nobody_watches_leaves_no_blank_lines(shop):
    for result in (shop.prepare, shop.train, shop.export):
        assert all(line.strip() for line in result.err.splitlines())
