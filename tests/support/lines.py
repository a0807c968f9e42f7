"""Lists of recommendations as tests compare them."""


def ids(lines):
    return [line.id for line in lines]
