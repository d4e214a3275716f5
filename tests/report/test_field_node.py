from harness.report.field_node import TEXT_CHARACTERS_MAX, FieldNode, bounded, more


def test_json_leaves_out_what_says_nothing() -> None:
    assert FieldNode("name", "7").to_json() == ["name", "7"]
    assert FieldNode("name", "7", "n1").to_json() == ["name", "7", "n1"]
    assert FieldNode("name", "7", "", 0, 4).to_json() == ["name", "7", "", 0, 4]
    inner = FieldNode("inner", "8")
    assert FieldNode("name", "", children=(inner,)).to_json() == ["name", "", "", -1, -1, [["inner", "8"]]]


def test_long_values_are_cut_and_say_how_long_they_were() -> None:
    text = bounded("x" * (TEXT_CHARACTERS_MAX + 1))
    assert text.endswith(f"… ({TEXT_CHARACTERS_MAX + 1} characters)")
    assert bounded("short") == "short"


def test_what_is_left_out_is_counted() -> None:
    assert more(3).text == "3 more are not shown"
