"""The ways in which a message can be what a pattern means: what each gives to captures."""

Binding = tuple[tuple[str, object], ...]
"""Values of captures, by name, in the order of the pattern."""
Matches = tuple[Binding, ...]
"""The ways in which a message matches, one for each choice of captured values; none: it does not match."""

MATCHES: Matches = ((),)
NO_MATCH: Matches = ()

WAYS_MAX = 64
"""Most choices of captured values that are told apart in one message."""


def joined_ways(some: Matches, more: Matches) -> Matches:
    """The ways that agree on the captures that both name."""
    if more is MATCHES:
        return some
    if some is MATCHES:
        return more
    found = []
    for way in some:
        values = dict(way)
        for other in more:
            if all(values.get(name, value) == value for name, value in other):
                found.append((*way, *(pair for pair in other if pair[0] not in values)))
                if len(found) >= WAYS_MAX:
                    return tuple(found)
    return tuple(found)


def kept(value: object) -> object:
    """A value that can be looked up; what cannot be hashed is kept as text."""
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value
