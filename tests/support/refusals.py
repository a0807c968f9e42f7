"""A command refuses its input as it should."""


def refused(result) -> str:
    """The sentence of a command that ended as it should when its input is bad."""
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1, result.err
    assert "Traceback" not in result.err
    return result.err
