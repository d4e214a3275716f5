"""Values inside a page: as JSON that no text can break out of, packed where it is long."""

import base64
import json
import zlib

from markupsafe import Markup

PLAIN_CHARACTERS_MAX = 16 * 1024
"""Longer JSON is packed; shorter one stays readable in the page's source."""


def data_element(element_id: str, value: object) -> Markup:
    r"""Give a script element, which no browser runs, that holds a value as JSON.

    Wire: JSON in ASCII with every ``<`` as ``\u003c``, so that no ``</script>`` can stand in it; or, with the
    attribute ``data-packed``, the base64 of that JSON deflated (RFC 1950).

    Args:
        element_id: by which the page's script finds it.
        value: what ``json.dumps`` takes.
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    if len(text) <= PLAIN_CHARACTERS_MAX:
        content, attribute = text.replace("<", "\\u003c"), Markup("")
    else:
        content = base64.b64encode(zlib.compress(text.encode("ascii"), 6)).decode("ascii")
        attribute = Markup(" data-packed")
    return Markup('<script type="application/json" id="{}"{}>{}</script>').format(
        element_id,
        attribute,
        Markup(content),  # noqa: S704  (JSON whose every < is escaped, or base64)
    )
