"""Whether a name reads like production: broad on purpose, since a false alarm costs a line and a miss costs more."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class NameJudgement:
    """What a name reads like, and the token that decided (as it stands in the name; empty when nothing did)."""

    name: str
    verdict: Literal["production", "clear", "lookalike"]
    token: str = ""

    @property
    def is_production_like(self) -> bool:
        """A look-alike counts as production: nobody mixes alphabets in a name by accident."""
        return self.verdict != "clear"


_LATIN = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE", "ß": "ss", "\u0131": "i"}
)
"""Letters of European languages that have no decomposition and are not look-alikes."""

_SEPARATORS = re.compile(r"[^0-9A-Za-z]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_DIGITS = "0123456789"
_LEET = (str.maketrans("013", "oie"), str.maketrans("013", "ole"))
_PRODUCTION = "(?:production|prod|prd|live)"

_NEGATIONS = frozenset({"non", "not", "pre", "un"})
_NEGATED = re.compile(rf"^(?:non|not|pre|un){_PRODUCTION}")
_LEADING = re.compile(rf"^{_PRODUCTION}")

_LIVE_COMPANIONS = frozenset(
    {"reload", "reloader", "reloading", "stream", "streams", "streaming", "kit", "view", "probe", "patch", "blog"}
)
"""What follows `live` in compounds that are usually written with a hyphen: live-reload."""

_ORDINARY = re.compile(
    r"""
      ^(?:ir)?reproduc[a-z]*      # reproduction, irreproducible; only at the start: not coreproduction
    | product(?!i|on|n$)          # products, productcatalog; not production, productie, producton
    | product(?=id|info|image|item|inventory|index|import|ingest)
    | productivity
    | producers? | produce[sd]?$ | producing
    | ^prodig(?:y|ies|ious|al) | ^prodrome | ^prodd(?:ing|ed|er)
    | produkt(?!i) | produits?$ | produtos?$ | prodott[oi]
    | ^live(?:ness|liness|reload|stream|kit|view|probe|patch|blog|check|lihood|stock|z$|ly$|ry$|rs?$|rpool|rmore)
    | ^(?:alive|keepalive|stayalive|olive|relive|outlive|clive)$
    """,
    re.VERBOSE,
)
"""Ordinary words around prod and live. They are cut out of a token; what is left of it is still judged."""

_OTHER_LANGUAGES = frozenset(
    {
        "produktion", "produccion", "producao", "produzione", "produkcja", "produktiv", "productie", "produksi",
        "tuotanto", "tuotannossa", "canli", "uretim", "eles", "echtbetrieb", "wirkbetrieb", "honban", "shengchan",
        "boevoy", "boevoi", "ostry", "gamyba",
    }
)  # fmt: skip
"""Production in other languages, without accents. Most contain `prod` and are here so that the list can be read."""


def judge_name(name: str) -> NameJudgement:
    """Judge a context, cluster, user, namespace, node or environment name by the tokens in it.

    A token is production when it contains prod or prd, begins or ends with live, or is such a word of another language,
    unless it is an ordinary word (product, olive) or negated (non-, not-, pre-, un-). preprod, staging and uat are
    clear, which says nothing against them and nothing for them. What is not ASCII once compatibility forms and accents
    are taken off cannot be judged and is a look-alike.
    """
    plain = _plain(name)
    splits = (_tokens(plain, _SEPARATORS), _camel_tokens(plain))
    token = next((token for tokens in splits for token in _production(tokens)), "")
    if token:
        return NameJudgement(name=name, verdict="production", token=token)
    odd = next((word for word in plain.split() if any(not " " <= character <= "~" for character in word)), "")
    if odd or any(character not in " \t" and not character.isprintable() for character in plain):
        return NameJudgement(name=name, verdict="lookalike", token=odd or name)
    return NameJudgement(name=name, verdict="clear")


def judge_server(url: str) -> NameJudgement:
    """Judge an API server's URL by its host alone; an address is clear, an encoded label (xn--) never is."""
    host = host_of(url)
    if address_of(host) is not None:
        return NameJudgement(name=host, verdict="clear")
    encoded = next((label for label in host.split(".") if label.startswith("xn--")), "")
    judgement = judge_name(host)
    if encoded and judgement.verdict == "clear":
        return NameJudgement(name=host, verdict="lookalike", token=encoded)
    return judgement


def host_of(url: str) -> str:
    """Return the host of a URL, with or without a scheme, or an empty string when there is none."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a host is, or None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its spelling alone."""
    address = address_of(host)
    if address is None:
        return host.casefold().rstrip(".") == "localhost"
    return address.is_loopback


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name))
    return "".join(character for character in decomposed if not unicodedata.combining(character)).translate(_LATIN)


def _tokens(text: str, separators: re.Pattern[str]) -> list[str]:
    return [token for token in separators.split(text) if token.strip(_DIGITS)]


def _camel_tokens(text: str) -> list[str]:
    return [part for token in _tokens(text, _SEPARATORS) for part in _tokens(token, _CAMEL)]


def _production(tokens: list[str]) -> Iterator[str]:
    words = [token.strip(_DIGITS).casefold() for token in tokens]
    for index, token in enumerate(tokens):
        before = words[index - 1] if index else ""
        after = words[index + 1] if index + 1 < len(words) else ""
        if any(_is_production(spelling, before, after) for spelling in _spellings(token)):
            yield token


def _spellings(token: str) -> set[str]:
    folded = token.casefold()
    return {folded.strip(_DIGITS), *(folded.translate(table).strip(_DIGITS) for table in _LEET)}


def _is_production(word: str, before: str, after: str) -> bool:
    if word in _OTHER_LANGUAGES:
        return True
    if word == "live" and after in _LIVE_COMPANIONS:
        return False
    rest = (_LEADING if before in _NEGATIONS else _NEGATED).sub("|", word)
    rest = _ORDINARY.sub("|", rest)
    return "prod" in rest or "prd" in rest or rest.startswith("live") or rest.endswith("live")
