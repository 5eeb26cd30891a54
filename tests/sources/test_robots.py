"""robots.txt, by the examples of RFC 9309 and against a slow reading of its rules."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kade.sources.robots import parse


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("Disallow: /", "/", False),
        ("Disallow:", "/x", True),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow: /a", "/A", True),
        ("Disallow: /a", "/ab", False),
        ("Disallow: /a\nAllow: /ab", "/abc", True),
        ("Allow: /a\nDisallow: /a", "/a", True),
        ("Disallow: /*.php$", "/x/y.php", False),
        ("Disallow: /*.php$", "/x/y.php?a", True),
        ("Disallow: /*?", "/x?y", False),
        ("Disallow: /a$", "/a", False),
        ("Disallow: /a$", "/ab", True),
        ("Disallow: /a*$", "/ab", False),
        ("Disallow: /a*b*", "/axxbxx", False),
        ("Disallow: /a*aa$", "/aa", True),
        ("Disallow: /%7Ejoe/", "/~joe/x", False),
        ("Disallow: /~joe/", "/%7ejoe/x", False),
        ("Disallow: /a%2fb", "/a/b", True),
        ("Disallow: /a%2fb", "/a%2Fb", False),
        ("Disallow: /café", "/caf%c3%a9", False),
        ("Disallow: relative", "/relative", True),
        ("disallow : /a # no", "/a", False),
        ("Disallow /a", "/a", True),
    ],
)
def test_rules(rules: str, path: str, allowed: bool) -> None:
    assert parse(f"User-agent: *\n{rules}".encode(), "kade").allows(path) is allowed


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("User-agent: *\nDisallow: /\n\nUser-agent: kade\nDisallow:", True),
        ("User-agent: KADE/1.0\nDisallow: /", False),
        ("User-agent: kade-images\nDisallow: /", True),
        ("User-agent: kadeling\nDisallow: /", True),
        ("User-agent: a\nUser-agent: kade\nUser-agent: b\nDisallow: /", False),
        ("User-agent: kade\nDisallow: /y\nUser-agent: b\nDisallow: /\nUser-agent: Kade\nDisallow: /x", False),
        ("User-agent: kade\nSitemap: /s.xml\nDisallow: /x", False),
        ("User-agent: b\n\n\nDisallow: /", True),
        ("Disallow: /", True),
        ("\ufeffUser-agent: *\r\nDisallow: /\r", False),
        ("User-agent: *\rDisallow: /x", False),
        ("\0\xff", True),
        ("", True),
    ],
)
def test_groups(text: str, allowed: bool) -> None:
    assert parse(text.encode(), "kade").allows("/x") is allowed


@pytest.mark.parametrize(
    ("told", "delay"),
    [("2", 2.0), ("0.5", 0.5), ("86400", 30.0), ("-1", 0.0), ("inf", 30.0), ("nan", 0.0), ("x", 0.0)],
)
def test_a_pause_has_bounds(told: str, delay: float) -> None:
    assert parse(f"User-agent: *\nCrawl-delay: {told}".encode(), "kade").delay == delay


def test_sitemaps_belong_to_everybody() -> None:
    found = parse(b"Sitemap: /a\nUser-agent: x\nSitemap: /b\n" + b"Sitemap: /c\n" * 1000, "kade").sitemaps
    assert found[:3] == ["/a", "/b", "/c"]
    assert len(found) == 50


def slow(pattern: str, path: str) -> bool:
    whole, pattern = pattern.endswith("$"), pattern.removesuffix("$")
    regular = ".*".join(map(re.escape, pattern.split("*"))) + ("$" if whole else "")
    return re.match(regular, path) is not None


@given(st.text("/ab*", max_size=8), st.booleans(), st.text("/ab", max_size=10))
def test_a_pattern_means_what_a_slow_reading_says(pattern: str, whole: bool, path: str) -> None:
    rule = f"/{pattern}{'$' * whole}"
    found = parse(f"User-agent: *\nDisallow: {rule}".encode(), "kade")
    assert found.allows(f"/{path}") is not slow(rule, f"/{path}")


@given(st.binary(max_size=300), st.text(max_size=50))
def test_nothing_is_too_odd(body: bytes, path: str) -> None:
    parse(body, "kade").allows("/" + path.encode("utf-8", "replace").decode())


def test_no_pattern_takes_long() -> None:
    body = b"User-agent: *\n" + b"Disallow: /" + b"a*" * 200_000 + b"b$\n"
    began = time.monotonic()
    found = parse(body, "kade")
    assert found.allows("/" + "a" * 2_000)
    assert time.monotonic() - began < 2
