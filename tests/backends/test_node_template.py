import sys
from collections.abc import Iterator

import pytest

from harness.backends.network.template import Template
from harness.backends.node_template import node_template


@pytest.fixture
def template() -> Iterator[Template]:
    template = node_template()
    yield template
    template.close()


def test_it_is_the_same_in_all_tests(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_another (call)")
    # As pytest does for folders of tests.
    monkeypatch.setattr(sys, "path", ["/folder/of/tests", *sys.path])
    assert node_template() is template


def test_it_is_another_one_where_nodes_shall_have_another_environment(
    template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_SIMULATED_FAULTS", "lose_hint")
    assert node_template() is not template
    assert not template.is_usable
