"""CQL statements as texts that are the same whatever their spaces and letters.

Source:
    Apache Cassandra documentation, "CQL", "Definitions": constants, quoted identifiers, comments.
"""

import re

_TOKEN = re.compile(
    r"""
    (?P<skipped>\s+ | --[^\n]* | //[^\n]* | /\*.*?\*/)
    | (?P<quoted>'(?:[^']|'')*' | "(?:[^"]|"")*" | \$\$.*?\$\$)
    | (?P<word>[\w.]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def plain_text(statement: str) -> str:
    """Write a statement with one space between any two of its parts; what is not in quotes in lower case.

    Two statements with the same plain text mean the same.
    """
    parts = []
    for match in _TOKEN.finditer(statement):
        if match.lastgroup == "skipped":
            continue
        part = match.group()
        parts.append(part if match.lastgroup == "quoted" else part.lower())
    while parts and parts[-1] == ";":
        parts.pop()
    return " ".join(parts)
