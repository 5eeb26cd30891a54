"""The commands as people run them: a process each, against servers on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from tests.client.servers import FileServer, TusServer, running
from tests.support.fork_server import run_forked

from kade.cli import main

CONTENT = hashlib.shake_256(b"content").digest(500_000)


@dataclass(frozen=True)
class Result:
    code: int
    output: str
    errors: str


class Shell:
    """Runs `kade` in a folder of its own, with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KADE_")}
        self.environ = {**kept, "XDG_STATE_HOME": str(folder / "state")}

    async def start(self, *arguments: str, **environ: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kade", *arguments),
            cwd=self.folder,
            env={**self.environ, **environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Where the tests run in the background, it is ignored, and would be in all that they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    async def __call__(self, *arguments: str, **environ: str) -> Result:
        environment = {**self.environ, **environ}
        done = await asyncio.to_thread(run_forked, arguments, environment, 60, self.folder)
        return Result(done.returncode, done.stdout, done.stderr)


async def finish(process: asyncio.subprocess.Process) -> Result:
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return Result(process.returncode, output.decode(), errors.decode())


@pytest.fixture
def kade(tmp_path: Path) -> Shell:
    (tmp_path / "rapport.pdf").write_bytes(CONTENT)
    return Shell(tmp_path)


def read(path: Path) -> bytes:
    return path.read_bytes()


async def test_put_prints_the_address(kade: Shell) -> None:
    server = TusServer(cut_after=[200_000], serve_digest=True)
    async with running(server) as base:
        result = await kade("put", "rapport.pdf", f"{base}/files/upload")
    assert (result.code, result.output) == (0, f"{base}/files/upload/u0\n")
    assert "; trying again in 0." in result.errors
    assert "sent 500.0 kB in " in result.errors
    assert "SHA-256 compared" in result.errors
    assert bytes(server.uploads["u0"]) == CONTENT


async def test_put_as_json_says_the_same(kade: Shell) -> None:
    server = TusServer()
    async with running(server) as base:
        result = await kade(
            "put",
            "rapport.pdf",
            f"{base}/files/upload",
            "--json",
            "-q",
            "--name",
            "x.txt",
            "--part-size",
            "200kB",
        )
    said = json.loads(result.output)
    assert said.pop("seconds") > 0
    assert said == {"url": f"{base}/files/upload/u0", "size": 500_000, "sha256": None}
    assert server.metadata["filename"] == "x.txt"
    assert server.metadata["filetype"] == "text/plain"
    assert server.log == ["POST", "PATCH", "PATCH", "PATCH", "GET"]


async def test_put_that_was_interrupted_goes_on(kade: Shell) -> None:
    server = TusServer(stall=True)
    async with running(server) as base:
        first = await kade.start("put", "rapport.pdf", f"{base}/files/upload")
        await server.patched.wait()
        first.send_signal(signal.SIGINT)
        interrupted = await finish(first)
        result = await kade("put", "rapport.pdf", f"{base}/files/upload")
    assert interrupted.code == 130
    assert "Traceback" not in interrupted.errors
    assert (result.code, result.output) == (0, f"{base}/files/upload/u0\n")
    assert server.log == ["POST", "PATCH", "HEAD", "PATCH", "GET"]


async def test_get_takes_the_name_of_the_server(kade: Shell) -> None:
    server = FileServer(CONTENT, disposition='attachment; filename="jaar.pdf"', cut_after=[100_000])
    async with running(server) as base:
        result = await kade("get", f"{base}/files/download/abc", "--bearer", "hush")
        again = await kade("get", f"{base}/files/download/abc", KADE_KEY="hush")
        forced = await kade("get", f"{base}/files/download/abc", "--force", "--json")
    assert (result.code, result.output) == (0, "jaar.pdf\n")
    assert read(kade.folder / "jaar.pdf") == CONTENT
    assert (again.code, again.output) == (1, "")
    assert again.errors == "kade: jaar.pdf is there already; --force replaces it\n"
    assert json.loads(forced.output)["path"] == "jaar.pdf"
    assert server.authorization == ["Bearer hush"] * 4 + [None] * 2


async def test_get_writes_where_it_is_told(kade: Shell) -> None:
    async with running(FileServer(CONTENT, repr_digest=CONTENT)) as base:
        result = await kade("get", f"{base}/abc", "-o", "elsewhere.bin")
    assert (result.code, result.output) == (0, "elsewhere.bin\n")
    assert "SHA-256 compared" in result.errors
    assert read(kade.folder / "elsewhere.bin") == CONTENT


async def service(request: web.Request) -> web.StreamResponse:
    """The part of the service API that `ls` asks, with one finished and one unfinished upload."""
    if request.headers.get("Authorization") != "Bearer hush":
        return web.Response(status=401)
    if request.path == "/service/rest/v1/files":
        return web.json_response(["abc", "half"])
    if request.path == "/service/rest/v1/files/abc/info":
        info = {
            "path": "abc",
            "name": "a\x1b[2Jb.txt",
            "length": 1_500_000,
            "userId": 7,
            "contentType": "text/plain",
        }
        return web.json_response({**info, "timestamp": "2024-09-30T12:00:00.123Z"})
    return web.Response(status=500, text='"A unexpected error occurred!"')


async def test_ls_lists_files_and_what_is_known_of_them(kade: Shell) -> None:
    async with running(service) as base:
        result = await kade("ls", base, KADE_KEY="hush")
        paths = await kade("ls", f"{base}/service/rest/v1/files", "--paths", "--bearer", "hush")
        as_json = await kade("ls", base, "--json", "--bearer", "hush")
    assert [line.split() for line in result.output.splitlines()] == [
        ["PATH", "USER", "SIZE", "TIME", "TYPE", "NAME"],
        ["abc", "7", "1.5", "MB", "2024-09-30T12:00:00.123Z", "text/plain", "a\\x1b[2Jb.txt"],
        ["half", "-", "-", "-", "-", "-"],
    ]
    assert paths.output == "abc\nhalf\n"
    assert [file["path"] for file in json.loads(as_json.output)] == ["abc", "half"]


async def test_ls_without_the_key_is_refused_with_a_sentence(kade: Shell) -> None:
    async with running(service) as base:
        result = await kade("ls", base)
    assert (result.code, result.output) == (1, "")
    assert result.errors.startswith("kade: http://127.0.0.1")
    assert "the server answered 401: it does not know this certificate or key" in result.errors


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["put", "{folder}/none", "http://127.0.0.1:1/"], 1, "none: No such file or directory"),
        (["put", "{file}", "nowhere"], 1, "kade: 'nowhere' is no complete URL such as https://host/path"),
        (["put", "{file}", "http://x/", "--key", "a"], 1, "kade: a key was given without its certificate"),
        (["put", "{file}", "http://x/", "--part-size", "0"], 2, "--part-size is '0', but must be a size"),
        (["put", "{file}", "http://127.0.0.1:1/", "--retries", "1"], 1, "after 1 attempts without progress"),
        (["put", "{file}"], 2, "see `kade put --help`"),
        (["get", "x", "--nope"], 2, "see `kade get --help`"),
        (["nope"], 2, "see `kade --help`"),
        (
            ["--config", "{folder}/none.toml", "config"],
            2,
            "none.toml: cannot be read: No such file or directory",
        ),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, sentence: str
) -> None:
    file = tmp_path / "rapport.pdf"
    file.write_bytes(CONTENT)
    assert main([argument.format(folder=tmp_path, file=file) for argument in arguments]) == code
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


async def test_config_shows_values_and_origins(kade: Shell) -> None:
    write(kade.folder / "kade.toml", "[web]\nport = 9000\n")
    result = await kade("config", KADE_LOG_LEVEL="debug", KADE_CATALOG_URL="postgresql://u:hush@db/kade")
    lines = dict(line.split(" = ", 1) for line in result.output.splitlines())
    assert lines["web.port"].split() == ["9000", "#", "file"]
    assert lines["log.level"].split() == ['"debug"', "#", "KADE_LOG_LEVEL"]
    assert lines["catalog.readers"].split() == ["4", "#", "default"]
    assert "hush" not in result.output
    as_json = json.loads((await kade("config", "--json")).output)
    assert as_json["web.port"] == {"value": 9000, "origin": "file"}
    assert as_json["storage.buffer_pool"] == {"value": "48MiB", "origin": "default"}


async def test_config_reads_the_file_it_is_told(kade: Shell) -> None:
    write(kade.folder / "other.toml", "[web]\nprot = 9000\n")
    for result in (
        await kade("--config", "other.toml", "config"),
        await kade("config", KADE_CONFIG="other.toml"),
    ):
        assert result.code == 2
        assert result.errors == "kade: other.toml:2: there is no key web.prot; did you mean web.port?\n"


def write(path: Path, text: str) -> None:
    path.write_text(text)


async def test_help_and_version_are_there(kade: Shell) -> None:
    result = await kade()
    assert (result.code, result.output) == (2, "")
    assert "Commands:" in result.errors
    assert (await kade("--version")).output.startswith("kade 0.")
    shown = await kade("put", "--help")
    assert shown.code == 0
    assert "--part-size" in shown.output


async def test_help_imports_nothing_heavy(kade: Shell) -> None:
    """The command line starts fast because libraries are imported by the command that needs them."""
    program = (
        "import sys; from kade.cli import main; main(['--help']); "
        "sys.exit(' '.join({'aiohttp', 'cryptography', 'rich', 'msgspec', 'sqlalchemy'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert (await finish(process)).errors.strip() == ""
