"""The table at the end of a run: what became of the records under every fault."""

from pathlib import Path
from typing import Any

import pytest

HEAD = ("fault", "records", "missing", "double", "wrong", "next commit after")
SAVED = Path("out/chaos/summary.md")
_verdicts: list[dict[str, Any]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collects the verdicts that tests report as properties, from every worker."""
    told = [value for name, value in report.user_properties if name == "verdict"]
    if report.when == "call" and told and told[-1]["fault"]:
        _verdicts.append(told[-1])
    elif report.failed and {"chaos", "fault"} & set(report.keywords):
        _verdicts.append({"fault": report.nodeid})


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Prints the table; a run of all faults saves it too."""
    if not _verdicts:
        return
    lines = table(_verdicts)
    terminalreporter.section("faults")
    terminalreporter.write_line("\n".join(lines))
    if "not chaos" not in config.option.markexpr:
        SAVED.parent.mkdir(parents=True, exist_ok=True)
        SAVED.write_text("\n".join(lines) + "\n")
        terminalreporter.write_line(f"saved as {SAVED}")


def table(verdicts: list[dict[str, Any]]) -> list[str]:
    """Returns the lines of a Markdown table with a line for the sum; a test without a verdict has failed early."""
    rows = [_cells(verdict) for verdict in verdicts]
    judged = [verdict for verdict in verdicts if "records" in verdict]
    sums = {name: sum(verdict[name] for verdict in judged) for name in HEAD[1:5]}
    rows.append(_cells({"fault": f"{len(verdicts)} in all", **sums}))
    return [_line(HEAD), _line(("---",) * len(HEAD)), *map(_line, rows)]


def _cells(verdict: dict[str, Any]) -> tuple[str, ...]:
    after_s = verdict.get("next_commit_s")
    counts = (f"{verdict[name]:,}" if name in verdict else "failed" for name in HEAD[1:5])
    return (verdict["fault"], *counts, "" if after_s is None else f"{after_s:.1f} s")


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
