"""JSON objects of arrays of numbers, read by compiled code: what is plainly written, and not a byte of anything else.

orjson makes an object of every number, which costs five times what reading it does. Here numbers go from bytes into
arrays. Whatever is unusual (escapes, letters beyond ASCII, nested fields, a name twice, arrays of unequal length, more
than 19 digits) is not judged but left to who asked, as is everything that is no JSON at all.

A number is its digits times a power of ten: exact where both are exact as floating-point numbers and one operation is
rounded. Paper: Clinger 1990, "How to read floating point numbers accurately".
"""

# mypy: disallow-untyped-defs=False
from typing import NamedTuple

import numpy as np
from numba import njit

from detector.types import Floats, Ints

TIME, STEP, SERIES, VALUES = range(4)
"""Fields at the top of an object; of the first three the place of what they hold is told."""
_QUOTE, _COMMA, _COLON, _BACKSLASH = ord('"'), ord(","), ord(":"), ord("\\")
_MINUS, _PLUS, _POINT, _ZERO, _NINE = ord("-"), ord("+"), ord("."), ord("0"), ord("9")
_SPACE, _OPEN, _CLOSE, _BEGIN, _END = ord(" "), ord("{"), ord("}"), ord("["), ord("]")
_NULL, _TRUE, _FALSE = (np.frombuffer(word, np.uint8) for word in (b"null", b"true", b"false"))
_EXACT_POWER, _EXACT = 22, np.uint64(1 << 53)
_POWERS = 10.0 ** np.arange(_EXACT_POWER + 1)
_MOST_DIGITS, _FEW_DIGITS = 19, 15
_U1, _U9, _U10, _U48 = (np.uint64(number) for number in (1, 9, 10, 48))


class Names(NamedTuple):
    """Names as one array of bytes, and where each of them ends."""

    letters: Ints
    ends: Ints


class Scanned(NamedTuple):
    """What lies in objects.

    Attributes:
        samples: [B] int64, numbers of each array; -1 where the object is not plain.
        first: [B] int64, where its numbers begin in ``numbers``, array by array.
        channel: [B, F] int64, which of our channels each of its arrays is, in their order; -1 behind the last.
        spans: [B, 3, 2] int64, first and last byte but one of what the fields before ``VALUES`` hold; 0, 0 if absent.
        numbers: all of them, null as NaN.
    """

    samples: Ints
    first: Ints
    channel: Ints
    spans: Ints
    numbers: Floats


def names(texts: list[str]) -> Names:
    """Returns names as compiled code takes them."""
    encoded = [text.encode() for text in texts]
    return Names(np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([len(one) for one in encoded], dtype=np.int64))


def scanned(data: bytes, ends: Ints, fields: Names, channels: Names) -> Scanned:
    """Reads objects.

    Args:
        data: the objects, a zero byte behind each.
        ends: [B] where these zero bytes are.
        fields: names of the four fields at the top; an empty one is not asked for.
        channels: names of the arrays that are wanted.
    """
    size = len(ends)
    found = Scanned(
        samples=np.full(size, -1, np.int64),
        first=np.zeros(size, np.int64),
        channel=np.full((size, len(channels.ends)), -1, np.int64),
        spans=np.zeros((size, 3, 2), np.int64),
        numbers=np.empty(len(data) // 2 + 1),  # a number and what divides it from the next are two bytes at least
    )
    _scan(np.frombuffer(data, np.uint8), ends, fields, channels, found)
    return found


@njit(cache=True, nogil=True)
def _scan(data, ends, fields, channels, found):
    at = n = 0
    for r in range(len(ends)):
        end, samples, m = _object(data, at, n, fields, channels, found.channel[r], found.spans[r], found.numbers)
        if end == ends[r]:
            found.samples[r], found.first[r], n = samples, n, m
        at = ends[r] + 1


@njit(cache=True, nogil=True)
def _object(data, at, n, fields, channels, channel, spans, numbers):
    """Returns where an object and the blanks behind it end (-1 if it is not plain), samples, and numbers in all."""
    at = _blank(data, at)
    if data[at] != _OPEN:
        return -1, 0, n
    seen, samples = 0, -1
    while True:
        begin = _blank(data, at + 1)
        end = _text(data, begin)
        if end < 0:
            return -1, 0, n
        field = _place(data, begin + 1, end - 1, fields)
        at = _blank(data, end)
        if data[at] != _COLON or (field >= 0 and seen & (1 << field)):
            return -1, 0, n
        begin = _blank(data, at + 1)
        if field == VALUES:
            end, samples, n = _arrays(data, begin, n, channels, channel, numbers)
        else:
            end = _scalar(data, begin)
        if end < 0:
            return -1, 0, n
        if field >= 0:
            seen |= 1 << field
            if field != VALUES:
                spans[field, 0], spans[field, 1] = begin, end
        at = _blank(data, end)
        if data[at] == _CLOSE:
            return (_blank(data, at + 1) if samples > 0 else -1), samples, n
        if data[at] != _COMMA:
            return -1, 0, n


@njit(cache=True, nogil=True)
def _arrays(data, at, n, channels, channel, numbers):
    """Returns where an object of arrays ends, how long each of those wanted is, and numbers in all."""
    if data[at] != _OPEN:
        return -1, 0, n
    k, samples = 0, -1
    while True:
        begin = _blank(data, at + 1)
        end = _text(data, begin)
        if end < 0:
            return -1, 0, n
        place = _place(data, begin + 1, end - 1, channels)
        at = _blank(data, end)
        if data[at] != _COLON:
            return -1, 0, n
        end, m = _array(data, _blank(data, at + 1), n, numbers)
        if end < 0:
            return -1, 0, n
        if place >= 0:
            for other in range(k):
                if channel[other] == place:
                    return -1, 0, n
            if samples >= 0 and m - n != samples:
                return -1, 0, n
            channel[k], samples = place, m - n
            k, n = k + 1, m
        at = _blank(data, end)
        if data[at] == _CLOSE:
            return at + 1, samples, n
        if data[at] != _COMMA:
            return -1, 0, n


@njit(cache=True, nogil=True)
def _array(data, at, n, numbers):
    """Returns where an array of numbers ends, and how many numbers there are then in all.

    Numbers of few digits and no exponent are read here and now: a call for each would cost as much again, and places
    that cannot be negative need no look at whether they are.
    """
    if data[at] != _BEGIN:
        return -1, n
    u = np.uint64(at)
    while True:
        u += _U1
        while data[u] == _SPACE:
            u += _U1
        begin = u
        negative = data[u] == _MINUS
        if negative:
            u += _U1
        first, mantissa = u, np.uint64(0)
        digit = np.uint64(data[u]) - _U48
        while digit <= _U9:
            mantissa = mantissa * _U10 + digit
            u += _U1
            digit = np.uint64(data[u]) - _U48
        whole, decimals = u - first, np.uint64(0)
        if data[u] == _POINT:
            u += _U1
            point = u
            digit = np.uint64(data[u]) - _U48
            while digit <= _U9:
                mantissa = mantissa * _U10 + digit
                u += _U1
                digit = np.uint64(data[u]) - _U48
            decimals = u - point
            if decimals == 0:
                return -1, n
        plain = (data[u] == _COMMA or data[u] == _END) and whole + decimals <= _FEW_DIGITS
        if plain and (whole == 1 or (whole > 1 and data[first] != _ZERO)):
            value = np.float64(mantissa) / _POWERS[decimals]
            numbers[n] = -value if negative else value
        else:
            numbers[n], end = _number(data, np.int64(begin))
            if end < 0:
                return -1, n
            u = np.uint64(_blank(data, end))
        n += 1
        if data[u] == _END:
            return np.int64(u) + 1, n
        if data[u] != _COMMA:
            return -1, n


@njit(cache=True, nogil=True)
def _number(data, at):
    """Returns a number, or NaN for null, and where it ends; -1 if it is neither or cannot be read exactly here."""
    at = _blank(data, at)
    if data[at] == _NULL[0]:
        return np.nan, _word(data, at, _NULL)
    negative = data[at] == _MINUS
    at += negative
    first, mantissa = at, np.uint64(0)
    while _ZERO <= data[at] <= _NINE:
        mantissa = mantissa * np.uint64(10) + np.uint64(data[at] - _ZERO)
        at += 1
    digits, power = at - first, 0
    if digits == 0 or (digits > 1 and data[first] == _ZERO):
        return 0.0, -1
    if data[at] == _POINT:
        begin = at + 1
        at = begin
        while _ZERO <= data[at] <= _NINE:
            mantissa = mantissa * np.uint64(10) + np.uint64(data[at] - _ZERO)
            at += 1
        power = begin - at
        digits -= power
        if power == 0:
            return 0.0, -1
    if data[at] == ord("e") or data[at] == ord("E"):
        at += 1
        below = data[at] == _MINUS
        at += below or data[at] == _PLUS
        begin, exponent = at, 0
        while _ZERO <= data[at] <= _NINE and at - begin < 5:
            exponent = 10 * exponent + int(data[at]) - _ZERO
            at += 1
        if at == begin or _ZERO <= data[at] <= _NINE:
            return 0.0, -1
        power += -exponent if below else exponent
    if digits > _MOST_DIGITS or mantissa > _EXACT or abs(power) > _EXACT_POWER:
        return 0.0, -1
    value = np.float64(mantissa)
    value = value / _POWERS[-power] if power < 0 else value * _POWERS[power]
    return (-value if negative else value), at


@njit(cache=True, nogil=True)
def _scalar(data, at):
    """Returns where a text, number or word ends, -1 if there is none."""
    if data[at] == _QUOTE:
        return _text(data, at)
    for word in (_TRUE, _FALSE):
        end = _word(data, at, word)
        if end >= 0:
            return end
    return _number(data, at)[1]


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
def _blank(data, at):
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
