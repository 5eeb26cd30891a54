"""A real IMAP server, Debian's dovecot, on free ports of loopback, with one account.

Tests that use it are marked ``@pytest.mark.needs("dovecot")``.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import grp
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from tests.support.requirements import program

USER = "info@example.org"
PASSWORD = "correct horse"  # noqa: S105
_READY_S = 10.0
_GRACE_S = 0.3
_MAIL_OWNER = "nobody"

_CONFIG = """
base_dir = {run}
state_dir = {run}
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/server.crt
ssl_key = <{folder}/server.key
disable_plaintext_auth = {only_encrypted}
auth_mechanisms = {mechanisms}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={run}/home
}}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{run}/mail:LAYOUT=fs
mailbox_list_index = no
auth_failure_delay = 0
# A message that a test delivers or removes counts at once.
maildir_very_dirty_syncs = no
mailbox_idle_check_interval = 1 secs
namespace inbox {{
  inbox = yes
  separator = {separator}
  mailbox Junk {{
    special_use = \\Junk
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  user = {user}
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = {plain_port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 50
}}
{more}
"""
# The server's parts have users of their own, made with its package; without being root all are our own.
_UNPRIVILEGED = """
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass
class Box:
    """A mailbox on a running server. Folders are named with slashes; ``INBOX`` is always there."""

    folder: Path
    mail: Path
    plain_port: int
    tls_port: int
    authorities: Path
    user: str = USER
    password: str = PASSWORD

    @property
    def plain(self) -> str:
        """The address of the port that begins without TLS, as a service's location."""
        return f"imap://{self.user}@127.0.0.1:{self.plain_port}"

    @property
    def tls(self) -> str:
        """The address of the port with TLS; its certificate is for *localhost* by ``authorities``."""
        return f"imaps://{self.user}@localhost:{self.tls_port}"

    _process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the server; it takes lines when this is over."""
        config = str(self.folder / "dovecot.conf")
        self._process = await asyncio.create_subprocess_exec(
            program("dovecot"), "-F", "-c", config, stderr=subprocess.PIPE, start_new_session=True
        )
        await _ready(self._process, self.plain_port, self.folder)

    async def stop(self) -> None:
        """Stop it, cutting all lines; once more is harmless."""
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            ended = asyncio.ensure_future(process.communicate())
            # With clients on the line it would take its time.
            await asyncio.wait([ended], timeout=_GRACE_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await ended

    async def restart(self) -> None:
        """Cut all lines, on the same ports."""
        await self.stop()
        await self.start()

    def deliver(self, folder: str, message: bytes, flags: str = "", received: int | None = None) -> Path:
        """Put a message into a folder, which is made when it is missing; the file that it became.

        *flags* are Maildir's letters (S seen, T deleted); *received* is when it came in, in Unix seconds.
        """
        maildir = self.maildir(folder)
        place = maildir / ("cur" if flags else "new")
        name = f"{int(time.time())}.{uuid.uuid4().hex}.test" + (f":2,{flags}" if flags else "")
        waiting = maildir / "tmp" / name
        waiting.write_bytes(message)
        if received is not None:
            os.utime(waiting, (received, received))
        _give_away(waiting)
        return waiting.rename(place / name)

    def maildir(self, folder: str) -> Path:
        """Where a folder's messages lie; it is made when it is missing."""
        path = self.mail
        for part in () if folder == "INBOX" else folder.split("/"):
            path /= part
            _make(path)
        for name in ("tmp", "new", "cur"):
            _make(path / name)
        return path

    def doveadm(self, *arguments: str) -> str:
        """Have the server's own tool do something to the mailbox: `doveadm <command> -u <user> …`."""
        command, *rest = arguments[0].split(), *arguments[1:]
        config = str(self.folder / "dovecot.conf")
        done = subprocess.run(
            ["doveadm", "-c", config, *command, "-u", self.user, *rest],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout


def message(subject: str, body: str = "Text.", *, number: int = 0, date: str = "", more: str = "") -> bytes:
    """A plain message; *number* makes its Message-ID, *more* are header lines that end in a line break."""
    told = date or "Thu, 21 Nov 2024 14:53:40 +0100"
    head = f"From: A. Sender <sender@example.org>\nTo: info@example.org\nSubject: {subject}\nDate: {told}\n"
    return (
        f"{head}Message-ID: <{number}.{zlib.crc32(subject.encode())}@example.org>\n{more}\n{body}\n".encode()
    )


@asynccontextmanager
async def running_dovecot(
    tmp_path: Path,
    *,
    only_encrypted: bool = False,
    mechanisms: str = "plain login",
    separator: str = "/",
    more: str = "",
) -> AsyncIterator[Box]:
    """A server for one account that is stopped at the end; *more* is added to its configuration."""
    folder = tmp_path / "dovecot"
    folder.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.crt"))
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(str(folder / "server.key"))
    (folder / "server.crt").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
    plain_port, tls_port = _free_ports()
    # Sockets want a short path, and the parts of the server a folder that they all may enter.
    run = Path(tempfile.mkdtemp(prefix="kade-dovecot-"))
    os.chmod(run, 0o755)  # noqa: PTH101, S103
    owner = {"user": getpass.getuser(), "group": grp.getgrgid(os.getegid()).gr_name}
    config = _CONFIG.format(
        folder=folder,
        run=run,
        **owner,
        mail_user=_MAIL_OWNER if os.geteuid() == 0 else owner["user"],
        mail_group="nogroup" if os.geteuid() == 0 else owner["group"],
        plain_port=plain_port,
        tls_port=tls_port,
        only_encrypted="yes" if only_encrypted else "no",
        mechanisms=mechanisms,
        separator=separator,
        more=more if os.geteuid() == 0 else more + _UNPRIVILEGED.format(**owner),
    )
    (folder / "dovecot.conf").write_text(config)
    box = Box(folder, run / "mail", plain_port, tls_port, folder / "authority.crt")
    for made in (run / "home", run / "mail"):
        _make(made)
    box.maildir("INBOX")
    try:
        await box.start()
        yield box
    finally:
        await box.stop()
        shutil.rmtree(run)


async def _ready(process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
    for _ in range(int(_READY_S / 0.02)):
        if process.returncode is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        await writer.wait_closed()
        return
    log = folder / "dovecot.log"
    said = log.read_text() if log.exists() else ""
    if process.returncode is not None and process.stderr is not None:
        said += (await process.stderr.read()).decode()
    raise RuntimeError(f"dovecot did not start: {said}")


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def _make(path: Path) -> None:
    if not path.is_dir():
        path.mkdir()
        _give_away(path)


def _give_away(path: Path) -> None:
    """The server touches no mail as root."""
    if os.geteuid() == 0:
        shutil.chown(path, _MAIL_OWNER, "nogroup")
