"""The steps of the demonstration."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import mimetypes
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kade.cli import remote
from kade.cli.demo import samples, subscribers
from kade.cli.demo.asking import ask_and_fill
from kade.cli.demo.filing import Filing
from kade.cli.demo.quay import Identity, Quay, expect, require
from kade.cli.demo.relay import Relay
from kade.cli.demo.second import Second
from kade.cli.demo.service import Application
from kade.client import RemotePeer, client_context
from kade.client.digests import sha256_of
from kade.client.errors import Interrupted, TransferError
from kade.client.files import fetch, send
from kade.client.upload_states import UploadStates

_PUBLISHED = 64 << 20  # bytes of the tar that the application publishes
_PARCEL = 320 << 20  # bytes of the tar that the partner sends
_WORTH_BREAKING_OFF = 8 << 20  # bytes; a smaller file is through before anybody could break off
_REACTION_S = 2.0  # within which a running server must know what a command changed

Step = tuple[str, Callable[[], Awaitable[list[str]]]]


@dataclass(frozen=True)
class Sent:
    """A file of ours and where the server keeps it."""

    file: Path
    path: str
    sha256: str

    @property
    def size(self) -> int:
        return self.file.stat().st_size


@dataclass
class Watch:
    """Implements ``client.Progress``: shows a transfer, and notes where it began each time."""

    bar: remote.Bar
    stop_at: float = 2.0  # the part of the whole at which *stop* is called
    stop: Callable[[], object] | None = None
    begins: list[int] = field(default_factory=list)
    _anew: bool = True

    def at(self, done: int, total: int | None) -> None:
        if self._anew:
            self.begins.append(done)
            self._anew = False
        self.bar.at(done, total)
        if self.stop is not None and total and done >= total * self.stop_at:
            self.stop()

    def waiting(self, reason: str, seconds: float) -> None:
        self._anew = True
        self.bar.waiting(reason, seconds)

    def verifying(self) -> None:
        self.bar.verifying()


class Story:
    """What is played, and what one step leaves for the next."""

    haven: Identity
    veem: Identity
    application: Application
    second: Second | None = None
    _ledger: subscribers.Client | None = None
    _filing: Filing | None = None

    def __init__(self, quay: Quay, folder: Path, own_file: Path | None) -> None:
        self.quay = quay
        self._folder = folder
        self._own_file = own_file
        self._numbers: dict[str, str] = {}
        self.published: list[Sent] = []
        self._parcel: Sent | None = None

    def steps(self) -> list[Step]:
        """Every step with its title, in order."""
        return [
            ("a quay opens: kade init, kade serve", self._open),
            ("two partners get certificates, an application a key", self._introduce),
            ("the application publishes files for the partner", self._publish),
            ("the partner downloads in ranges, breaks off, resumes", self._download),
            ("the partner uploads over mTLS, the line is cut, it resumes", self._upload),
            ("the application lists, fetches and verifies digests", self._verify),
            (
                "a publisher and two subscribers: by business type, each with a list of its own",
                self._subscribe,
            ),
            ("what the partner brings over mTLS reaches a subscriber, by a rule", self._follow_rule),
            ("a folder and a mailbox are synchronised, and found by what is in them", self._file),
            ("renamed, deleted, restored: id, tags and meta stay", self._refile),
            ("an application asks for files, somebody sends them in a browser", self._ask),
            ("a second organisation opens its File Client: kade client serve", self._open_second),
            ("it fetches and sends; killed half-way, it goes on", self._second_transfers),
            ("a second partner asks for the first one's files: refused", self._pry),
            ("an expired certificate: refused", self._expired),
            ("a revoked certificate: refused", self._revoked),
            ("unknown certificates: refused", self._unknown),
            ("the journal has it all, and is whole", self._audit),
            ("kade doctor proves that all is well", self._doctor),
        ]

    async def _open(self) -> list[str]:
        await self.quay.initialise()
        await self.quay.start()
        async with RemotePeer(self.quay.web) as peer:
            async with peer.request("GET", f"{self.quay.web}/readyz") as answer:
                expect("answer of /readyz", answer.status, 200)
        return [f"applications: {self.quay.web}", f"partners: {self.quay.exchange}"]

    async def _introduce(self) -> list[str]:
        self.haven, self.veem = await self.quay.issue("haven"), await self.quay.issue("veem")
        for name, identity in (("haven", self.haven), ("veem", self.veem)):
            user = await self.quay.command(
                "user", "add", name, "--certificate", str(identity.certificate), "--quota", "10GB"
            )
            (self._numbers[name],) = user["names"].values()
        await self.quay.command("user", "add", "desk", "--kind", "application")
        key = await self.quay.command("key", "add", "desk", "--label", "demonstration")
        self.application = Application(self.quay.web, key["key"])
        expect("status that haven is answered", await self._soon(self.haven, 404), 404)
        return [f"{name} is user {number}" for name, number in self._numbers.items()]

    async def _publish(self) -> list[str]:
        said = []
        for file, media_type in await asyncio.to_thread(self._outgoing):
            with remote.Bar(file.name, quiet=False) as bar:
                path = await self.application.publish(self._numbers["haven"], file, media_type, bar)
                seconds = bar.seconds
            sent = Sent(file, path, await asyncio.to_thread(sha256_of, file))
            info = await self.application.info(path)
            expect("name of the file", info["name"], file.name)
            expect("media type of the file", info["contentType"], media_type)
            expect("length of the file", info["length"], sent.size)
            expect("SHA-256 of the file", info["sha256Checksum"].lower(), sent.sha256)
            self.published.append(sent)
            said.append(f"{file.name}: {remote.human_size(sent.size)} in {seconds:.1f} s")
        return said

    async def _download(self) -> list[str]:
        sent = max(self.published, key=lambda each: each.size)
        url = f"{self.quay.exchange}/files/download/{sent.path}"
        target = self._folder / "received" / sent.file.name
        target.parent.mkdir()
        async with self._partner(self.haven) as peer:
            await _compare_ranges(peer, url, sent)
            broken_off_at = 0
            if sent.size >= _WORTH_BREAKING_OFF:
                broken_off_at = await _break_off(peer, url, target)
                require("the part that came is kept", 0 < broken_off_at < sent.size)
                require("nothing appears before all of it is there", not target.exists())
            with remote.Bar(target.name, quiet=False) as bar:
                watch = Watch(bar)
                done = await fetch(peer, url, target, progress=watch)
        expect("where the download went on", watch.begins[0], broken_off_at)
        expect("SHA-256 that the server told", done.sha256, sent.sha256)
        expect("SHA-256 of what came", await asyncio.to_thread(sha256_of, target), sent.sha256)
        if broken_off_at == 0:
            return [f"{remote.human_size(sent.size)} at once: too small to break off; every byte is the same"]
        return [
            f"{remote.human_size(sent.size)}, broken off at {remote.human_size(broken_off_at)}, "
            "gone on from there; every byte is the same"
        ]

    async def _upload(self) -> list[str]:
        file = await asyncio.to_thread(self._parcel_file)
        size = file.stat().st_size
        states = UploadStates(self._folder / "states")
        async with Relay(self.quay.ports["exchange"], max(size * 2 // 5, 1)) as relay:
            creation = f"https://localhost:{relay.port}/files/upload"
            async with self._partner(self.haven, creation) as peer:
                with remote.Bar(file.name, quiet=False) as bar:
                    watch = Watch(bar)
                    done = await send(peer, creation, file, states=states, progress=watch)
                    seconds = bar.seconds
        expect("how often the line was cut", relay.cuts, 1)
        sha256 = await asyncio.to_thread(sha256_of, file)
        path = done.url.rpartition("/")[2]
        self._parcel = Sent(file, path, sha256)
        url = f"{self.quay.exchange}/files/download/{path}"
        async with self._partner(self.haven) as peer:
            async with peer.request("HEAD", url) as answer:
                expect("answer to HEAD", answer.status, 200)
                expect("length that the server has", answer.content_length, size)
        went_on = remote.human_size(watch.begins[-1])
        return [f"{remote.human_size(size)} in {seconds:.1f} s, cut once, gone on from {went_on}"]

    async def _verify(self) -> list[str]:
        assert self._parcel is not None
        everything = [*self.published, self._parcel]
        expect(
            "paths that are listed",
            sorted(await self.application.listed()),
            sorted(sent.path for sent in everything),
        )
        said = []
        for sent in everything:
            info = await self.application.info(sent.path)
            expect("length that is told", info["length"], sent.size)
            expect("SHA-256 that is told", info["sha256Checksum"].lower(), sent.sha256)
            with remote.Bar(sent.file.name, quiet=False) as bar:
                fetched = await self.application.fetch(sent.path, sent.size, bar)
            expect("SHA-256 of what was fetched", fetched, sent.sha256)
            said.append(f"{sent.file.name}: SHA-256 {sent.sha256[:16]}…, told, fetched and original alike")
        return said

    async def _subscribe(self) -> list[str]:
        quay = self.quay
        await quay.command("tenant", "add", subscribers.TENANT)
        for number in (subscribers.PAYROLL, subscribers.PARCELS):
            await quay.command("business-type", "add", str(number), "--refuse", "none")
        at = await subscribers.places(quay)
        payroll = ("publisher", subscribers.PAYROLL)
        mine, parcels = ("subscriber", subscribers.PAYROLL), ("subscriber", subscribers.PARCELS)
        publisher = await subscribers.Client.made(quay, at, "payroll", payroll)
        ledger = await subscribers.Client.made(quay, at, "ledger", mine, parcels)
        pension = await subscribers.Client.made(quay, at, "pension", mine)
        self._ledger = ledger
        slip, year = samples.payslips(4_000), samples.payslips(6 << 20)
        small = await publisher.publish("payroll_slip.txt", subscribers.PAYROLL, slip)
        large = await publisher.publish_in_chunks("payroll_year.txt", subscribers.PAYROLL, year, 2 << 20)
        for one in (ledger, pension):
            names = sorted(each["fileName"] for each in await one.listed())
            expect("what is delivered", names, ["payroll_slip.txt", "payroll_year.txt"])
        expect("digest of the small file", await ledger.fetch(small), hashlib.sha256(slip).hexdigest())
        expect("digest of the large file", await ledger.fetch(large), hashlib.sha256(year).hexdigest())
        expect("what is new for the one that fetched", await ledger.listed(), [])
        await pension.delete(small)
        condition = "startsWith(fileName, 'payroll') and status eq 'all'"
        left = [each["fileName"] for each in await pension.listed(condition)]
        expect("what is left for the one that deleted", left, ["payroll_year.txt"])
        (waiting,) = await quay.command("delivery", "list")
        expect("who has not fetched", waiting["application"], "pension")
        return [
            "2 files published, one in 3 chunks at once",
            "fetched by ledger; pension deleted one for itself",
        ]

    async def _follow_rule(self) -> list[str]:
        quay = self.quay
        type_number = str(subscribers.PARCELS)
        await quay.command(
            "space", "rule", "add", "haven", "publish", "--type", type_number, "--tenant", subscribers.TENANT
        )
        file = self._folder / "note for the ledger.txt"
        file.write_bytes(samples.payslips(64 << 10))
        creation = f"{quay.exchange}/files/upload"
        async with self._partner(self.haven) as peer:
            await send(peer, creation, file, states=UploadStates(self._folder / "states"))
        began = time.monotonic()
        assert self._ledger is not None
        entry = await self._ledger.waited_for(file.name)
        seconds = time.monotonic() - began
        sha256 = await asyncio.to_thread(sha256_of, file)
        expect("digest of what the subscriber fetched", await self._ledger.fetch(entry["fileId"]), sha256)
        return [f"{file.name}: by tus over mTLS, on the subscriber's list {seconds:.1f} s after"]

    async def _file(self) -> list[str]:
        self._filing = Filing(self.quay, self._folder / "filing")
        return await self._filing.find()

    async def _ask(self) -> list[str]:
        assert self._filing is not None
        return await ask_and_fill(self.quay, self._folder / "at home", self._filing)

    async def _refile(self) -> list[str]:
        assert self._filing is not None
        return await self._filing.rename_delete_restore()

    async def _open_second(self) -> list[str]:
        self.second = Second(self._folder / "second", self.quay, self.veem)
        await self.second.open(max(each.size for each in self.published))
        return [f"its applications: {self.second.address}"]

    async def _second_transfers(self) -> list[str]:
        assert self.second is not None
        largest = max(self.published, key=lambda each: each.size)
        with remote.Bar(largest.file.name, quiet=False) as bar:
            path = await self.application.publish(
                self._numbers["veem"], largest.file, "application/x-tar", bar
            )
        said = await self.second.transfer(
            path, largest.file, largest.size, worth_killing=largest.size >= _WORTH_BREAKING_OFF
        )
        told = await self.application.info(path)
        expect("SHA-256 of what was fetched", self.second.fetched, told["sha256Checksum"])
        arrived = await self.application.info(self.second.sent_path)
        expect("SHA-256 of what was sent", arrived["sha256Checksum"].lower(), largest.sha256)
        return said

    async def _pry(self) -> list[str]:
        answers = set()
        async with self._partner(self.veem) as peer:
            for path in (self.published[0].path, "nothing"):
                async with peer.request("GET", f"{self.quay.exchange}/files/download/{path}") as answer:
                    answers.add((answer.status, await answer.read()))
        expect("number of different answers to somebody else's file and to none", len(answers), 1)
        ((status, _),) = answers
        expect("status of somebody else's file", status, 404)
        return ["404, the same as for a file that never was"]

    async def _expired(self) -> list[str]:
        month_ago = datetime.now(UTC) - timedelta(days=30)
        over = await asyncio.to_thread(self._forge, "expired", month_ago)
        await self.quay.command("cert", "add", "veem", str(over.certificate))
        await asyncio.sleep(_REACTION_S)
        answer = await self._probe(over)
        expect("answer to an expired certificate", answer, "refused in the handshake")
        return [str(answer), await self._still_served()]

    async def _revoked(self) -> list[str]:
        second = await self.quay.issue("veem-second")
        added = await self.quay.command("cert", "add", "veem", str(second.certificate))
        expect("status of a registered certificate", await self._soon(second, 404), 404)
        await self.quay.command("cert", "revoke", added["fingerprint"])
        began = time.monotonic()
        expect("status of a revoked certificate", await self._soon(second, 401), 401)
        took = time.monotonic() - began
        expect("status of the partner's other certificate", await self._probe(self.veem), 404)
        return [f"401 within {took:.1f} s of `kade cert revoke`; the partner's other one goes on"]

    async def _unknown(self) -> list[str]:
        unregistered = await self.quay.issue("unregistered")
        expect("answer to an unregistered certificate", await self._probe(unregistered), 401)
        stranger = await asyncio.to_thread(self._forge, "stranger", None)
        answer = await self._probe(stranger)
        expect("answer to a certificate of a foreign authority", answer, "refused in the handshake")
        return ["not registered: 401", f"of a foreign authority: {answer}", await self._still_served()]

    async def _audit(self) -> list[str]:
        entries = await self.quay.lines("audit", "--count", "100000")
        found = {(entry["kind"], entry["outcome"], entry["reason"]) for entry in entries}
        kinds = {entry["kind"] for entry in entries}
        for kind in ("file.created", "file.read", "upload.created", "credential.revoked"):
            require(f"{kind} is in the journal", kind in kinds)
        for reason in ("access.revoked_credential", "access.unknown_credential", "file.unknown"):
            require(f"{reason} is in the journal", ("request.refused", "refused", reason) in found)
        require("refused handshakes are in the journal", "connection.refused" in kinds)
        (proof,) = await self.quay.lines("audit", "--verify")
        expect("flaws of the chain", proof["flaws"], [])
        return [f"{proof['entries']} entries, every refusal among them; the chain is whole"]

    async def _doctor(self) -> list[str]:
        diagnosis = await self.quay.command("doctor", "--digests")
        expect("findings", [each for each in diagnosis["findings"] if each["severity"] != "info"], [])
        require("everything is sound", diagnosis["sound"])
        examined = diagnosis["examined"]
        assert self.second is not None
        await self.second.close()
        return [
            f"{examined['digests']} contents read again, {examined['segments']} segments, no findings",
            "nor any at the second organisation",
        ]

    def _partner(self, identity: Identity, url: str = "") -> RemotePeer:
        tls = client_context(identity.certificate, identity.key, authorities=self.quay.authority)
        return RemotePeer(url or self.quay.exchange, tls=tls)

    async def _probe(self, identity: Identity) -> int | str:
        """What the partners' side says to a certificate: 404 to one that it knows."""
        url = f"{self.quay.exchange}/files/download/nothing"
        async with self._partner(identity) as peer:
            try:
                async with peer.request("GET", url) as answer:
                    return answer.status
            except (TransferError, Interrupted):
                return "refused in the handshake"

    async def _soon(self, identity: Identity, wanted: int) -> int | str:
        """What is answered once the server knows of the change; the last answer when it never does."""
        deadline = time.monotonic() + _REACTION_S
        while True:
            answer = await self._probe(identity)
            if answer == wanted or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(0.05)

    async def _still_served(self) -> str:
        expect("status that the first partner is answered", await self._probe(self.haven), 404)
        return "the first partner is served as before"

    def _forge(self, name: str, not_before: datetime | None) -> Identity:
        """A certificate that `kade cert issue` does not give: begun in the past, or of another authority."""
        from kade.auth.authority import create_authority, issue_client, load_issued

        authority = (
            load_issued(self.quay.authority, self.quay.authority.with_suffix(".key"))
            if not_before
            else create_authority("somebody else")
        )
        identity = Identity(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        issue_client(authority, name, 10, not_before=not_before).save(identity.certificate, identity.key)
        return identity

    def _outgoing(self) -> list[tuple[Path, str]]:
        """What the application publishes."""
        if self._own_file is not None:
            guessed = mimetypes.guess_type(self._own_file.name)[0]
            return [(self._own_file, guessed or "application/octet-stream")]
        folder = self._folder / "outgoing"
        folder.mkdir()
        pdf, mail, tar = (folder / name for name in ("delivery.pdf", "delivery.eml", "python.tar"))
        samples.write_pdf(pdf)
        samples.write_mail(mail, pdf)
        samples.write_tar(tar, _PUBLISHED)
        return [(pdf, "application/pdf"), (mail, "message/rfc822"), (tar, "application/x-tar")]

    def _parcel_file(self) -> Path:
        """What the partner sends: this Python's installation as a tar, or the reader's own file."""
        if self._own_file is not None:
            return self._own_file
        parcel = self._folder / "outgoing" / "installation.tar"
        samples.write_tar(parcel, _PARCEL)
        return parcel


async def _compare_ranges(peer: RemotePeer, url: str, sent: Sent) -> None:
    """A piece from the beginning, the middle and the end; an empty file has none."""
    if sent.size == 0:
        return
    middle = sent.size // 2
    pieces = {
        f"0-{min(999, sent.size - 1)}": (0, min(1000, sent.size)),
        f"{middle}-": (middle, sent.size),
        f"-{min(1000, sent.size)}": (max(sent.size - 1000, 0), sent.size),
    }
    for asked, (start, stop) in pieces.items():
        digest, length = hashlib.sha256(), 0
        async with peer.request("GET", url, {"Range": f"bytes={asked}"}) as answer:
            expect(f"status of the range {asked}", answer.status, 206)
            wanted = f"bytes {start}-{stop - 1}/{sent.size}"
            expect(f"Content-Range of the range {asked}", answer.headers.get("Content-Range"), wanted)
            async for piece in answer.content.iter_any():
                digest.update(piece)
                length += len(piece)
        expect(f"length of the range {asked}", length, stop - start)
        original = await asyncio.to_thread(_digest_of_range, sent.file, start, stop)
        expect(f"bytes of the range {asked}", digest.hexdigest(), original)


def _digest_of_range(file: Path, start: int, stop: int) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        opened.seek(start)
        while start < stop:
            piece = opened.read(min(1 << 20, stop - start))
            digest.update(piece)
            start += len(piece)
    return digest.hexdigest()


async def _break_off(peer: RemotePeer, url: str, target: Path) -> int:
    """Begin a download and give up after two fifths; how many bytes are kept."""
    with remote.Bar(target.name, quiet=False) as bar:
        watch = Watch(bar, stop_at=0.4)
        task = asyncio.create_task(fetch(peer, url, target, progress=watch))
        watch.stop = task.cancel
        with contextlib.suppress(asyncio.CancelledError):
            await task
    part = target.with_name(target.name + ".part")
    require("the download was broken off", part.exists())
    return part.stat().st_size
