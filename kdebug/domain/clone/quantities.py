"""Kubernetes quantities (100m, 1.5Gi, 2e3) as exact numbers.

Grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from fractions import Fraction

_FORM = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([eE][+-]?[0-9]{1,3})|([numkMGTPE]|[KMGTPE]i)?)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def quantity(value: object) -> Fraction | None:
    """Return the number that a quantity stands for (cores, bytes), or None when it is none."""
    found = _FORM.fullmatch(str(value).strip()) if isinstance(value, str | int | float) else None
    if found is None:
        return None
    number, exponent, suffix = Fraction(found[1]), found[2], found[3] or ""
    if exponent:
        return number * Fraction(10) ** int(exponent[1:])
    return number * (2 ** _BINARY[suffix] if suffix in _BINARY else Fraction(10) ** _DECIMAL[suffix])


def smallest(*values: object) -> str:
    """Return the smallest of the quantities, spelled as it was given; what is absent or no quantity does not count.

    ValueError when none counts.
    """
    known = [(number, str(value)) for value in values if (number := quantity(value)) is not None and number >= 0]
    return min(known, key=lambda pair: pair[0])[1]
