"""Nothing that a cluster sends reaches a terminal as a control; ages are spelled as kubectl spells them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdebug.domain.text import age, safe

ANYTHING = st.text(st.characters(codec=None, categories=None))
ESCAPES = st.text("\x1b\x9b\x9d\x90\x9c\x07\x18\x00\n\r\t[]PX^_\\05;cm?(B a\u202e\u200b\ud800é", max_size=40)


def has_control(text: str, *, allowed: str = "") -> bool:
    return any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in allowed for char in text)


@given(ANYTHING | ESCAPES, st.integers(1, 50))
def test_no_control_survives_and_a_second_pass_changes_nothing(text: str, limit: int) -> None:
    for multiline, allowed in ((False, ""), (True, "\n\t")):
        once = safe(text, limit=limit, multiline=multiline)
        assert not has_control(once, allowed=allowed)
        assert len(once) <= limit
        assert safe(once, limit=limit, multiline=multiline) == once
        once.encode()


@given(
    st.text(
        st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="\u115f\u1160\u3164\uffa0"), max_size=100
    )
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]52;c;cm0gLXJm\x1b\\after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9d0;title\x9cafter", "after"),
        ("\x1b]0;title\x18after", "after"),
        ("\x1b]0;never ended", ""),
        ("\x1bPq#0;2;0;0;0\x1b\\after", "after"),
        ("\x1b_Gf=24;AAAA\x1b\\after", "after"),
        ("\x1b^private\x1b\\after", "after"),
        ("\x1bXstring\x1b\\after", "after"),
        ("\x9b2Jafter", "after"),
        ("\x1b[?1049hafter", "after"),
        ("\x1b[38;5;1", ""),
        ("\x1bcafter", "after"),
        ("\x1b(Bafter", "after"),
        ("\x1b#8after", "after"),
        ("\x1b\x1b[0m[31mx", "[31mx"),
        ("\x1b", ""),
        ("a\x00b", "a␀b"),
        ("a\x7fb", "a␡b"),
        ("a\x85b", "a⟨U+0085⟩b"),
        ("a\rb", "a␍b"),
        ("a\nb\n", "a␊b"),
        ("a\tb", "a b"),
        ("abc\u202edef", "abc⟨U+202E⟩def"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a\U000e0041b", "a⟨U+E0041⟩b"),
        ("a\ud800b", "a\ufffdb"),
        ("\ufefftext", "⟨U+FEFF⟩text"),
    ],
    ids=ascii,
)
def test_sequences_go_wholly_and_other_controls_become_marks(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_a_sequence_without_an_end_does_not_swallow_the_next_line() -> None:
    assert safe("\x1b]0;hidden\npanicked at main.rs", multiline=True) == "\npanicked at main.rs"


def test_lines_keep_their_newlines_and_tabs_and_lose_carriage_returns_before_them() -> None:
    assert safe("a\r\n\tb\n", multiline=True) == "a\n\tb\n"


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert safe("x" * 10, limit=10) == "x" * 10
    assert safe("x" * 11, limit=10) == "x" * 9 + "…"
    assert safe("xx", limit=0) == "…"


@pytest.mark.parametrize(
    ("seconds", "spelled"),
    [
        (-2, "<invalid>"), (-1.5, "0s"), (-0.5, "0s"), (0, "0s"), (1.9, "1s"), (119, "119s"), (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"), (600, "10m"), (659, "10m"), (10799, "179m"), (10800, "3h"), (11400, "3h10m"), (28799, "7h59m"),
        (28800, "8h"), (172799, "47h"), (172800, "2d"), (176400, "2d1h"), (691199, "7d23h"), (691200, "8d"),
        (63071999, "729d"), (63072000, "2y"), (63158400, "2y1d"), (252288000, "8y"), (315360000, "10y"),
    ],
)  # fmt: skip
def test_age_as_kubectl_spells_it(seconds: float, spelled: str) -> None:
    assert age(seconds) == spelled


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}


@given(st.integers(0, 10**10))
def test_an_age_never_overstates_and_loses_less_than_a_unit(seconds: int) -> None:
    spelled = age(seconds)
    total, number, smallest = 0, "", 0
    for char in spelled:
        if char.isdigit():
            number += char
        else:
            smallest = UNITS[char]
            total, number = total + int(number) * smallest, ""
    assert total <= seconds
    bound = (
        smallest
        if len([char for char in spelled if char.isalpha()]) == 1
        else {"s": 1, "m": 60, "h": 3600, "d": 86400}[spelled[-1]]
    )
    assert seconds - total < bound
    assert len(spelled) <= 8
