"""Logs written in every format, and read."""

import gzip
import json
from pathlib import Path

import polars as pl

from pocketrec.config.sections import Config
from pocketrec.ingest.read import read_events

FORMATS = ["csv", "tsv", "jsonl", "parquet", "csv.gz", "tsv.gz", "jsonl.gz", "ndjson"]


def config(folder, path, **data):
    names = {"user": "user", "item": "item", "time": "ts"}
    return Config.parse({"data": {"path": path, **names, **data}}, name="test", folder=folder)


def events(folder, path, **data):
    return read_events(config(folder, path, **data)).collect()


def write(folder: Path, name: str, rows, columns=("user", "item", "ts")) -> None:
    frame = pl.DataFrame(rows, schema=list(columns), orient="row", strict=False)
    path, kind = folder / name, name.partition(".")[2].removesuffix(".gz")
    if kind == "parquet":
        frame.write_parquet(path)
        return
    if kind in ("csv", "tsv"):
        text = frame.write_csv(separator="," if kind == "csv" else "\t")
    else:
        text = "".join(json.dumps(row) + "\n" for row in frame.to_dicts())
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())


def feature(folder, ending, values, kind="category"):
    if ending == "jsonl":
        rows = [{"user": 1, "item": 1, "ts": 1, "f": value} for value in values]
        (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        frame = pl.DataFrame({"user": 1, "item": 1, "ts": 1, "f": values})
        save = frame.write_csv if ending == "csv" else frame.write_parquet
        save(folder / f"a.{ending}")
    document = {"data": {"path": f"a.{ending}", "user": "user", "item": "item", "time": "ts"}}
    document["features"] = {"event": {"f": kind}}
    log = read_events(Config.parse(document, name="t", folder=folder)).collect()
    return log["event:f"].to_list()
