from harness.report.flow import flow_of
from harness.report.sequence_diagram import mermaid_of
from tests.report.traces import HOSTILE, flow_of_messages, hostile_trace, pings, statement


def test_a_flow_is_a_sequence_diagram() -> None:
    flow = flow_of_messages([*pings(0, 2), *statement(2)])
    assert mermaid_of(flow).splitlines() == [
        "sequenceDiagram",
        "    participant p0 as client",
        "    participant p1 as n1",
        "    participant p2 as n2",
        "    participant p3 as n3",
        "    participant p4 as n4",
        "    participant p5 as n5",
        "    Note over p0,p5: 2 gossip messages",
        "    Note over p0,p5: statement 1, QUORUM - INSERT INTO ks.t (id, a, b) VALUES (1, 'ab', 'xyz')",
        "    p0->>p1: QUERY QUORUM INSERT INTO ks.t (id, a, b) VALUES (1, 'ab', 'xyz')",
        "    p1->>p2: MUTATION ks.t(1) a='ab' b='xyz' #35;00002",
        "    p1->>p3: MUTATION ks.t(1) a='ab' b='xyz' #35;00002",
        "    p2-->>p1: MUTATION_DONE #35;00002",
        "    p1-->>p0: RESULT void",
        "    Note over p0,p5: the client has its answer, what follows is background work",
        "    p3-->>p1: MUTATION_DONE #35;00002",
    ]


def test_text_cannot_end_a_line_or_become_markup() -> None:
    text = mermaid_of(flow_of(hostile_trace()))
    assert HOSTILE[:20] not in text
    assert "<" not in text
    assert "#60;/script#62;" in text


def test_a_limit_is_told() -> None:
    text = mermaid_of(flow_of_messages(statement()), messages_max=1)
    assert text.endswith("Note over p0,p5: 5 more messages are left out of this picture\n")


def test_an_empty_flow_is_an_empty_diagram() -> None:
    assert mermaid_of(flow_of_messages([])).startswith("sequenceDiagram\n    participant p0 as n1")
