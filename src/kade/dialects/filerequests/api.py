"""What stands at the API's paths."""

from collections.abc import Sequence
from pathlib import Path

from starlette.routing import Route, Router

from kade.dialects.filerequests.answers import Answers
from kade.dialects.filerequests.customers import Customers
from kade.dialects.filerequests.door import Door, RateHeaders, Scope, scoped
from kade.dialects.filerequests.errors import refuse
from kade.dialects.filerequests.files import FORM, JSON, Files
from kade.dialects.filerequests.links import DownloadLinks
from kade.dialects.filerequests.requests import Requests
from kade.dialects.filerequests.settings import Settings
from kade.dialects.filerequests.shares import Shares
from kade.dialects.filerequests.webhooks import Webhooks
from kade.dialects.filerequests.wire import Wire
from kade.web import openapi
from kade.web.dialect import Kit
from kade.web.mounts import Mount
from kade.web.openapi import Document
from kade.web.operation import AnyMethod, operation
from kade.web.rate_limits import RateLimits, Rates
from kade.web.rest import Operation, RestRouter

INSTANCE = "filerequests"
_CONTRACT = Path(__file__).parent / "openapi.yaml"


def wire_of(kit: Kit, settings: Settings) -> Wire:
    """The shapes of answers, with the addresses that stand in them."""
    pages, shares = settings.request_path, settings.share_path
    return Wire(lambda: kit.bases["web"], settings.path, pages, shares, settings.zone)


class FileRequestsApi:
    """One instance of the dialect, as a process serves it."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._settings = settings
        self._limits = RateLimits(Rates(settings.calls_per_minute, settings.calls_per_minute))
        self._door = Door(kit, self._limits)
        self._links = DownloadLinks(kit, settings.link_path, self._server, settings.link_lifetime)

    def mounts(self) -> Sequence[Mount]:
        """Everything, on the web listener."""
        path, audit = self._settings.path, self._kit.audit
        rest = RestRouter(INSTANCE, path, self.operations(), self._door.caller, refuse, audit)
        documents = openapi.routes(path, self._document)
        limited = RateHeaders(rest.app, self._limits)
        api = Router(documents, redirect_slashes=False, default=limited)
        follow = operation(f"{INSTANCE}.followLink", self._links.follow, refuse, audit)
        lead = self._settings.link_path
        leading = Router([Route(f"{lead}/{{token}}", AnyMethod(follow))], redirect_slashes=False)
        return [Mount(INSTANCE, "web", path, api), Mount(INSTANCE, "web", lead, leading)]

    def operations(self) -> list[Operation]:
        """What the contract describes."""
        kit, settings = self._kit, self._settings
        answers = Answers(kit.catalog, wire_of(kit, settings), kit.sealer, settings.created_status)
        asked = Requests(answers, settings.largest_file)
        customers = Customers(answers)
        files = Files(kit, answers, self._links)
        shared = Shares(answers)
        look, give = Scope.READ_SHARES, Scope.WRITE_SHARES
        gifts, gift = "/file-shares", "/file-shares/{share}"
        hooks = Webhooks(answers, settings)
        hear, call = Scope.READ_WEBHOOKS, Scope.WRITE_WEBHOOKS
        read, write = Scope.READ_REQUESTS, Scope.WRITE_REQUESTS
        see, know = Scope.READ_FILES, Scope.READ_CUSTOMERS
        put, keep = Scope.WRITE_FILES, Scope.WRITE_CUSTOMERS
        requests, request = "/file-requests", "/file-requests/{request}"
        people, person = "/customers", "/customers/{customer}"
        shelf, file = "/files", "/files/{file}"
        ears, ear = "/webhooks", "/webhooks/{webhook}"
        json = (JSON,)
        return [
            Operation("listFileRequests", "GET", requests, scoped(read, asked.list), reads="request.listed"),
            Operation("createFileRequest", "POST", requests, scoped(write, asked.create), consumes=json),
            Operation("getFileRequest", "GET", request, scoped(read, asked.get), reads="request.read"),
            Operation("deleteFileRequest", "DELETE", request, scoped(write, asked.delete)),
            Operation("listCustomers", "GET", people, scoped(know, customers.list), reads="contact.listed"),
            Operation("createCustomer", "POST", people, scoped(keep, customers.create), consumes=json),
            Operation("getCustomer", "GET", person, scoped(know, customers.get), reads="contact.read"),
            Operation("changeCustomer", "PATCH", person, scoped(keep, customers.change), consumes=json),
            Operation("deleteCustomer", "DELETE", person, scoped(keep, customers.delete)),
            Operation("listFiles", "GET", shelf, scoped(see, files.list), reads="file.listed"),
            Operation("createFile", "POST", shelf, scoped(put, files.create), consumes=(JSON, FORM)),
            Operation("getFile", "GET", file, scoped(see, files.get), reads="file.described"),
            Operation("deleteFile", "DELETE", file, scoped(put, files.delete)),
            Operation("listFileShares", "GET", gifts, scoped(look, shared.list), reads="share.listed"),
            Operation("createFileShare", "POST", gifts, scoped(give, shared.create), consumes=json),
            Operation("getFileShare", "GET", gift, scoped(look, shared.get), reads="share.read"),
            Operation("deleteFileShare", "DELETE", gift, scoped(give, shared.delete)),
            Operation("listWebhooks", "GET", ears, scoped(hear, hooks.list), reads="webhook.listed"),
            Operation("createWebhook", "POST", ears, scoped(call, hooks.create), consumes=json),
            Operation("getWebhook", "GET", ear, scoped(hear, hooks.get), reads="webhook.read"),
            Operation("deleteWebhook", "DELETE", ear, scoped(call, hooks.delete)),
            Operation(
                "downloadFile", "GET", f"{file}/download", scoped(see, files.download), reads="file.linked"
            ),
        ]

    def _server(self) -> str:
        return self._kit.bases["web"]

    def _document(self) -> Document:
        return Document.load(_CONTRACT, self._server() + self._settings.path)
