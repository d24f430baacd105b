"""The rows nearest to each row, and how far they are."""

import numpy as np
from numba import njit

from detector.types import Floats, Ints


@njit(cache=True, nogil=True)
def smallest(products: Floats, squares: Floats, energy: Floats, most: int) -> tuple[Ints, Floats]:
    """Returns the codes [B, k] nearest to each row, and the mean of their distances [B]; k = min(most, M).

    Args:
        products: [B, M], minus twice the product of row and code.
        squares: [M], squared length of the codes.
        energy: [B], squared length of the rows.
        most: neighbours wanted.
    """
    k = min(most, products.shape[1])
    index = np.zeros((products.shape[0], k), np.int64)
    distance = np.zeros(products.shape[0], np.float32)
    best = np.empty(k, np.float32)
    for row in range(products.shape[0]):
        best[:] = np.inf
        for column in range(products.shape[1]):
            value = products[row, column] + squares[column]
            if value < best[k - 1]:
                place = k - 1
                while place > 0 and best[place - 1] > value:
                    best[place] = best[place - 1]
                    index[row, place] = index[row, place - 1]
                    place -= 1
                best[place] = value
                index[row, place] = column
        total = np.float32(0)
        for place in range(k):
            total += np.sqrt(max(best[place] + energy[row], np.float32(0)))
        distance[row] = total / np.float32(k)
    return index, distance
