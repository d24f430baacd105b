"""Words as bits."""

import numpy as np

from detector.windows.categories import Categories, word_of


def test_a_word_counts_how_rare_it_is():
    known = Categories.fit(["tcp"] * 59 + ["udp"] * 3)
    # One is added to each count and to that of the unseen: shares 60/65, 4/65 and 1/65.
    np.testing.assert_allclose(
        known.numbers(["tcp", "udp", "icmp"]), [-np.log2(60 / 65), -np.log2(4 / 65), np.log2(65)], atol=1e-6
    )


def test_nothing_is_a_word_too():
    known = Categories.fit(["", "", "dns"])
    assert known.numbers([None, float("nan"), ""]).tolist() == [known.bits[""]] * 3


def test_numbers_are_words_however_they_are_written():
    known = Categories.fit(["123", "123", "22"])
    assert known.numbers([123, 123.0, "123", " 123 "]).tolist() == [known.bits["123"]] * 4
    assert word_of(0.5) == "0.5"


def test_it_survives_being_written_down():
    known = Categories.fit(["a", "a", "b", "naïve, quoted"])
    assert Categories.model_validate_json(known.model_dump_json()) == known
