"""Websites: what is followed, what is obeyed, and what is told of it."""

import asyncio
import gzip
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from aiohttp import web
from tests.sources.services import seen, unreadable
from tests.sources.site import Answer, Site, refused, running_site, walked

from kade.core.errors import KadeError, SourceReason
from kade.sources import check_location


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as made:
        yield made


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
