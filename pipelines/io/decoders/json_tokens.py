"""What JSON is made of, by compiled code: names, texts, words and numbers, and -1 for whatever is not plainly written.

A number is its digits times a power of ten: exact where both are exact as floating-point numbers and one operation is
rounded. Paper: Clinger 1990, "How to read floating point numbers accurately".
"""

# mypy: disallow-untyped-defs=False
from typing import NamedTuple

import numpy as np
from numba import njit

from detector.types import Ints

_QUOTE, _COLON, _BACKSLASH = ord('"'), ord(":"), ord("\\")
MINUS, POINT, ZERO, NINE, _PLUS = ord("-"), ord("."), ord("0"), ord("9"), ord("+")
_NULL, _TRUE, _FALSE = (np.frombuffer(word, np.uint8) for word in (b"null", b"true", b"false"))
_EXACT_POWER, _EXACT = 22, np.uint64(1 << 53)
POWERS = 10.0 ** np.arange(_EXACT_POWER + 1)
_MOST_DIGITS = 19


class Names(NamedTuple):
    """Names as one array of bytes, and where each of them ends."""

    letters: Ints
    ends: Ints


def names(texts: list[str]) -> Names:
    """Returns names as compiled code takes them."""
    encoded = [text.encode() for text in texts]
    return Names(np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([len(one) for one in encoded], dtype=np.int64))


@njit(cache=True, nogil=True)
def named(data, at, names):
    """Returns which name stands before a colon, -1 if none of those, and where what it names begins, -1 if nothing."""
    begin = blank(data, at)
    end = _text(data, begin)
    if end < 0:
        return -1, -1
    colon = blank(data, end)
    if data[colon] != _COLON:
        return -1, -1
    return _place(data, begin + 1, end - 1, names), blank(data, colon + 1)


@njit(cache=True, nogil=True)
def number(data, at):
    """Returns a number, or NaN for null, and where it ends; -1 if it is neither or cannot be read exactly here."""
    at = blank(data, at)
    if data[at] == _NULL[0]:
        return np.nan, _word(data, at, _NULL)
    negative = data[at] == MINUS
    at += negative
    first, mantissa = at, np.uint64(0)
    while ZERO <= data[at] <= NINE:
        mantissa = mantissa * np.uint64(10) + np.uint64(data[at] - ZERO)
        at += 1
    digits, power = at - first, 0
    if digits == 0 or (digits > 1 and data[first] == ZERO):
        return 0.0, -1
    if data[at] == POINT:
        begin = at + 1
        at = begin
        while ZERO <= data[at] <= NINE:
            mantissa = mantissa * np.uint64(10) + np.uint64(data[at] - ZERO)
            at += 1
        power = begin - at
        digits -= power
        if power == 0:
            return 0.0, -1
    if data[at] == ord("e") or data[at] == ord("E"):
        at += 1
        below = data[at] == MINUS
        at += below or data[at] == _PLUS
        begin, exponent = at, 0
        while ZERO <= data[at] <= NINE and at - begin < 5:
            exponent = 10 * exponent + int(data[at]) - ZERO
            at += 1
        if at == begin or ZERO <= data[at] <= NINE:
            return 0.0, -1
        power += -exponent if below else exponent
    if digits > _MOST_DIGITS or mantissa > _EXACT or abs(power) > _EXACT_POWER:
        return 0.0, -1
    value = np.float64(mantissa)
    value = value / POWERS[-power] if power < 0 else value * POWERS[power]
    return (-value if negative else value), at


@njit(cache=True, nogil=True)
def scalar(data, at):
    """Returns where a text, number or word ends, -1 if there is none."""
    if data[at] == _QUOTE:
        return _text(data, at)
    for word in (_TRUE, _FALSE):
        end = _word(data, at, word)
        if end >= 0:
            return end
    return number(data, at)[1]


@njit(cache=True, nogil=True)
def _text(data, at):
    """Returns where a text of plain ASCII ends, quotes included, -1 if there is none."""
    if data[at] != _QUOTE:
        return -1
    at += 1
    while data[at] != _QUOTE:
        if not ord(" ") <= data[at] < 0x7F or data[at] == _BACKSLASH:
            return -1
        at += 1
    return at + 1


@njit(cache=True, nogil=True)
def _word(data, at, word):
    for i in range(len(word)):
        if data[at + i] != word[i]:
            return -1
    return at + len(word)


@njit(cache=True, nogil=True)
def blank(data, at):
    """Returns the first byte that is no blank."""
    while data[at] == 0x20 or data[at] == 0x0A or data[at] == 0x0D or data[at] == 0x09:
        at += 1
    return at


@njit(cache=True, nogil=True)
def _place(data, begin, end, names):
    """Returns which name it is, -1 if none."""
    first = 0
    for i in range(len(names.ends)):
        last = names.ends[i]
        if last - first == end - begin and last > first:
            same = True
            for j in range(end - begin):
                same &= data[begin + j] == names.letters[first + j]
            if same:
                return i
        first = last
    return -1
