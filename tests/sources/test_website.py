"""Websites: what is followed, what is obeyed, where a walk ends, and that it never leads inside."""

import asyncio
import gzip
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from aiohttp import web
from tests.client.servers import running
from tests.sources.site import LOOPBACK, Answer, Site, running_site
from tests.sources.worlds import read, seen, unreadable

from kade.client import Policy
from kade.core.errors import KadeError, SourceReason
from kade.core.ports.sources import Place
from kade.core.sources import Seen
from kade.sources import check_location


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as made:
        yield made


async def paths(site: Site, place: Place) -> list[str]:
    return sorted(key.removeprefix(site.base) for key in await seen(place))


async def walked(site: Site, **settings: object) -> list[str]:
    async with site.place(**settings) as place:  # type: ignore[arg-type]
        return await paths(site, place)


async def refused(site: Site, policy: Policy | None = LOOPBACK, **settings: object) -> KadeError:
    with pytest.raises(KadeError) as caught:
        async with site.place(policy=policy, **settings) as place:  # type: ignore[arg-type]
            await seen(place)
    return caught.value


async def test_links_are_followed_breadth_first_as_deep_as_wanted(site: Site) -> None:
    site.page("/", "a", "/b")
    site.page("/a", "/deep/c#part", "?x=1", "mailto:me@example.org", "javascript:void(0)", "/")
    site.page("/a?x=1")
    site.page("/b", "deep/../a", "missing")
    site.page("/deep/c", "d/")
    site.page("/deep/d/")
    assert await walked(site) == ["/", "/a", "/a?x=1", "/b", "/deep/c", "/deep/d/"]
    assert site.asked == [
        "/robots.txt", "/sitemap.xml", "/", "/a", "/b", "/deep/c", "/a?x=1", "/missing", "/deep/d/",
    ]  # fmt: skip
    assert await walked(site, depth=1) == ["/", "/a", "/b"]
    assert await walked(site, depth=0) == ["/"]


async def test_what_is_told_of_a_page(site: Site) -> None:
    site.page("/", "/guides/caf%C3%A9/", "/guides/list.php?id=7&sort=a", "/files/A%20b.pdf")
    site.page("/guides/caf%C3%A9/", Last_Modified="Thu, 21 Nov 2024 13:53:40 GMT", ETag='"v1"')
    site.page("/guides/list.php?id=7&sort=a")
    site.pages["/files/A%20b.pdf"] = Answer(b"%PDF", "application/pdf", headers={"ETag": '"p"'})
    async with site.place() as place:
        found = {item.name: item for item in (await seen(place)).values()}
    assert {name: item.folder for name, item in found.items()} == {
        "index.html": ("guides", "café"),
        "list.php?id=7&sort=a.html": ("guides",),
        "A b.pdf": ("files",),
    } | {"index.html": found["index.html"].folder}
    page = next(item for item in found.values() if item.folder == ("files",))
    assert (page.length, page.modified_at) == (4, None)


async def test_a_place_is_a_part_of_the_site(site: Site) -> None:
    site.page("/", "/docs/", "/news/")
    site.page("/docs/", "a", "/news/x", "/")
    site.page("/docs/a", "../other")
    site.page("/news/")
    async with site.place("docs") as place:
        site.redirect("/docs", "/docs/")
        found = await seen(place)
        assert [(item.folder, item.name) for item in found.values()] == [
            ((), "index.html"),
            ((), "a.html"),
        ]
        assert await place.look("a") == found[f"{site.base}/docs/a"]
        assert await place.look(f"{site.base}/news/") is None
    async with site.place("nowhere") as place:
        with pytest.raises(KadeError) as caught:
            await seen(place)
    assert caught.value.reason is SourceReason.NOT_THERE


async def test_only_pages_and_documents_are_kept(site: Site) -> None:
    kept = ["text/plain; charset=utf-8", "application/pdf", "application/msword", "text/csv"]
    kept += ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"]
    others = ["image/png", "text/css", "application/javascript", "application/octet-stream", "video/mp4"]
    for number, media_type in enumerate(kept + others):
        site.pages[f"/{number}"] = Answer(b"x", media_type)
    site.page("/", *(f"/{number}" for number in range(len(kept + others))))
    assert await walked(site) == ["/", *(f"/{number}" for number in range(len(kept)))]


async def test_robots_txt_is_obeyed(site: Site) -> None:
    site.page("/", "/open", "/private/a", "/private/but/this", "/x.cgi?a", "/only-others")
    for path in ("/open", "/private/a", "/private/but/this", "/x.cgi?a", "/only-others"):
        site.page(path)
    site.robots(
        "User-agent: *\nDisallow: /\n\n"
        "User-agent: other\nDisallow: /only-others\nUser-agent: Kade/2.0\n"
        "Disallow: /private/\nAllow: /private/but\nDisallow: *.cgi\n"
    )
    assert await walked(site) == ["/", "/only-others", "/open", "/private/but/this"]
    assert "/private/a" not in site.asked
    async with site.place() as place:
        assert await place.look(f"{site.base}/private/a") is None


async def test_a_site_that_fails_to_say_what_it_allows_is_left_alone(site: Site) -> None:
    site.page("/")
    site.pages["/robots.txt"] = Answer(status=503)
    assert (await refused(site)).reason is SourceReason.UNREACHABLE
    assert site.asked == ["/robots.txt"]
    site.pages["/robots.txt"] = Answer(status=403)
    assert await walked(site) == ["/"]


async def test_a_site_that_allows_nothing_keeps_what_it_had(site: Site) -> None:
    site.page("/")
    site.robots("User-agent: *\nDisallow: /")
    error = await refused(site)
    assert error.reason is SourceReason.NOT_THERE and "robots" in error.subject


async def test_robots_txt_of_ten_megabytes_takes_no_time(site: Site) -> None:
    site.page("/", "/secret", "/late")
    site.page("/secret")
    site.page("/late")
    lines = "User-agent: *\nDisallow: /secret\n" + "Disallow: /*a*b*c*d*e$\n" * 500_000
    site.robots(lines + "Disallow: /late\n")
    began = time.monotonic()
    assert await walked(site) == ["/", "/late"]  # what lies behind half a megabyte is not looked at
    assert time.monotonic() - began < 10


async def test_pages_say_whether_they_want_to_be_found_and_followed(site: Site) -> None:
    site.page("/", "/hidden", "/alone", "/neither", "/header", '/nf" rel="nofollow')
    site.page("/hidden", "/behind", head='<meta name="ROBOTS" content="noindex">')
    site.page("/behind")
    site.page("/alone", "/never", head='<meta name="kade" content="NoFollow, noarchive">')
    site.page("/neither", "/never", head='<meta name="robots" content="none">')
    site.page("/header", X_Robots_Tag="noindex")
    for path in ("/never", "/nf"):
        site.page(path)
    assert await walked(site) == ["/", "/alone", "/behind"]
    async with site.place() as place:
        assert await place.look("hidden") is None


async def test_a_page_is_known_by_the_address_it_prefers(site: Site) -> None:
    site.page("/", "/a?session=1", "/a?session=2", "/x", "/y", "/away")
    for number in (1, 2):
        site.page(f"/a?session={number}", head='<link rel="canonical" href="/a">')
    site.page("/a", head='<link rel="canonical" href="/a">')
    site.page("/x", head='<link rel="canonical" href="/y">')
    site.page("/y", head='<link rel="canonical" href="/x">')
    site.page("/away", head='<link rel="canonical" href="https://other.example/">')
    assert await walked(site) == ["/", "/a", "/away", "/y"]


async def test_links_are_relative_to_what_the_page_says(site: Site) -> None:
    site.page("/", "a", head='<base href="/docs/v2/">')
    site.page("/docs/v2/a")
    assert await walked(site) == ["/", "/docs/v2/a"]


async def test_a_sitemap_names_pages_that_nothing_leads_to(site: Site) -> None:
    site.page("/")
    for path in ("/lonely", "/packed", "/other"):
        site.page(path)
    site.robots(f"Sitemap: {site.base}/index.xml\nSitemap: http://elsewhere.example/map.xml")
    index = f"<sitemapindex><sitemap><loc>{site.base}/one.xml</loc></sitemap>"
    index += (
        "<sitemap><loc>/two.xml.gz</loc></sitemap><sitemap><loc>/index.xml</loc></sitemap></sitemapindex>"
    )
    site.pages["/index.xml"] = Answer(index.encode(), "text/xml")
    one = (
        f'<urlset xmlns="x"><url><loc> {site.base}/lonely\n</loc></url><url><loc>http://10.0.0.1/</loc></url>'
    )
    site.pages["/one.xml"] = Answer(f"{one}</urlset>".encode(), "text/xml")
    packed = gzip.compress(f"<urlset><url><loc>{site.base}/packed</loc></url></urlset>".encode())
    site.pages["/two.xml.gz"] = Answer(packed, "application/gzip")
    assert await walked(site) == ["/", "/lonely", "/packed"]


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


async def test_more_first_pages_bring_their_hosts(site: Site) -> None:
    async with running_site() as other:
        site.page("/", f"{other.base}/x")
        other.page("/start", "/y")
        for path in ("/x", "/y"):
            other.page(path)
        async with site.place(addresses=[f"{other.base}/start"]) as place:
            found = await seen(place)
        authority = other.base.removeprefix("http://")
        assert {item.folder for key, item in found.items() if key.startswith(other.base)} == {(authority,)}
        assert sorted(found) == sorted(
            [f"{site.base}/", *(f"{other.base}/{name}" for name in ("start", "x", "y"))]
        )


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


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, SourceReason.NOT_THERE),
        (410, SourceReason.NOT_THERE),
        (500, SourceReason.UNREACHABLE),
        (401, SourceReason.LOGIN_REFUSED),
        (403, SourceReason.LOGIN_REFUSED),
    ],
)
async def test_without_its_first_page_there_is_no_place(
    site: Site, status: int, reason: SourceReason
) -> None:
    site.redirect("/", "/home")
    site.pages["/home"] = Answer(status=status)
    assert (await refused(site)).reason is reason


async def test_a_site_that_is_down_is_unreachable(site: Site) -> None:
    async with running_site() as other:
        gone = other.base
    site.base = gone
    assert (await refused(site)).reason is SourceReason.UNREACHABLE


async def test_versions_are_the_servers_or_what_a_page_says(site: Site) -> None:
    site.page("/", "/etag", "/date", "/says")

    def set_(etag: str, date: str, text: str, token: str) -> None:
        site.page("/etag", text=token, ETag=etag)
        site.page("/date", text=token, Last_Modified=date)
        site.page("/says", text=text, head=f'<script>token = "{token}"</script><meta content="{token}">')

    async def versions() -> list[str]:
        async with site.place() as place:
            found = await seen(place)
        return [found[f"{site.base}/{name}"].signature for name in ("etag", "date", "says")]

    date = "Thu, 21 Nov 2024 13:53:40 GMT"
    set_('"1"', date, "text", "t1")
    before = await versions()
    set_('W/"1"', date, "text", "t2")
    assert await versions() == before
    set_('"2"', "Thu, 21 Nov 2024 13:53:41 GMT", "other", "t3")
    assert not set(await versions()) & set(before)


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


async def test_requests_come_one_at_a_time_with_a_pause_between(site: Site) -> None:
    times: list[float] = []
    running_now = 0

    async def watch(_request: web.Request) -> web.Response:
        nonlocal running_now
        running_now += 1
        assert running_now == 1
        times.append(time.monotonic())
        await asyncio.sleep(0.02)
        running_now -= 1
        return web.Response(text="x", content_type="text/plain")

    site.page("/", *(f"/{number}" for number in range(4)))
    for number in range(4):
        site.pages[f"/{number}"] = watch
    async with site.place(interval_ms=100) as place:
        await asyncio.gather(seen(place), *(place.look(f"{number}") for number in range(4)))
    assert min(after - before for before, after in itertools.pairwise(times)) >= 0.1
    times.clear()
    site.robots("User-agent: *\nCrawl-delay: 0.2")
    async with site.place() as place:
        await seen(place)
    assert min(after - before for before, after in itertools.pairwise(times)) >= 0.2


async def test_a_site_may_ask_to_be_left_alone_for_a_while(site: Site) -> None:
    site.page("/", "/busy", "/after")
    site.pages["/busy"] = Answer(status=429, headers={"Retry-After": "1"})
    site.page("/after")
    began = time.monotonic()
    async with site.place() as place:
        assert f"{site.base}/busy" in await unreadable(place)
    assert time.monotonic() - began >= 1


async def test_a_site_tells_no_changes(site: Site) -> None:
    async with site.place() as place:
        changes = place.changes()
        assert [item async for item in changes] == []


async def test_a_walk_that_is_given_up_lets_others_ask(site: Site) -> None:
    site.page("/", "/a")
    site.page("/a")
    async with site.place() as place:
        async with aclosing(place.walk()) as walk:  # type: ignore[type-var]
            await anext(walk)
        assert await place.look("a") is not None


@pytest.mark.parametrize(
    ("location", "settings"),
    [
        ("", ""),
        ("example.org", ""),
        ("ftp://example.org/", ""),
        ("http://", ""),
        ("http://[", ""),
        ("https://example.org/", '{"addresses": ["/relative"]}'),
        ("https://example.org/", '{"depth": -1}'),
        ("https://example.org/", '{"pages": 0}'),
        ("https://me:hush@example.org/", ""),
    ],
)
def test_a_location_is_a_complete_address(location: str, settings: str) -> None:
    check_location("website", "https://example.org/docs/?a=b", '{"addresses": ["https://www.example.org"]}')
    with pytest.raises(KadeError) as caught:
        check_location("website", location, settings)
    assert caught.value.reason is SourceReason.BAD_LOCATION
    assert "hush" not in str(caught.value)
