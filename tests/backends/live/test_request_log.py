from types import SimpleNamespace

from cassandra.protocol import BatchMessage, ExecuteMessage, OptionsMessage, PrepareMessage, QueryMessage
from cassandra.query import BatchType

from harness.backends.live.request_log import RequestLog, SentRequest, logged_connection_class


class Connection:
    """The driver's connection without a network."""

    def __init__(self, *, is_control_connection: bool = False) -> None:
        self.is_control_connection = is_control_connection
        self._socket = SimpleNamespace(getsockname=lambda: ("10.0.0.254", 41000))
        self.sent: list[tuple[object, int]] = []

    def send_msg(self, msg: object, request_id: int, cb: object) -> int:  # noqa: ARG002  (the driver's)
        self.sent.append((msg, request_id))
        return 17

    def set_keyspace_blocking(self, keyspace: str) -> None:
        self.send_msg(QueryMessage(f'USE "{keyspace}"', 1), 9, None)


def query(text: str = "SELECT") -> QueryMessage:
    return QueryMessage(text, 1)


def test_statements_are_told_by_connection_stream_id_and_count() -> None:
    log = RequestLog()
    connection = logged_connection_class(Connection, log)()
    for message, stream_id in [
        (OptionsMessage(), 0),
        (query(), 0),
        (query(), 1),
        (PrepareMessage("SELECT"), 0),
        (ExecuteMessage(b"id", [], 1), 0),
        (BatchMessage(BatchType.LOGGED, [], 1), 1),
    ]:
        assert connection.send_msg(message, stream_id, None) == 17
    assert log.sent(0, len(log)) == (
        SentRequest("10.0.0.254", 41000, 0, 1),
        SentRequest("10.0.0.254", 41000, 1, 0),
        SentRequest("10.0.0.254", 41000, 0, 3),
        SentRequest("10.0.0.254", 41000, 1, 1),
    )
    assert len(connection.sent) == 6


def test_what_the_driver_asks_by_itself_is_left_out() -> None:
    log = RequestLog()
    logged = logged_connection_class(Connection, log)
    logged(is_control_connection=True).send_msg(query(), 0, None)
    logged().set_keyspace_blocking("ks")
    assert len(log) == 0


def test_what_is_no_part_of_the_scenario_is_left_out_and_counted() -> None:
    log = RequestLog()
    connection = logged_connection_class(Connection, log)()
    with log.unrecorded():
        with log.unrecorded():
            connection.send_msg(query(), 0, None)
        connection.send_msg(query(), 0, None)
    connection.send_msg(query(), 0, None)
    assert log.sent(0, 9) == (SentRequest("10.0.0.254", 41000, 0, 2),)
    assert log.last_ns > 0
