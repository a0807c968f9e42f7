"""The commands that write artifacts, on the small shops."""

from support.small_shop import QUICK, settings


def words_of(verb, shop, fresh_shop, folder, out):
    """The words of a verb that writes `out`; what it reads besides is put into `folder`."""
    (folder / "new.csv").write_text("id,title,tags\nnew,New,cold\n")
    training = settings("training", *QUICK, "epochs=2")
    return {
        "prepare": ["prepare", shop.toml, "--out", out],
        "train": ["train", shop.toml, "--data", shop.data, "--out", out, *training],
        "export": ["export", shop.run, "--out", out],
        "add-items": ["add-items", fresh_shop.bundle, folder / "new.csv", "--out", out],
    }[verb]
