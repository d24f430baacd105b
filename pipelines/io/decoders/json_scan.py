"""JSON objects of arrays of numbers, read by compiled code: what is plainly written, and not a byte of anything else.

orjson makes an object of every number, which costs five times what reading it does. Here numbers go from bytes into
arrays. Whatever is unusual (escapes, letters beyond ASCII, nested fields, a name twice, arrays of unequal length, more
than 19 digits) is not judged but left to who asked, as is everything that is no JSON at all.
"""

# mypy: disallow-untyped-defs=False
from typing import NamedTuple

import numpy as np
from numba import njit

from detector.types import Floats, Ints
from pipelines.io.decoders.json_tokens import MINUS, POINT, POWERS, ZERO, Names, blank, named, number, scalar

TIME, STEP, SERIES, VALUES = range(4)
"""Fields at the top of an object; of the first three the place of what they hold is told."""
_SPACE, _COMMA, _OPEN, _CLOSE, _BEGIN, _END = map(ord, " ,{}[]")
_FEW_DIGITS = 15
_U1, _U9, _U10, _U48 = map(np.uint64, (1, 9, 10, 48))


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
    at = blank(data, at)
    if data[at] != _OPEN:
        return -1, 0, n
    seen, samples = 0, -1
    while True:
        field, begin = named(data, at + 1, fields)
        if begin < 0 or (field >= 0 and seen & (1 << field)):
            return -1, 0, n
        if field == VALUES:
            end, samples, n = _arrays(data, begin, n, channels, channel, numbers)
        else:
            end = scalar(data, begin)
        if end < 0:
            return -1, 0, n
        if field >= 0:
            seen |= 1 << field
            if field != VALUES:
                spans[field, 0], spans[field, 1] = begin, end
        at = blank(data, end)
        if data[at] == _CLOSE:
            return (blank(data, at + 1) if samples > 0 else -1), samples, n
        if data[at] != _COMMA:
            return -1, 0, n


@njit(cache=True, nogil=True)
def _arrays(data, at, n, channels, channel, numbers):
    """Returns where an object of arrays ends, how long each of those wanted is, and numbers in all."""
    if data[at] != _OPEN:
        return -1, 0, n
    k, samples = 0, -1
    while True:
        place, begin = named(data, at + 1, channels)
        if begin < 0:
            return -1, 0, n
        end, m = _array(data, begin, n, numbers)
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
        at = blank(data, end)
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
        negative = data[u] == MINUS
        if negative:
            u += _U1
        first, mantissa = u, np.uint64(0)
        digit = np.uint64(data[u]) - _U48
        while digit <= _U9:
            mantissa = mantissa * _U10 + digit
            u += _U1
            digit = np.uint64(data[u]) - _U48
        whole, decimals = u - first, np.uint64(0)
        if data[u] == POINT:
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
        if plain and (whole == 1 or (whole > 1 and data[first] != ZERO)):
            value = np.float64(mantissa) / POWERS[decimals]
            numbers[n] = -value if negative else value
        else:
            numbers[n], end = number(data, np.int64(begin))
            if end < 0:
                return -1, n
            u = np.uint64(blank(data, end))
        n += 1
        if data[u] == _END:
            return np.int64(u) + 1, n
        if data[u] != _COMMA:
            return -1, n
