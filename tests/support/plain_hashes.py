"""The stable hash by its definition, in plain Python."""

WRAP = 2**64


def splitmix64(value):
    value = (value + 0x9E3779B97F4A7C15) % WRAP
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % WRAP
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % WRAP
    return value ^ (value >> 31)


def fnv1a(content):
    value = 0xCBF29CE484222325
    for byte in content:
        value = ((value ^ byte) * 0x100000001B3) % WRAP
    return value


def expected(identifier):
    if isinstance(identifier, int):
        return splitmix64(identifier % WRAP)
    return splitmix64(fnv1a(identifier.encode()))
