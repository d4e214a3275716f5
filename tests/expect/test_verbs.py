from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode
from harness.codec.verbs.table import TABLE
from harness.expect import verbs
from harness.expect.cql_patterns import QUERY
from harness.expect.verbs import MAPREDUCE_REQUEST, MUTATION, TABLE_LOAD_STATS, VerbName, verb_named


def test_there_is_a_constant_for_every_name_in_the_verb_table() -> None:
    constants = {name: value for name, value in vars(verbs).items() if isinstance(value, VerbName)}
    names = {name for row in TABLE.verbs for _, name in row.names if not name.startswith("UNUSED__")}
    assert set(constants) == names
    assert all(constants[name].name == name for name in names)


def test_a_renamed_verb_means_the_same_under_all_its_names() -> None:
    assert MAPREDUCE_REQUEST.is_verb_of(61, Line.V5_4)
    assert verb_named("FORWARD_REQUEST") == VerbName("FORWARD_REQUEST", (61,))


def test_a_number_that_changed_hands_means_a_verb_only_in_its_lines() -> None:
    assert TABLE_LOAD_STATS.is_verb_of(72, Line.V6_2)
    assert not TABLE_LOAD_STATS.is_verb_of(72, Line.V2025_1)
    assert TABLE_LOAD_STATS.is_verb_of(77, Line.V2025_1)


def test_the_mode_of_a_verb_is_known_and_opcodes_have_none() -> None:
    assert MUTATION.mode is Mode.ONE_WAY
    assert QUERY.mode is None
    assert verb_named("NO_SUCH_VERB") is None
