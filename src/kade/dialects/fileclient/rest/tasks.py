"""What requests about tasks of either kind have in common."""

from collections.abc import Callable, Collection

from starlette.requests import Request

from kade.core.errors import KadeError, RequestReason
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.tasks import Task
from kade.dialects.fileclient.wire import Status
from kade.services import tasks

_ACTIONS: dict[str, Callable[[Tx, Caller, Task], Task]] = {
    "pause": tasks.pause,
    "resume": tasks.resume,
    "cancel": tasks.cancel,
}


def statuses(request: Request) -> Collection[Status]:
    """Those that the query asks for; none: all. Raises KadeError(``RequestReason.BAD_VALUE``)."""
    try:
        return {Status(each) for each in request.query_params.getlist("status")}
    except ValueError as error:
        raise KadeError(RequestReason.BAD_VALUE, "status") from error


def act(request: Request) -> Callable[[Tx, Caller, Task], Task]:
    """What the last part of the path asks for. Raises KadeError(``RequestReason.UNKNOWN_PATH``)."""
    verb = _ACTIONS.get(request.path_params["action"])
    if verb is None:
        raise KadeError(RequestReason.UNKNOWN_PATH)
    return verb
