"""Kubernetes quantities (100m, 128Mi), as exact numbers and back."""

from __future__ import annotations

import re
from fractions import Fraction

_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_FORM = re.compile(r"^([+-]?\d+(?:\.\d*)?|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|)$")


def amount(text: str | int | float) -> Fraction:
    """Return the quantity as a number; ValueError when it is none."""
    match = _FORM.match(str(text))
    if match is None:
        raise ValueError(f"quantities must match the regular expression: {text!r}")
    number, suffix = Fraction(match[1]), match[2]
    if suffix in _BINARY:
        return number * Fraction(int(1024 ** _BINARY[suffix]))
    power = _DECIMAL[suffix]
    return number * Fraction(int(10 ** (3 * power))) if power >= 0 else number / Fraction(int(10 ** (-3 * power)))


def spelled(number: Fraction) -> str:
    """Return the shortest usual spelling: 0, 2, 250m, 128Mi."""
    if number.denominator != 1:
        return f"{int(number * 1000)}m"
    value = int(number)
    for suffix, power in reversed(_BINARY.items()):
        if value and value % 1024**power == 0:
            return f"{value // 1024**power}{suffix}"
    return str(value)
