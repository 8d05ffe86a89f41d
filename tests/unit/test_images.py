"""Image references keep their spelling, and the debug variant follows the rule of the platform."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kdebug.domain.images import (
    ImageReference,
    InvalidReferenceError,
    VariantRule,
    debug_variant,
    image_argument,
    target_image,
)
from kdebug.errors import TargetError, UsageError

SHA = "sha256:" + "0123456789abcdef" * 4

_LOWER = "abcxyz019"
_word = st.text(_LOWER, min_size=1, max_size=6)
_component = st.tuples(_word, st.sampled_from(["", ".", "_", "__", "-", "---"]), _word).map("".join)
_name = st.sampled_from(["ghcr.io", "localhost", "10.0.0.1", "a-b.example.com", "Registry", "[fd00::1]"])
_host = st.tuples(_name, st.sampled_from(["", ":5000", ":0"])).map("".join)
_tag = st.tuples(st.sampled_from("aZ0_"), st.text("aZ0_.-", max_size=127)).map("".join)
_digest = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda digits: f"sha256:{digits}")


@st.composite
def references(draw: st.DrawFn) -> ImageReference:
    """Return any valid reference, in its parts."""
    registry = draw(st.one_of(st.just(""), _host))
    path = "/".join(draw(st.lists(_component, min_size=1, max_size=4)))
    if not registry and (any(mark in path.partition("/")[0] for mark in ".:") or path.startswith("localhost/")):
        path = f"library/{path}" if "/" in path else path
    return ImageReference(
        registry=registry,
        path=path,
        tag=draw(st.one_of(st.just(""), _tag)),
        digest=draw(st.one_of(st.just(""), _digest)),
    )


@given(references())
def test_a_reference_is_read_back_as_it_was_written(reference: ImageReference) -> None:
    parsed = ImageReference.parse(str(reference))
    assert parsed == reference
    assert str(parsed) == str(reference)


@given(st.text(alphabet="abcXYZ019.:/@-_[] \x1b\u0430", max_size=80))
def test_any_text_is_read_without_loss_or_refused(text: str) -> None:
    with suppress(InvalidReferenceError):
        assert str(ImageReference.parse(text)) == text


@given(references())
def test_a_variant_is_a_valid_reference_to_a_debug_tag_in_the_same_repository(reference: ImageReference) -> None:
    assume(len(reference.tag) <= 122 and (reference.tag or not reference.digest))
    variant = debug_variant(reference)
    new = variant.reference
    assert ImageReference.parse(str(new)) == new
    assert new.repository == reference.repository
    assert re.fullmatch(r"debug|debug-.*|.*-debug", new.tag)
    assert variant.is_changed == (new != reference)
    assert not (variant.is_changed and new.digest)
    again = debug_variant(new)
    assert again.reference == new
    assert not again.is_changed


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/prism/proxy:v1.2.3", "ghcr.io/prism/proxy:v1.2.3-debug"),
        ("ghcr.io/prism/proxy:latest", "ghcr.io/prism/proxy:debug"),
        ("ghcr.io/prism/proxy", "ghcr.io/prism/proxy:debug"),
        ("proxy", "proxy:debug"),
        ("prism/proxy:4f2c9d1", "prism/proxy:4f2c9d1-debug"),
        ("localhost:5000/prism/proxy", "localhost:5000/prism/proxy:debug"),
        ("host:5000/proxy:v1", "host:5000/proxy:v1-debug"),
        ("[fd00::1]:5000/proxy:v1", "[fd00::1]:5000/proxy:v1-debug"),
        (f"ghcr.io/prism/proxy:v1@{SHA}", "ghcr.io/prism/proxy:v1-debug"),
        ("proxy:debug", "proxy:debug"),
        ("proxy:debug-nonroot", "proxy:debug-nonroot"),
        ("proxy:v1-debug", "proxy:v1-debug"),
        (f"proxy:v1-debug@{SHA}", f"proxy:v1-debug@{SHA}"),
        ("proxy:" + "v" * 122, "proxy:" + "v" * 122 + "-debug"),
        ("gcr.io/distroless/static:nonroot", "gcr.io/distroless/static:debug-nonroot"),
        ("gcr.io/distroless/static", "gcr.io/distroless/static:debug-nonroot"),
    ],
)
def test_the_rule(image: str, expected: str) -> None:
    assert str(debug_variant(image).reference) == expected


def test_the_reason_says_that_a_digest_is_dropped() -> None:
    assert "digest" in debug_variant(f"proxy:v1@{SHA}").reason
    assert "digest" not in debug_variant("proxy:v1").reason


@pytest.mark.parametrize("image", [f"proxy@{SHA}", "proxy:" + "v" * 123])
def test_what_cannot_be_derived_asks_for_an_image(image: str) -> None:
    with pytest.raises(TargetError) as caught:
        debug_variant(image)
    assert caught.value.because
    assert caught.value.remedy == "--image REFERENCE"


@pytest.mark.parametrize(
    ("image", "policy"),
    [("proxy", "Always"), ("proxy:debug-nonroot", "Always"), ("proxy:v1", ""), (f"proxy:debug@{SHA}", "")],
)
def test_a_tag_that_moves_is_always_pulled(image: str, policy: str) -> None:
    assert debug_variant(image).pull_policy == policy


def test_a_suffix_of_ones_own() -> None:
    assert str(debug_variant("proxy:v1", "dbg").reference) == "proxy:v1-dbg"
    assert str(debug_variant("proxy", "dbg").reference) == "proxy:dbg"
    assert not debug_variant("proxy:v1-dbg", "dbg").is_changed
    assert debug_variant("proxy:v1-debug", "dbg").is_changed


def test_a_suffix_that_makes_no_tag_is_refused() -> None:
    with pytest.raises(TargetError):
        debug_variant("proxy:v1", "de bug")


def test_the_first_rule_for_the_repository_decides() -> None:
    rules = (
        VariantRule(repository="docker.io/library/*", tagged="{tag}-tools", untagged="tools"),
        VariantRule(repository="*", tagged="x-{tag}"),
    )
    assert str(debug_variant("redis:7", rules=rules).reference) == "redis:7-tools"
    assert str(debug_variant("prism/proxy:7", rules=rules).reference) == "prism/proxy:x-7"


INVALID = [
    "", " ", "Proxy", "proxy:", "proxy:v 1", ":v1", "/proxy", "proxy/", "a//b", "proxy@sha256:xyz", "proxy@",
    "-host/proxy",
    "host:port/proxy", "proxy:" + "v" * 129, "a" * 256, "0123456789abcdef" * 4, "proxy:v1\n",
    "pr\u043exy", "a---/b", "http://x/y",
]  # fmt: skip


@pytest.mark.parametrize("image", INVALID)
def test_an_invalid_reference_is_a_usage_error_or_the_targets(image: str) -> None:
    with pytest.raises(UsageError, match="--image"):
        image_argument(image)
    with pytest.raises(TargetError) as caught:
        target_image(image)
    assert caught.value.because


def test_a_valid_argument_is_taken_as_it_is() -> None:
    assert str(image_argument("busybox:1")) == "busybox:1"
    assert image_argument("busybox").full_repository == "docker.io/library/busybox"
    assert image_argument("prism/proxy").full_repository == "docker.io/prism/proxy"
