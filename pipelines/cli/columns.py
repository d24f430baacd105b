"""Options that say what stands in which column of a CSV file."""

from collections.abc import Callable
from typing import Any

import click

from pipelines.cli.series import options

COLUMNS: Callable[[Any], Any] = options(
    click.option("--time", default="timestamp", show_default=True, help="Column of the time; 'rows' numbers the rows."),
    click.option("--ignore", multiple=True, metavar="COLUMN", help="Leave a column out; may be repeated."),
)
