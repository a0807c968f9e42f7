"""What is in folders, to compare."""

from pocketrec.storage.artifact import describe


def lasting_files(folder):
    """All files of a folder but those that tell how quick a training was."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): describe(file)["sha256"]
        for file in files
        if "tensorboard" not in file.parts and file.name != "metrics.jsonl"
    }


def all_files(folder):
    """Every file of an artifact, by its path in it."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
