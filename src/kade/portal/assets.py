"""Style and scripts as they were built: their names carry a hash of their content, so they never change."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

FOLDER = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".txt": "text/plain", ".svg": "image/svg+xml"}
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}


class NotBuiltError(Exception):
    """The pages' style and scripts are not built: run ``make frontend``."""


class Assets:
    """What was built, served below *prefix*."""

    def __init__(self, prefix: str, folder: Path = FOLDER) -> None:
        self._prefix = prefix
        self._folder = folder

    def url(self, name: str) -> str:
        """Where the asset is that was built from *name*. Raises NotBuiltError."""
        return f"{self._prefix}/{self._manifest[name]}"

    async def handle(self, request: Request) -> Response:
        """One asset; whoever has it need not ask again."""
        name = request.path_params["name"]
        kind = _TYPES.get(Path(name).suffix)
        if kind is None or name not in self._served:
            return PlainTextResponse("Not Found", 404, headers=_HEADERS)
        lasting = "public, max-age=31536000, immutable" if name != "licenses.txt" else "no-cache"
        headers = {**_HEADERS, "Cache-Control": lasting}
        return FileResponse(self._folder / name, media_type=kind, headers=headers)

    @cached_property
    def _manifest(self) -> Mapping[str, str]:
        try:
            manifest: dict[str, str] = json.loads((self._folder / "manifest.json").read_bytes())
        except FileNotFoundError as error:
            raise NotBuiltError(NotBuiltError.__doc__) from error
        return manifest

    @cached_property
    def _served(self) -> frozenset[str]:
        return frozenset({*self._manifest.values(), "licenses.txt"})
