from uuid import UUID

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Query, query_parameters
from harness.events.body_values import known_field_names, values_at
from tests.events.messages import TABLE_ID, message


def test_a_path_leads_through_every_element() -> None:
    body = message().body
    path = ("mutation", "partition", "rows", "cells", "columns", "id")
    assert list(values_at(body, path)) == [0, 1]
    assert list(values_at(body, ("mutation", "table_id"))) == [UUID(str(TABLE_ID))]


def test_fields_that_are_not_there_lead_to_nothing() -> None:
    body = message().body
    assert list(values_at(body, ("fence", "topology_version"))) == []
    assert list(values_at(body, ("nothing",))) == []
    assert list(values_at(None, ("mutation",))) == []


def test_the_content_of_a_cql_message_needs_no_name() -> None:
    body = CqlMessage(content=Query(query="Q", parameters=query_parameters(4)))
    assert list(values_at(body, ("query",))) == ["Q"]
    assert list(values_at(body, ("content", "parameters", "consistency"))) == [4]


def test_all_payloads_and_messages_have_told_their_fields() -> None:
    assert {"mutation", "response_id", "ballot", "append", "query", "consistency"} <= known_field_names()
