"""Size alarms: a function fits a screen, a file answers one question."""

from __future__ import annotations

from tests.tidy.sources import (
    FILE_LINES_MAX,
    FUNCTION_LINES_MAX,
    ROOT,
    is_test,
    python_files,
    python_functions,
    rust_files,
    rust_functions,
)

# Path to the lines it had when it was let in. A listed file may shrink, never grow; so should the list.
FILES_LET_IN: dict[str, int] = {}
# "path function" to its lines, by the same rule.
FUNCTIONS_LET_IN: dict[str, int] = {}


def test_a_file_answers_one_question() -> None:
    for path in [*python_files(), *rust_files()]:
        if is_test(path):
            continue
        name = str(path.relative_to(ROOT))
        lines = len(path.read_text(encoding="utf-8").splitlines())
        limit = FILES_LET_IN.get(name, FILE_LINES_MAX)
        assert lines <= limit, (
            f"{name} has {lines} lines (at most {limit}): which second question does it answer? Move that out"
        )


def test_a_function_fits_a_screen() -> None:
    functions = [each for path in python_files() for each in python_functions(path)]
    functions += [each for path in rust_files() for each in rust_functions(path)]
    for each in functions:
        if is_test(each.path):
            continue
        limit = FUNCTIONS_LET_IN.get(f"{each.path.relative_to(ROOT)} {each.name}", FUNCTION_LINES_MAX)
        assert each.lines <= limit, (
            f"{each}: at most {limit} lines. Keep the branches here and move the loops' bodies out"
        )


def test_the_list_of_exceptions_names_only_what_exists() -> None:
    for name in [*FILES_LET_IN, *(each.split()[0] for each in FUNCTIONS_LET_IN)]:
        assert (ROOT / name).is_file(), f"{name} is gone: take it off the list"
