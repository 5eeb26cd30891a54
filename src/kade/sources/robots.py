"""robots.txt (RFC 9309): what a site allows us to ask for, and how often."""

import re
import string
from dataclasses import dataclass, field

LONGEST = 512 * 1024
"""Bytes of a robots.txt that count; RFC 9309, 2.5, asks for 500 KiB at least."""
_LONGEST_DELAY_S = 30.0
_MOST_SITEMAPS = 50
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")


@dataclass(slots=True)
class Robots:
    """What holds for one agent: rules (whether they allow, and the path they are about), the pause between
    requests in seconds, and the addresses of sitemaps. Without rules everything is allowed."""

    rules: list[tuple[bool, str]] = field(default_factory=list)
    delay: float = 0.0
    sitemaps: list[str] = field(default_factory=list)

    def allows(self, path: str) -> bool:
        """Whether *path*, with its query, may be asked for: the longest rule decides, of two alike the one
        that allows (2.2.2)."""
        wanted = _normal(path)
        if wanted == "/robots.txt":
            return True
        longest, allowed = -1, True
        for allows, pattern in self.rules:
            if len(pattern) < longest or (len(pattern) == longest and not allows):
                continue
            if _matches(pattern, wanted):
                longest, allowed = len(pattern), allows
        return allowed


def parse(body: bytes, agent: str) -> Robots:
    """The rules for *agent* (a product name in lower case) in a robots.txt: those of the groups that name it,
    or else of the groups for all. What lies behind half a mebibyte is not looked at."""
    named, common, sitemaps = Robots(), Robots(), list[str]()
    is_named, agents, in_rules = False, list[str](), True
    for line in re.split(r"\r\n|\r|\n", body[:LONGEST].decode("utf-8-sig", "replace")):
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if in_rules:
                agents, in_rules = [], False
            agents.append(_product(value))
            is_named = is_named or agents[-1] == agent
        elif key == "sitemap":
            sitemaps = [*sitemaps, value][:_MOST_SITEMAPS]
        elif key in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for group, name in ((named, agent), (common, "*")):
                if name in agents:
                    _add(group, key, value)
    found = named if is_named else common
    return Robots(found.rules, found.delay, sitemaps)


def _add(group: Robots, key: str, value: str) -> None:
    if key == "crawl-delay":
        try:
            told = float(value)
        except ValueError:
            return
        if told > 0:
            group.delay = min(told, _LONGEST_DELAY_S)
    elif value.startswith(("/", "*")):
        group.rules.append((key == "allow", _normal(value)))


def _product(value: str) -> str:
    """``Kade/1.0 (+http://…)`` names the product ``kade``."""
    found = re.match(r"\*|[A-Za-z_-]+", value)
    return found[0].lower() if found else ""


def _matches(pattern: str, path: str) -> bool:
    """Whether a rule is about a path (2.2.3): from its beginning, ``*`` for anything, ``$`` for the end.

    Each part is looked for once, from left to right, so that no pattern takes long.
    """
    whole = pattern.endswith("$")
    first, *parts = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    position = len(first)
    if not parts:
        return not whole or position == len(path)
    *middle, last = parts
    for part in middle:
        found = path.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    if whole:
        return len(path) - len(last) >= position and path.endswith(last)
    return path.find(last, position) >= 0


def _normal(path: str) -> str:
    """One spelling: what need not be percent-encoded is not, all else in capitals (2.2.2)."""

    def spelled(found: re.Match[str]) -> str:
        char = chr(int(found[1], 16))
        return char if char in _UNRESERVED else f"%{found[1].upper()}"

    encoded = "".join(
        char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in path
    )
    return _PERCENT.sub(spelled, encoded)
