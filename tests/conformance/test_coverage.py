"""The rules that neither a test nor the compatibility page knows may only become fewer."""

from __future__ import annotations

from tests.conformance.coverage import by_section, measure, rules_of

MISSING_MAX = 0
"""How many there were when last counted. Lower it with every change that lowers the count."""


def test_no_rule_loses_its_test() -> None:
    coverage = measure()
    found = "\n".join(by_section(coverage))
    assert len(coverage.missing) <= MISSING_MAX, f"{coverage.summary()}; missing:\n{found}"


def test_every_cited_rule_exists() -> None:
    assert not measure().unknown, "an id in a test or on the compatibility page is no rule of the contract"


def test_rules_are_read_with_the_title_of_their_section() -> None:
    wanted = "## 1 Records\n\nS-1.1 One, see S-2.9.\n\n"
    contract = wanted + "## 95 Costs\n\nS-95.1 Not ours.\n\n## 90 Keys\n\nS-90.1 Two.\n"
    assert rules_of(contract) == {"S-1.1": "Records", "S-90.1": "Keys"}
