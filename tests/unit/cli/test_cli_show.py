"""What the verbs tell people and machines."""

import json

from pipelines.cli.show import note, progress_bar, result


def test_results_for_people_are_lines_without_what_is_missing(capsys):
    result({"anomalous_rows": 3, "vus_pr": 0.123456, "auc_pr": None}, as_json=False)
    assert capsys.readouterr().out == "anomalous rows  3\nvus pr          0.1235\n"


def test_results_for_machines_are_one_object(capsys):
    values = {"anomalous_rows": 3, "vus_pr": None}
    result(values, as_json=True)
    assert json.loads(capsys.readouterr().out) == values


def test_notes_and_progress_keep_off_the_standard_output(capsys):
    note("a column is left out.")
    with progress_bar() as progress:
        progress("fit", 0.0)
        progress("fit", 1.0)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "reconwatch: a column is left out.\n"
