"""Small artifacts."""

from pocketrec.storage.draft import new_folder


def make(out, text="old", kind="thing"):
    with new_folder(out, kind) as draft:
        (draft.path / "sub").mkdir()
        (draft.path / "a.txt").write_text(text)
        (draft.path / "sub" / "b.bin").write_bytes(bytes(range(256)))
        draft.manifest["words"] = ["é", 1.5, None]
    return out


def names(folder):
    return sorted(path.name for path in folder.iterdir())
