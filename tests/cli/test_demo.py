"""`kade demo`, and the parts that it is made of."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tarfile
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from kade.cli.demo import samples
from kade.cli.demo.quay import Unexpected, expect, require
from kade.cli.demo.relay import Relay

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TIMEOUT_S = 300


async def demo(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a run of its own, with temporary folders in *folder*."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kade", "demo", *arguments),
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    return process.returncode or 0, output.decode(), errors.decode()


def left(folder: Path) -> list[Path]:
    """What a run left behind."""
    return sorted(folder.iterdir())


async def test_every_step_passes_with_a_file_of_one_s_own(tmp_path: Path) -> None:
    own = tmp_path / "own.bin"
    own.write_bytes(os.urandom(20_000_000))
    code, output, errors = await demo(tmp_path, "--file", str(own))
    assert code == 0, output + errors
    titles = re.findall(r"^ *(\d+)  \w", output, re.MULTILINE)
    assert titles == [str(number) for number in range(1, 20)]
    assert output.endswith("demo: 19 steps passed\n")
    assert [path.name for path in left(tmp_path)] == ["own.bin"]


async def test_keep_leaves_it_running_with_an_empty_file_too(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.touch()
    code, output, errors = await demo(tmp_path, "--file", str(own), "--keep")
    assert code == 0, output + errors
    assert "\ndemo: 19 steps passed\n" in output
    match = re.search(r"^kill (\d+); rm -r (\S+)$", output, re.MULTILINE)
    assert match is not None
    try:
        fetch = re.search(r"^(curl --cacert .*) -OJ (\S+)$", output, re.MULTILINE)
        assert fetch is not None
        arguments = fetch[1].split()[1:]
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        given = [word for option in options.items() for word in option]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kade", "get", fetch[2], *given, "-o", str(tmp_path / "fetched")),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await asyncio.wait_for(process.wait(), TIMEOUT_S) == 0
        assert (tmp_path / "fetched").read_bytes() == b""
    finally:
        os.kill(int(match[1]), signal.SIGTERM)
    assert Path(match[2]).is_relative_to(tmp_path)


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    code, output, errors = await demo(tmp_path, "--file", "none.pdf")
    assert (code, output, errors) == (1, "", "kade: none.pdf is no file\n")


def test_expectations_say_what_came_instead() -> None:
    expect("sum", 2, 2)
    with pytest.raises(Unexpected, match=r"^sum: expected 3, got 2$"):
        expect("sum", 2, 3)
    require("it holds", True)
    with pytest.raises(Unexpected, match=r"^expected that it holds, but it is not so$"):
        require("it holds", False)


async def test_the_relay_cuts_once() -> None:
    received: list[int] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        total = 0
        try:
            while data := await reader.read(1 << 16):
                total += len(data)
            writer.write(b"thanks")
            await writer.drain()
        except ConnectionError:
            pass
        received.append(total)
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    body = bytes(1_000_000)
    async with server, Relay(server.sockets[0].getsockname()[1], 400_000) as relay:
        answers = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            try:
                writer.write(body)
                await writer.drain()
                writer.write_eof()
                answers.append(await reader.read())
            except ConnectionError:
                answers.append(b"")
            writer.close()
        assert answers == [b"", b"thanks"]
        assert (relay.cuts, relay.connections) == (1, 2)
    assert received[0] < len(body) == received[1]


def test_samples_are_those_in_examples(tmp_path: Path) -> None:
    samples.write_pdf(tmp_path / "delivery.pdf")
    samples.write_mail(tmp_path / "delivery.eml", tmp_path / "delivery.pdf")
    for name in ("delivery.pdf", "delivery.eml"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_the_pdf_s_table_is_true(tmp_path: Path) -> None:
    """Each entry of the cross-reference table leads to its object (ISO 32000-1, 7.5.4)."""
    samples.write_pdf(tmp_path / "long.pdf", "\n".join(f"line ({number}) \\ €" for number in range(120)))
    data = (tmp_path / "long.pdf").read_bytes()
    begin = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    assert data[begin:].startswith(b"xref\n0 ")
    entries = re.findall(rb"(\d{10}) 00000 n", data[begin:])
    assert len(entries) == 3 + 2 * 3
    for number, offset in enumerate(entries, start=1):
        assert data[int(offset) :].startswith(b"%d 0 obj" % number)


def test_the_mail_carries_the_pdf(tmp_path: Path) -> None:
    mail = message_from_bytes((EXAMPLES / "delivery.eml").read_bytes(), policy=policy.default)
    (attachment,) = mail.iter_attachments()
    assert attachment.get_filename() == "delivery.pdf"
    assert attachment.get_content() == (EXAMPLES / "delivery.pdf").read_bytes()
    assert "één" in str(mail["Subject"])


def test_the_tar_stays_below_its_size(tmp_path: Path) -> None:
    count = samples.write_tar(tmp_path / "python.tar", 3_000_000)
    with tarfile.open(tmp_path / "python.tar") as tar:
        assert len(tar.getnames()) == count > 10
    assert (tmp_path / "python.tar").stat().st_size <= 3_000_000 + 20_480
