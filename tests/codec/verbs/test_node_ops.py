"""Never captured: bytes are composed by hand."""

import uuid

from harness.codec.verbs.node_ops import NodeOpsCommand, NodeOpsReply, NodeOpsRequest
from tests.codec.verbs.payload_checks import assert_payload

OPERATION = "11" * 16
TOKEN = "14000000 01000000 08000000 c78499982ae4e0cf"


def test_bootstrap_announces_the_new_nodes_tokens() -> None:
    body = assert_payload(
        NodeOpsRequest,
        f"50000000 0f000000 {OPERATION} 00000000 00000000"
        f"01000000 0300000a 0400000a 01000000 0100000a 01000000 {TOKEN} 00000000",
    )
    command = body.command
    assert command.command is NodeOpsCommand.BOOTSTRAP_PREPARE
    assert command.replaced_nodes == (("10.0.0.3", "10.0.0.4"),)
    ((address, tokens),) = command.joining_nodes
    assert address == "10.0.0.1"
    assert [token.value for token in tokens] == [-4069959284402364209]


def test_removenode_names_the_leaving_node() -> None:
    body = assert_payload(
        NodeOpsRequest,
        f"44000000 00000000 {OPERATION} 01000000 0200000a 01000000 0300000a 00000000 00000000"
        f"01000000 {'22' * 16}",
    )
    command = body.command
    assert command.command is NodeOpsCommand.REMOVENODE_PREPARE
    assert (command.ignored_nodes, command.leaving_nodes) == (("10.0.0.2",), ("10.0.0.3",))
    assert command.repaired_tables == (uuid.UUID("22222222-2222-2222-2222-222222222222"),)


def test_node_answers_with_pending_operations() -> None:
    reply = assert_payload(NodeOpsReply, f"19000000 01 01000000 {OPERATION}")
    assert reply.result.ok
    assert len(reply.result.pending_operations) == 1
