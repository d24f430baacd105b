"""In continuous integration a test may not be skipped for something that is absent, except for data and hardware."""

import os
from collections.abc import Generator

import pytest

MAY_BE_ABSENT = ("data", "cuda")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = hasattr(report, "wasxfail") or any(item.get_closest_marker(name) for name in MAY_BE_ABSENT)
    if os.environ.get("RECONWATCH_CI") and report.skipped and not expected:
        report.outcome = "failed"
        report.longrepr = f"skipped, which is not allowed where RECONWATCH_CI is set: {report.longrepr}"
    return report
