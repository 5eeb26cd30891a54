"""Somebody without an account is asked for files, and sends them in a browser."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from tests.support.browser import PHONE, WIDE, Watched, look, written
from tests.support.fault_proxy import Fault, Flow, Plan, ThreadedFaultProxy
from tests.support.kade_server import KadeServer
from tests.support.requests import CONTRACT, LOGO, PDF, PNG, RECORDING, Link, Office, soon
from tests.support.sizes import MIB, sizes
from tests.support.smtp import Mailbox, smtp_server

from kade.services.requests import SlotWish

pytestmark = pytest.mark.needs("chromium", "fonts")

VIDEO = SlotWish("Recording of the meeting", "With its sound.", max_size=sizes.handed_in * 2)
SLOW = Plan(to_server=Flow(bytes_per_second=2_500_000))
Visit = Callable[..., Page]
PASSWORD = "open sesame"  # noqa: S105 - of no account


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as box:
        yield box


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[KadeServer]:
    settings = {
        "KADE_MAIL_HOST": "127.0.0.1",
        "KADE_MAIL_PORT": str(mailbox.port),
        "KADE_MAIL_SECURITY": "none",
        "KADE_MAIL_SENDER": "kade@example.org",
    }
    with KadeServer(tmp_path_factory.mktemp("requests") / "data", environment=settings) as running:
        yield running


@pytest.fixture(scope="module")
def office(server: KadeServer) -> Office:
    return Office(server.config)


@pytest.fixture
def visit(browser: Browser, server: KadeServer) -> Iterator[Visit]:
    """Opens a link in a browser of its own; no page may complain of anything."""
    watched: list[Watched] = []
    with ExitStack() as stack:

        def come(link: Link | str, *, port: int = 0, **context: Any) -> Page:
            made = browser.new_context(**{"locale": "en-GB", "viewport": WIDE, **context})
            stack.callback(made.close)
            page = made.new_page()
            watched.append(Watched(page))
            path = link if isinstance(link, str) else link.path
            page.goto(f"http://127.0.0.1:{port or server.web_port}{path}")
            return page

        yield come
    assert [each.complaints for each in watched if each.complaints] == []


@pytest.fixture
def line(server: KadeServer) -> Iterator[ThreadedFaultProxy]:
    """A line on which the large file takes some seconds."""
    rate = max(2_500_000, sizes.handed_in / 15)
    with ThreadedFaultProxy(server.web_port, default=Plan(Flow(bytes_per_second=rate))) as proxy:
        yield proxy


@pytest.fixture
def slow(server: KadeServer) -> Iterator[ThreadedFaultProxy]:
    """A line that is slow enough to look at."""
    with ThreadedFaultProxy(server.web_port, default=SLOW) as proxy:
        yield proxy


def slot(page: Page, name: str) -> Locator:
    return page.locator(f'.slot[data-name="{name}"]')


def choose(page: Page, name: str, *files: Path) -> None:
    slot(page, name).locator("input").set_input_files(list(files))


def is_in(page: Page, name: str, state: str, timeout: float = 15_000) -> None:
    expect(slot(page, name)).to_have_attribute("data-state", state, timeout=timeout)


def press(page: Page, name: str, button: str) -> None:
    slot(page, name).get_by_role("button", name=button).click()


def part(page: Page, name: str) -> float:
    return float(slot(page, name).locator("progress").evaluate("bar => bar.value / bar.max"))


def until_part(page: Page, name: str, least: float) -> None:
    page.wait_for_function(
        "([name, least]) => {const bar = document.querySelector(`[data-name='${name}'] progress`);"
        " return bar.value / bar.max >= least}",
        arg=[name, least],
        timeout=60_000,
    )


def until_passed(page: Page, proxy: ThreadedFaultProxy, count: float) -> None:
    """Wait until so many bytes have really gone to the server: what a browser counts may be in buffers."""
    while sum(each.to_server for each in proxy.connections) < count:
        page.wait_for_timeout(50)


def large(folder: Path, name: str, size: int) -> Path:
    path = folder / name
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            file.write(hashlib.sha256(str(start).encode()).digest() * (min(MIB, size - start) // 32 + 1))
        file.truncate(size)
    return path


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_the_whole_journey(office: Office, visit: Visit, line: ThreadedFaultProxy, tmp_path: Path) -> None:
    link = office.ask(
        CONTRACT,
        LOGO,
        VIDEO,
        description="With these we can go on with your application.\nThank you!",
        expires_at=soon(14 * 86_400_000),
    )
    page = visit(link, port=line.port)
    look(page, "1-open", thoroughly=True)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#errors")).to_be_focused()
    expect(page.locator("#errors")).to_contain_text("3 required files are missing")
    look(page, "2-missing")
    page.locator("#errors").get_by_role("link", name="Logo").click()
    expect(slot(page, "Logo").locator("input")).to_be_focused()

    video = large(tmp_path, "meeting.mp4", sizes.handed_in)
    choose(page, VIDEO.name, video)
    until_part(page, VIDEO.name, 0.1)
    page.screenshot(path="build/screenshots/3-sending-wide-light.png", full_page=True)
    press(page, VIDEO.name, "Pause")
    is_in(page, VIDEO.name, "paused")
    expect(slot(page, VIDEO.name).get_by_role("button", name="Go on")).to_be_focused()
    look(page, "4-paused")
    press(page, VIDEO.name, "Go on")
    choose(page, CONTRACT.name, written(tmp_path, "draft.pdf", PDF))
    is_in(page, CONTRACT.name, "held")
    choose(page, CONTRACT.name, written(tmp_path, "contract.pdf", PDF + b"% signed\n"))
    expect(slot(page, CONTRACT.name).locator(".held-name")).to_have_text("contract.pdf")
    is_in(page, CONTRACT.name, "held")
    choose(page, LOGO.name, written(tmp_path, "logo.png", PNG))
    is_in(page, LOGO.name, "held")
    press(page, LOGO.name, "Remove")
    is_in(page, LOGO.name, "empty")
    choose(page, LOGO.name, tmp_path / "logo.png")
    is_in(page, VIDEO.name, "held", timeout=300_000)
    is_in(page, LOGO.name, "held")
    expect(page.locator("#ready")).to_have_text("3 of 3 ready")
    expect(page.locator("#errors")).to_be_hidden()
    look(page, "5-ready")
    assert office.sent_files(link) == []  # nothing is anybody's before it is sent
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your files were sent")
    files = (video, tmp_path / "contract.pdf", tmp_path / "logo.png")
    for path in files:
        expect(page.locator(".received li", has_text=path.name)).to_contain_text(sha256(path), timeout=20_000)
    look(page, "6-receipt", thoroughly=True)
    sent = {each.name: each.sha256 for each in office.sent_files(link)}
    assert sent == {
        path.name: sha256(path) for path in (video, tmp_path / "contract.pdf", tmp_path / "logo.png")
    }
    page.emulate_media(media="print")
    page.screenshot(path="build/screenshots/6-receipt-print.png", full_page=True)


def test_a_line_that_is_cut_and_a_browser_that_was_closed(
    office: Office, visit: Visit, browser: Browser, line: ThreadedFaultProxy, tmp_path: Path
) -> None:
    link = office.ask(VIDEO)
    video = large(tmp_path, "meeting.mp4", sizes.handed_in)
    page = visit(link, port=line.port)
    choose(page, VIDEO.name, video)
    until_passed(page, line, sizes.handed_in * 0.3)
    line.strike(Fault.CUT)
    until_passed(page, line, sizes.handed_in * 0.7)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    is_in(page, VIDEO.name, "resumable")
    at = part(page, VIDEO.name)
    assert at > 0.2
    expect(slot(page, VIDEO.name).locator(".going-done")).to_contain_text("Choose the same file to go on")
    look(page, "7-go-on-after-a-reload")

    kept = page.context.storage_state()
    page.context.close()
    page = visit(link, port=line.port, storage_state=kept)
    is_in(page, VIDEO.name, "resumable")
    before = sum(each.to_server for each in line.connections)
    choose(page, VIDEO.name, video)
    is_in(page, VIDEO.name, "held", timeout=300_000)
    resent = sum(each.to_server for each in line.connections) - before
    assert resent < sizes.handed_in * (1 - at) + MIB
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".received")).to_contain_text(sha256(video), timeout=20_000)


def test_what_was_begun_is_given_up(
    office: Office, visit: Visit, slow: ThreadedFaultProxy, tmp_path: Path
) -> None:
    page = visit(office.ask(VIDEO), port=slow.port)
    choose(page, VIDEO.name, large(tmp_path, "meeting.mp4", 8 * MIB))
    until_passed(page, slow, 2 * MIB)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    is_in(page, VIDEO.name, "resumable")
    with page.expect_response(lambda response: response.request.method == "DELETE") as ended:
        press(page, VIDEO.name, "Cancel")
    assert ended.value.status == 204
    is_in(page, VIDEO.name, "empty")
    expect(slot(page, VIDEO.name).locator("input")).to_be_focused()
    page.reload()
    is_in(page, VIDEO.name, "empty")
    page.wait_for_load_state("networkidle")
    is_in(page, VIDEO.name, "empty")


def test_a_line_that_stays_cut_is_tried_again(
    office: Office, visit: Visit, server: KadeServer, tmp_path: Path
) -> None:
    link = office.ask(VIDEO)
    with ThreadedFaultProxy(server.web_port, default=SLOW) as proxy:
        page = visit(link, port=proxy.port)
        choose(page, VIDEO.name, large(tmp_path, "meeting.mp4", 6 * MIB))
        until_part(page, VIDEO.name, 0.2)
        proxy.plan_next(*[Plan(to_server=Flow(Fault.RESET))] * 3)
        proxy.strike(Fault.CUT)
        is_in(page, VIDEO.name, "interrupted")
        expect(slot(page, VIDEO.name).locator(".going-done")).to_contain_text("Connection lost")
        look(page, "8-connection-lost")
        is_in(page, VIDEO.name, "held", timeout=60_000)


def test_several_files_at_once(
    office: Office, visit: Visit, slow: ThreadedFaultProxy, tmp_path: Path
) -> None:
    link = office.ask(RECORDING, LOGO, CONTRACT)
    page = visit(link, port=slow.port)
    contract = written(tmp_path, "signed contract.pdf", PDF + bytes(2_500_000))
    logo = written(tmp_path, "picture.png", PNG + bytes(1_500_000))
    page.locator("#choose-several").set_input_files([contract, logo])
    for name in (CONTRACT.name, LOGO.name):
        until_part(page, name, 0.05)
    assert {slot(page, name).get_attribute("data-state") for name in (CONTRACT.name, LOGO.name)} == {
        "sending"
    }
    page.screenshot(path="build/screenshots/9-two-at-once-wide-light.png", full_page=True)
    for name in (CONTRACT.name, LOGO.name):
        is_in(page, name, "held", timeout=60_000)
    more = [written(tmp_path, f"other {number}.txt", b"words\n" * 50) for number in (1, 2)]
    page.locator("#choose-several").set_input_files(more)
    is_in(page, RECORDING.name, "held")
    expect(page.locator("#remark")).to_have_text("There is no free place for other 2.txt.")
    look(page, "9-no-place")


def test_files_are_dropped(office: Office, visit: Visit) -> None:
    link = office.ask(LOGO, RECORDING)
    page = visit(link)
    for target, name in ((slot(page, RECORDING.name), "b.png"), (page.locator("h1"), "a.png")):
        data = page.evaluate_handle(
            """([name, bytes]) => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
              return data;
            }""",
            [name, list(PNG)],
        )
        target.dispatch_event("dragenter", {"dataTransfer": data})
        expect(page.locator("body")).to_have_class("dropping")
        target.dispatch_event("drop", {"dataTransfer": data})
    expect(slot(page, RECORDING.name).locator(".held-name")).to_have_text("b.png")
    expect(slot(page, LOGO.name).locator(".held-name")).to_have_text("a.png")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("logo.pdf", PDF, "logo.pdf is not of an accepted kind. Accepted: PNG or JPEG."),
        ("logo.png", PDF, "logo.png looks like PDF inside"),
        ("logo.jpg", b"plain words", "logo.jpg is not of an accepted kind"),
        ("large.png", PNG + bytes(2_000_000), "large.png is too large: 2 MB, at most 2 MB."),
        ("none.png", b"", "none.png is empty."),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_sent(
    office: Office, visit: Visit, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    page = visit(office.ask())
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    choose(page, LOGO.name, written(tmp_path, name, content))
    expect(slot(page, LOGO.name).locator(".error")).to_contain_text(said)
    expect(slot(page, LOGO.name).locator("input")).to_have_attribute("aria-invalid", "true")
    is_in(page, LOGO.name, "empty")
    assert sent == []
    if name == "logo.png":
        look(page, "10-wrong-type")
    if name == "large.png":
        look(page, "10-too-large")


def test_what_the_server_refuses_is_said(
    office: Office, visit: Visit, slow: ThreadedFaultProxy, tmp_path: Path
) -> None:
    link = office.ask(VIDEO)
    page = visit(link, port=slow.port)
    choose(page, VIDEO.name, large(tmp_path, "meeting.mp4", 8 * MIB))
    until_part(page, VIDEO.name, 0.1)
    office.close(link)  # what runs ends at once
    expect(slot(page, VIDEO.name).locator(".error")).to_contain_text("closed", timeout=20_000)
    look(page, "11-closed-meanwhile")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This link leads nowhere")


def test_links_that_are_over(office: Office, visit: Visit) -> None:
    link = office.ask(expires_at=soon(300))
    visit("/r/nothing").wait_for_timeout(400)
    page = visit(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    assert "Papers" not in page.content()
    look(page, "12-expired")
    page = visit("/r/nothing")
    expect(page.get_by_role("heading", level=1)).to_have_text("This link leads nowhere")
    look(page, "12-unknown")


def test_a_password(office: Office, visit: Visit) -> None:
    link = office.ask(password=PASSWORD)
    page = visit(link)
    assert "Papers" not in page.content()
    look(page, "13-password")
    page.get_by_label("Password").fill("sesame")
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#password-error")).to_contain_text("not the password")
    expect(page.get_by_label("Password")).to_be_focused()
    look(page, "13-password-wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Papers for your application")
    (cookie,) = page.context.cookies()
    assert (cookie["path"], cookie["httpOnly"], cookie["sameSite"]) == (link.path, True, "Strict")
    page = visit(link)
    for _ in range(9):
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Open").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Too many attempts")
    look(page, "13-too-many")


def test_in_dutch_and_the_choice_lasts(office: Office, visit: Visit, tmp_path: Path) -> None:
    link = office.ask(expires_at=soon(86_400_000))
    page = visit(link, locale="nl-NL")
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    choose(page, LOGO.name, written(tmp_path, "groot.png", PNG + bytes(2_500_000)))
    expect(slot(page, LOGO.name).locator(".error")).to_have_text(
        "groot.png is te groot: 2,5 MB, hoogstens 2 MB."
    )
    look(page, "14-dutch")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.url.endswith(link.path)
    page.goto(page.url)
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_receipt_is_mailed(office: Office, visit: Visit, mailbox: Mailbox, tmp_path: Path) -> None:
    link = office.ask(CONTRACT)
    page = visit(link)
    choose(page, CONTRACT.name, written(tmp_path, "contract.pdf", PDF))
    is_in(page, CONTRACT.name, "held")
    page.get_by_role("button", name="Send").click()
    page.get_by_label("E-mail address").fill("nobody")
    page.get_by_role("button", name="Mail this receipt").click()
    expect(page.locator("#email-error")).to_contain_text("Enter an e-mail address")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    look(page, "17-receipt-bad-address")
    page.get_by_label("E-mail address").fill("somebody@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("on its way")
    look(page, "17-receipt-mailed")
    while not mailbox.messages:
        page.wait_for_timeout(50)
    assert sha256(tmp_path / "contract.pdf") in mailbox.messages[0].get_content()


def test_by_keyboard_alone(office: Office, visit: Visit, tmp_path: Path) -> None:
    link = office.ask(CONTRACT)
    page = visit(link)
    contract = written(tmp_path, "contract.pdf", PDF)
    page.on("filechooser", lambda chooser: chooser.set_files(contract))
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(slot(page, CONTRACT.name).locator("input")).to_be_focused()
    page.screenshot(path="build/screenshots/15-focus-wide-light.png", full_page=True)
    page.keyboard.press("Enter")
    is_in(page, CONTRACT.name, "held")
    expect(slot(page, CONTRACT.name).locator("input")).to_be_focused()
    page.keyboard.press("Tab")
    expect(slot(page, CONTRACT.name).get_by_role("button", name="Remove")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your files were sent")


def test_a_screen_reader_is_told_little(
    office: Office, visit: Visit, slow: ThreadedFaultProxy, tmp_path: Path
) -> None:
    page = visit(office.ask(VIDEO), port=slow.port)
    page.evaluate(
        """() => {
          window.said = [];
          new MutationObserver(() => window.said.push(document.getElementById("said").textContent))
            .observe(document.getElementById("said"), {childList: true});
        }"""
    )
    slot(page, VIDEO.name).locator("input").focus()
    choose(page, VIDEO.name, large(tmp_path, "meeting.mp4", 8 * MIB))
    expect(slot(page, VIDEO.name).locator("[data-do=pause]")).to_be_focused()  # the focus is never lost
    is_in(page, VIDEO.name, "held", timeout=60_000)
    expect(slot(page, VIDEO.name).locator("input")).to_be_focused()
    said = page.evaluate("window.said")
    assert said[-1] == "Recording of the meeting: meeting.mp4 was received"
    assert len(said) <= 4, said
    label = slot(page, VIDEO.name).locator("input").evaluate("input => input.labels[0].textContent")
    assert label == "Replace"


def test_on_a_phone_everything_can_be_hit(office: Office, visit: Visit) -> None:
    page = visit(office.ask(), viewport={"width": 320, "height": 600}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    sizes_of = "all => all.filter(each => each.offsetParent).map(each => each.getBoundingClientRect().height)"
    heights = page.locator(".button, .languages a").evaluate_all(sizes_of)
    assert heights
    assert min(heights) >= 44
    assert PHONE["width"] > 320


def test_without_scripts_a_sentence_says_what_is_needed(office: Office, visit: Visit) -> None:
    page = visit(office.ask(), java_script_enabled=False)
    expect(page.get_by_text("needs JavaScript")).to_be_visible()
    expect(page.get_by_text("Choose a file").first).to_be_hidden()
    page.screenshot(path="build/screenshots/16-without-scripts-wide-light.png", full_page=True)


def test_links_stand_in_no_log(office: Office, visit: Visit, server: KadeServer, tmp_path: Path) -> None:
    link = office.ask(CONTRACT)
    page = visit(link)
    choose(page, CONTRACT.name, written(tmp_path, "contract.pdf", PDF))
    is_in(page, CONTRACT.name, "held")
    visit(f"{link.path}/nothing")
    shown = [line for line in server.log_lines() if "portal.request" in line]
    assert any(re.search(r'"path": ?"/r/…"', line) or "/r/" in line for line in shown)
    assert not [line for line in server.log_lines() if link.token in line]
    assert isinstance(page.context, BrowserContext)
