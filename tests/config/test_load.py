"""One file and the environment become one configuration, or one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from kade.config import Config, ConfigError, Duration, Secret, Size, documented_keys, load


class Inner(msgspec.Struct, frozen=True):
    depth: Annotated[int, Meta(ge=1, description="Folders below each other.")] = 3


class Toy(msgspec.Struct, frozen=True):
    """A section as a dialect brings one."""

    path: Annotated[str, Meta(description="Where it is mounted.")] = "/toy"
    share: Annotated[Path | None, Meta(description="A folder.")] = None
    names: Annotated[dict[str, str], Meta(description="Names by key.")] = msgspec.field(default_factory=dict)
    token: Annotated[str, Meta(description="A password."), Secret.WHOLE] = ""
    inner: Inner = Inner()


TOY = {"dialects.toy": Toy}


def file(folder: Path, text: str) -> Path:
    path = folder / "kade.toml"
    path.write_text(text)
    return path


def refusal(path: Path | None, environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ, TOY)
    return str(caught.value)


def test_without_file_and_variables_everything_is_default() -> None:
    config = load(None, {"PATH": "/bin"})
    assert config.web.port == 8080
    assert config.exchange.client_certificates == "required"
    assert config.exchange.certificate == Path.cwd() / "pki/server.crt"
    assert config.web.certificate is None
    assert config.storage.buffer_pool == 48 << 20
    assert config.uploads.expire_after == Duration("24h")
    assert set(config.origins.values()) == {"default"}
    assert list(config.origins) == documented_keys()


def test_the_environment_wins_over_the_file_and_each_origin_is_known(tmp_path: Path) -> None:
    path = file(tmp_path, '[web]\nport = 9000\nhost = "::1"\n[storage]\ngrace = "2h"\n')
    config = load(path, {"KADE_WEB_PORT": "9001", "KADE_UPLOADS_MAX_SIZE": "1GB"})
    assert (config.web.port, config.web.host) == (9001, "::1")
    assert config.storage.grace == Duration("2h")
    assert config.uploads.max_size == Size("1GB")
    named = {key: origin for key, origin in config.origins.items() if origin != "default"}
    assert named == {
        "web.host": "file",
        "web.port": "KADE_WEB_PORT",
        "storage.grace": "file",
        "uploads.max_size": "KADE_UPLOADS_MAX_SIZE",
    }


def test_paths_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, '[data]\nfolder = "store"\n[exchange]\nclient_ca = ""\n')
    config = load(path, {"KADE_EXCHANGE_KEY": "/keys/server.key"})
    assert config.data.folder == tmp_path / "store"
    assert config.exchange.certificate == tmp_path / "pki/server.crt"
    assert config.exchange.key == Path("/keys/server.key")
    assert config.exchange.client_ca is None


def test_further_sections_are_read_like_our_own(tmp_path: Path) -> None:
    text = '[dialects.toy]\nshare = "in"\nnames = {a = "b"}\n[dialects.toy.inner]\ndepth = 5\n'
    config = load(file(tmp_path, text), {"KADE_DIALECTS_TOY_PATH": "/x"}, TOY)
    toy = config.section("dialects.toy", Toy)
    assert toy == Toy(path="/x", share=tmp_path / "in", names={"a": "b"}, inner=Inner(depth=5))
    assert config.section("dialects.toy") is toy
    assert config.section("web") is config.web
    assert (
        load(None, {"KADE_DIALECTS_TOY_INNER_DEPTH": "7"}, TOY).section("dialects.toy", Toy).inner.depth == 7
    )
    assert load(None, {"KADE_DIALECTS_TOY_NAMES": '{"a":"b"}'}, TOY).section("dialects.toy", Toy).names == {
        "a": "b"
    }


def test_a_section_that_is_not_there_or_of_another_kind_is_an_error() -> None:
    config = load(None, {}, TOY)
    with pytest.raises(KeyError):
        config.section("dialects.other")
    with pytest.raises(KeyError):
        config.section("origins")
    with pytest.raises(TypeError, match="no Inner"):
        config.section("dialects.toy", Inner)


def test_lists_in_variables_are_parted_by_commas() -> None:
    config = load(None, {"KADE_WEB_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16,"})
    assert config.web.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")
    assert load(None, {"KADE_WEB_TRUSTED_PROXIES": ""}).web.trusted_proxies == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[web]\nhost = 'x'\nprot = 1", ":3: there is no key web.prot; did you mean web.port?"),
        ("[wbe]\nport = 1", ":1: there is no key wbe; did you mean web?"),
        ("web.port = 70000", ":1: web.port is 70000, but must be a whole number from 0 to 65535"),
        ("[web]\n\nport = '80'", ":3: web.port is '80', but must be a whole number from 0 to 65535"),
        ("[web]\ntls = 'yes'", ":2: web.tls is 'yes', but must be true or false"),
        ("web = 3", ":1: web is a section, written [web], and not a value"),
        ("[log]\nformat = 'xml'", ":2: log.format is 'xml', but must be one of json, console"),
        ("[dialects]\ntoy = 1", ":2: dialects.toy is a section, written [dialects.toy], and not a value"),
        (
            "[dialects.toy.inner]\ndepth = 0",
            ":2: dialects.toy.inner.depth is 0, but must be a whole number, at least 1",
        ),
        ("web = {port = 'x'}", ":1: web.port is 'x', but must be a whole number from 0 to 65535"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = file(tmp_path, text)
    assert refusal(path, {}) == f"{path}{sentence}"


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("KADE_WEB_PROT", "1", "KADE_WEB_PROT: no key has this variable; did you mean KADE_WEB_PORT?"),
        ("KADE_WEB_PORT", "x", "KADE_WEB_PORT: web.port is 'x', but must be a whole number"),
        (
            "KADE_STORAGE_GRACE",
            "1 week",
            "storage.grace is '1 week', but must be a duration (a number of seconds",
        ),
        ("KADE_STORAGE_FLUSH_BYTES", "1KB", "at least 64KiB"),
        ("KADE_DATA_FOLDER", "", "data.folder is '', but must be a path"),
        ("KADE_DIALECTS_TOY_NAMES", "{", "dialects.toy.names is '{', but must be a table"),
        ("KADE_CATALOG_READERS", "0", "catalog.readers is '0', but must be a whole number, at least 1"),
    ],
)
def test_a_mistake_in_a_variable_is_named(variable: str, value: str, part: str) -> None:
    assert part in refusal(None, {variable: value})


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        ({"KADE_WEB_TLS": "true"}, "section [web]: tls needs both certificate and key"),
        ({"KADE_EXCHANGE_TLS": "false"}, 'client_certificates = "required" needs tls or'),
        ({"KADE_WEB_CLIENT_CERTIFICATE_HEADER": "X-Cert"}, "needs trusted_proxies"),
        ({"KADE_WEB_TRUSTED_PROXIES": "proxy"}, "'proxy' is no address or network"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(environ: dict[str, str], part: str) -> None:
    assert part in refusal(None, environ)


def test_a_bad_secret_is_not_shown() -> None:
    sentence = refusal(None, {"KADE_CATALOG_URL": "mysql://kade:hush@db"})
    assert "catalog.url" in sentence
    assert "hush" not in sentence


def test_secrets_are_masked_among_the_entries() -> None:
    environ = {"KADE_CATALOG_URL": "postgresql://kade:hush@db/kade", "KADE_DIALECTS_TOY_TOKEN": "hush"}
    config = load(None, environ, TOY)
    assert config.catalog.url == environ["KADE_CATALOG_URL"]
    shown = {entry.key: (entry.value, entry.origin) for entry in config.entries()}
    assert shown["catalog.url"] == ("postgresql://kade:***@db/kade", "KADE_CATALOG_URL")
    assert shown["dialects.toy.token"] == ("***", "KADE_DIALECTS_TOY_TOKEN")
    assert shown["storage.buffer_pool"] == ("48MiB", "default")
    assert "hush" not in repr(config.entries())


def test_the_variables_of_commands_and_tests_are_let_through() -> None:
    assert isinstance(
        load(None, {"KADE_CONFIG": "x", "KADE_KEY": "y", "KADE_TEST_PG": "z", "KADE_CRASH_SEED": "1"}), Config
    )


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"[web", "is not valid TOML"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_a_file_that_cannot_be_understood_is_named(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "kade.toml"
    path.write_bytes(content)
    assert refusal(path, {}).startswith(f"{path}: {part}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "none.toml", {})


def test_two_keys_with_one_variable_are_a_mistake_in_the_program() -> None:
    class Clash(msgspec.Struct):
        toy_path: Annotated[str, Meta(description="Another.")] = ""

    with pytest.raises(ValueError, match="share the variable KADE_DIALECTS_TOY_PATH"):
        load(None, {}, {**TOY, "dialects": Clash})


def test_a_key_without_documentation_is_a_mistake_in_the_program() -> None:
    class Bare(msgspec.Struct):
        port: int = 1

    with pytest.raises(ValueError, match=r"dialects\.bare\.port has no documentation"):
        documented_keys({"dialects.bare": Bare})


def test_a_key_without_default_must_be_set() -> None:
    class Needy(msgspec.Struct):
        kind: Annotated[Literal["a", "b"], Meta(description="One of two.")]

    with pytest.raises(ConfigError, match=r"needy\.kind must be set"):
        load(None, {}, {"needy": Needy})
    assert load(None, {"KADE_NEEDY_KIND": "a"}, {"needy": Needy}).section("needy", Needy).kind == "a"
