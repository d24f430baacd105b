"""Files written whole or not at all."""

from pathlib import Path

import pytest

from detector.errors import SinkUnavailable
from pipelines.cli.files import check_writable, write_whole


def test_a_file_appears_whole_and_replaces_the_older_one(tmp_path):
    path = tmp_path / "scores.csv"
    for text in ("old", "new"):
        write_whole(path, lambda fresh, text=text: fresh.write_text(text))
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_in_the_middle_leaves_the_older_file(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("old")

    def half(fresh: Path) -> None:
        fresh.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(SinkUnavailable, match=r"cannot write .*scores.csv: No space left"):
        write_whole(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place,reason", [("none/scores.csv", "does not exist"), ("", "it is a folder")])
def test_places_that_cannot_be_written_are_known_before_the_work(tmp_path, place, reason):
    with pytest.raises(SinkUnavailable, match=reason):
        check_writable(tmp_path / place)


def test_a_place_that_proves_unwritable_only_when_written(tmp_path):
    with pytest.raises(SinkUnavailable, match="cannot write"):
        write_whole(Path("/proc/scores.csv"), lambda fresh: fresh.write_text("x"))
