from benchmarks.common.markdown import markdown


def test_empty_columns_are_left_out() -> None:
    assert markdown(["a", "b", "c"], [(1, "", 0), (2, "", "")]).splitlines() == [
        "| a | c |",
        "|---|---|",
        "| 1 | 0 |",
        "| 2 |  |",
    ]


def test_table_without_rows_has_its_heads() -> None:
    assert markdown(["a", "b"], []) == "| a | b |\n|---|---|"
