from harness.codec.cql.opcodes import REQUEST_OPCODES, RESPONSE_OPCODES, Opcode, opcode_name


def test_every_opcode_has_one_direction() -> None:
    assert not REQUEST_OPCODES & RESPONSE_OPCODES
    assert frozenset(Opcode) == REQUEST_OPCODES | RESPONSE_OPCODES


def test_numbers_are_those_of_the_specification() -> None:
    assert [opcode_name(number) for number in (0x00, 0x07, 0x08, 0x0A, 0x0D, 0x10)] == [
        "ERROR",
        "QUERY",
        "RESULT",
        "EXECUTE",
        "BATCH",
        "AUTH_SUCCESS",
    ]


def test_unknown_number_keeps_its_number() -> None:
    assert opcode_name(17) == "OPCODE_17"
    assert opcode_name(-1) == "OPCODE_-1"
