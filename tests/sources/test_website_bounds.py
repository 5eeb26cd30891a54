"""Websites that have no end, break off, or lead where nobody should go."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from tests.client.servers import running
from tests.sources.services import read, seen, unreadable
from tests.sources.site import Answer, Site, refused, running_site, walked

from kade.client import Policy
from kade.core.errors import KadeError, SourceReason
from kade.core.sources import Seen


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as made:
        yield made


async def test_robots_txt_of_ten_megabytes_takes_no_time(site: Site) -> None:
    site.page("/", "/secret", "/late")
    site.page("/secret")
    site.page("/late")
    lines = "User-agent: *\nDisallow: /secret\n" + "Disallow: /*a*b*c*d*e$\n" * 500_000
    site.robots(lines + "Disallow: /late\n")
    began = time.monotonic()
    assert await walked(site) == ["/", "/late"]  # what lies behind half a megabyte is not looked at
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "sitemap",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
        b"<urlset><url><loc>/x&b;</loc></url></urlset>",
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset><url><loc>&a;</loc></url></urlset>',
        b"<urlset><url><loc>/a</loc></url><url><lo",
        b"no xml at all",
        gzip.compress(b"<urlset>" + b" " * 80_000_000),
        gzip.compress(b"<urlset>")[:-9],
    ],
)
async def test_a_sitemap_that_is_none_harms_nothing(site: Site, sitemap: bytes) -> None:
    site.page("/")
    site.page("/a")
    site.pages["/sitemap.xml"] = Answer(sitemap, "text/xml")
    assert {"/"} <= set(await walked(site)) <= {"/", "/a"}


async def test_redirects_stay_within_the_site(site: Site) -> None:
    site.redirect("/", "/home")
    site.page("/home", "/away", "/loop1", "/inside", "/other-port", "/metadata", "/file")
    site.redirect("/away", "https://example.org/")
    site.redirect("/metadata", "http://169.254.169.254/latest/meta-data/")
    site.redirect("/file", "file:///etc/passwd")
    site.redirect("/loop1", "/loop2")
    site.redirect("/loop2", "/loop1")
    for number in range(8):
        site.redirect(f"/hop{number}", f"/hop{number + 1}")
    site.redirect("/inside", "target#part")
    site.page("/target", "/hop4", "/hop0")
    site.page("/hop8")

    async def other(_request: web.Request) -> web.Response:
        raise AssertionError("nobody may ask here")

    async with running(other) as elsewhere:
        site.redirect("/other-port", elsewhere)
        assert await walked(site) == ["/home", "/hop8", "/target"]


async def test_the_policy_keeps_a_walk_out_of_our_own_network(site: Site) -> None:
    site.page("/")
    assert (await refused(site, Policy())).reason is SourceReason.UNREACHABLE
    assert (await refused(site, None)).reason is SourceReason.UNREACHABLE
    assert site.asked == []


async def test_a_robots_txt_that_leads_inside_is_not_followed_there(site: Site) -> None:
    site.page("/")
    site.redirect("/robots.txt", "http://169.254.169.254/latest/")
    error = await refused(site)
    assert error.reason is SourceReason.UNREACHABLE and "169.254.169.254" in error.subject


async def test_a_calendar_without_end_ends(site: Site) -> None:
    async def calendar(request: web.Request) -> web.Response:
        day = int(request.query.get("day", "0"))
        links = (
            f'<a href="?day={day + 1}">next</a><a href="?day={day - 1}">before</a><a href="/d/{day}/">x</a>'
        )
        return web.Response(text=links, content_type="text/html")

    site.page("/", "/calendar?day=0")
    for day in range(-500, 500):
        site.pages[f"/calendar?day={day}"] = calendar
    found = await walked(site, depth=100, pages=1000)
    assert len(found) == 1 + 100


async def test_a_walk_that_ends_early_says_so(site: Site) -> None:
    site.page("/", *(f"/{number}" for number in range(20)))
    for number in range(20):
        site.page(f"/{number}")
    async with site.place(pages=5) as place:
        items = [item async for item in place.walk()]
        assert len(items) == 6
        assert list(await unreadable(place)) == [""]


async def test_a_huge_page_and_a_bomb_are_not_swallowed(site: Site) -> None:
    site.page("/", "/huge", "/told", "/bomb", "/exact")
    bomb = gzip.compress(b"<p>" + bytes(50_000_000))
    site.pages["/bomb"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    site.pages["/told"] = Answer(bytes(1_000_001), "text/plain")
    site.pages["/exact"] = Answer(bytes(1_000_000), "text/plain")

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        while True:
            await response.write(b"<p>more</p>" * 1000)

    site.pages["/huge"] = endless
    async with site.place(max_size=1_000_000) as place:
        told = await unreadable(place)
        found = [item.key async for item in place.walk() if isinstance(item, Seen)]
        with pytest.raises(KadeError) as caught:
            await read(place, Seen(f"{site.base}/told", (), "told", "says:x"))
    assert {key.removeprefix(site.base) for key in told} == {"/huge", "/told", "/bomb", ""}
    assert [key.removeprefix(site.base) for key in found] == ["/", "/exact"]
    assert caught.value.reason is SourceReason.TOO_LARGE


async def test_packed_pages_are_unpacked_and_broken_ones_told(site: Site) -> None:
    page = b"<a href='/a'>" + b"text " * 100_000
    site.pages["/"] = Answer(gzip.compress(page), headers={"Content-Encoding": "gzip"})
    site.page("/a", "/cut", "/no", "/brotli")
    site.pages["/cut"] = Answer(gzip.compress(page)[:-100], headers={"Content-Encoding": "gzip"})
    site.pages["/no"] = Answer(page, headers={"Content-Encoding": "gzip"})
    site.pages["/brotli"] = Answer(page, headers={"Content-Encoding": "br"})
    async with site.place() as place:
        items = {item.key: item async for item in place.walk() if isinstance(item, Seen)}
        told = await unreadable(place)
        first = items[f"{site.base}/"]
        assert first.length == len(page)
        assert await read(place, first) == page
    assert {key.removeprefix(site.base) for key in told} == {"/cut", "/no", "/brotli", ""}


async def test_what_fails_is_told_and_never_taken_for_gone(site: Site) -> None:
    site.page("/", "/broken", "/gone", "/closed", "/slow", "/fine", "/rude")
    site.pages["/broken"] = Answer(status=500)
    site.pages["/gone"] = Answer(status=410)
    site.pages["/closed"] = Answer(status=403)
    site.page("/fine")

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"<p>")
            await asyncio.sleep(0.1)
        return response

    async def rude(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    site.pages["/slow"], site.pages["/rude"] = slow, rude
    async with site.place(timeout_ms=500) as place:
        told = await unreadable(place)
        assert await place.look("gone") is None
        for path in ("broken", "slow", "closed", "rude"):
            with pytest.raises(KadeError) as caught:
                await place.look(path)
            assert caught.value.reason is SourceReason.UNREADABLE
    assert {key.removeprefix(site.base) for key in told} == {"/broken", "/closed", "/slow", "/rude", ""}


async def test_a_page_that_is_never_twice_the_same_is_read_as_it_comes(site: Site) -> None:
    count = 0

    async def clock(_request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.Response(text=f"visitor {count}", content_type="text/html")

    site.page("/", "/clock")
    site.pages["/clock"] = clock
    async with site.place() as place:
        item = (await seen(place))[f"{site.base}/clock"]
        assert (await read(place, item)).startswith(b"visitor ")
        site.page("/clock", text="it stands still now")
        with pytest.raises(KadeError) as caught:
            await read(place, item)
    assert caught.value.reason is SourceReason.CHANGED


@pytest.mark.parametrize(
    ("charset", "declared"), [("utf-16", "utf-16"), ("cp1252", "windows-1252"), ("utf-8", "no-such-charset")]
)
async def test_pages_in_any_charset_lead_on(site: Site, charset: str, declared: str) -> None:
    page = "<html><body><p>Prijs: 5 €</p><a href='/caf%C3%A9'>x</a></body></html>".encode(charset)
    site.pages["/"] = Answer(page, f"text/html; charset={declared}")
    site.page("/caf%C3%A9")
    assert await walked(site) == ["/", "/caf%C3%A9"]


@pytest.mark.parametrize(
    "page",
    [
        b"<div>" * 200_000 + b"<a href='/a'>",
        b"<a href='/a'>" + b"\0\xff\xfe<" * 10_000,
        b"<a href='/a'>" + b"x" * 12_000_000,
        b"<a href='" + b"x" * 3_000_000 + b"'><a href='/a'>",
        b"<a href='http://['></a><a href='//'></a><a href='http://a:b/'></a><a href='/a'>",
        b"",
    ],
)
async def test_markup_that_is_no_markup_harms_nothing(site: Site, page: bytes) -> None:
    site.pages["/"] = Answer(page)
    site.page("/a")
    assert {"/"} <= set(await walked(site)) <= {"/", "/a"}


@pytest.mark.parametrize("length", [2_000, 20_000])
async def test_addresses_have_bounds(site: Site, length: int) -> None:
    site.page(
        "/", "/?" + "q" * length, "/" + "p" * length, "/a\\b", "/a%00b", "/%E2%80%AEx", f"//{'h' * 300}/"
    )
    site.page("/%E2%80%AEx")
    async with site.place() as place:
        found = await seen(place)
    assert {item.name for item in found.values()} == {"index.html", "x.html"}
