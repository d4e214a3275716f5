import pytest

from harness.events.message import Kind, Message
from harness.report.hues import HUE_COLOURS, Hue, hue_of
from harness.schema import Schema
from tests.events.messages import TABLE, connection, message, query
from tests.report.traces import VIEW


@pytest.mark.parametrize(
    ("seen", "hue"),
    [
        (message(verb=1), Hue.WRITE),
        (message(Kind.REQUEST, 3, b""), Hue.READ),
        (message(Kind.REQUEST, 39, b""), Hue.TRANSACTION),
        (message(verb=6, payload=b""), Hue.GOSSIP),
        (message(Kind.REQUEST, 63, b""), Hue.LIVENESS),
        (message(Kind.NEGOTIATION, None, b""), Hue.CONNECTION),
        (message(Kind.REQUEST, 94, b""), Hue.OTHER),
        (query("SELECT * FROM ks.t"), Hue.STATEMENT),
    ],
)
def test_a_hue_tells_what_a_message_is_about(seen: Message, hue: Hue) -> None:
    assert hue_of(seen, (), Schema()) is hue


def test_writes_to_views_have_a_hue_of_their_own() -> None:
    schema = Schema((TABLE, VIEW))
    assert hue_of(message(), ("ks.t_by_a",), schema) is Hue.VIEW_UPDATE
    assert hue_of(message(), ("ks.t",), schema) is Hue.WRITE
    assert hue_of(message(), ("ks.t_by_a", "ks.t"), schema) is Hue.WRITE
    assert hue_of(message(on=connection()), ("0123",), schema) is Hue.WRITE


def luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("hue", list(Hue))
def test_every_hue_can_be_read_on_light_and_on_dark_paper(hue: Hue) -> None:
    light, dark = HUE_COLOURS[hue]
    assert contrast(light, "#ffffff") >= 4.5
    assert contrast(dark, "#14161a") >= 4.5
