from harness.codec.cql.held_bytes import HeldBytes, Piece


def _held() -> HeldBytes:
    held = HeldBytes()
    for piece in (Piece(b"abc", 1, 2), Piece(b"", 3, 3), Piece(b"defg", 4, 5)):
        held.append(piece)
    held.index()
    return held


def test_pieces_join_in_order() -> None:
    held = _held()
    assert held.join() == b"abcdefg"
    assert held.size_bytes == 7


def test_marks_are_those_of_the_first_and_the_last_byte() -> None:
    held = _held()
    assert held.marks(0, 3) == (1, 2)
    assert held.marks(2, 4) == (1, 5)
    assert held.marks(3, 7) == (4, 5)


def test_dropping_keeps_the_rest_with_its_marks() -> None:
    held = _held()
    held.drop(4)
    assert held.pieces == [Piece(b"efg", 4, 5)]
    assert held.size_bytes == 3
    held.drop(3)
    assert held.pieces == []
    assert held.size_bytes == 0
