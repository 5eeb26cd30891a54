"""Everything that can be refused, as closed sets of reasons.

A refusal is a code (what kind of trouble), a reason (which rule of which noun) and a subject.
Core holds no sentences for users: each dialect maps (code, reason) to its own wire shape.
"""

import re
from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import ClassVar

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Code(StrEnum):
    """What kind of trouble it is; dialects choose a status by it."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    GONE = "gone"
    CONFLICT = "conflict"
    OFFSET_MISMATCH = "offset_mismatch"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    LOCKED = "locked"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    RANGE = "range"
    PRECONDITION = "precondition"
    UNSUPPORTED = "unsupported"
    TOO_MANY = "too_many"
    NO_SPACE = "no_space"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class Reason(Enum):
    """One rule that can be broken: its value is (name, code)."""

    @property
    def code(self) -> Code:
        """The kind of trouble that this reason always is."""
        code: Code = self.value[1]
        return code

    def __str__(self) -> str:
        return f"{self.noun}.{self.value[0]}"

    @property
    def noun(self) -> str:
        """The noun whose rule it is, for logs, metrics and the audit trail."""
        return _WORD.sub("_", type(self).__name__.removesuffix("Reason")).lower()


class RequestReason(Reason):
    MALFORMED = ("malformed", Code.INVALID)
    MISSING_VALUE = ("missing_value", Code.INVALID)
    BAD_VALUE = ("bad_value", Code.INVALID)
    BAD_QUERY = ("bad_query", Code.INVALID)
    NOT_VALID = ("not_valid", Code.INVALID)
    LENGTH_REQUIRED = ("length_required", Code.INVALID)
    BODY_TOO_LARGE = ("body_too_large", Code.TOO_LARGE)
    UNKNOWN_PATH = ("unknown_path", Code.NOT_FOUND)
    METHOD_NOT_ALLOWED = ("method_not_allowed", Code.UNSUPPORTED)
    NOT_ACCEPTABLE = ("not_acceptable", Code.UNSUPPORTED)
    VERSION_UNSUPPORTED = ("version_unsupported", Code.PRECONDITION)
    HEADER_NOT_UNDERSTOOD = ("header_not_understood", Code.PRECONDITION)
    UNSUPPORTED_MEDIA_TYPE = ("unsupported_media_type", Code.UNSUPPORTED)
    LINE_CUT = ("line_cut", Code.INVALID)
    TOO_SLOW = ("too_slow", Code.TOO_SLOW)
    UNEXPECTED = ("unexpected", Code.INTERNAL)
    SHUTTING_DOWN = ("shutting_down", Code.UNAVAILABLE)
    RATE_LIMITED = ("rate_limited", Code.TOO_MANY)
    CATALOG_UNAVAILABLE = ("catalog_unavailable", Code.UNAVAILABLE)


class AccessReason(Reason):
    NO_CREDENTIAL = ("no_credential", Code.UNAUTHENTICATED)
    UNKNOWN_CREDENTIAL = ("unknown_credential", Code.UNAUTHENTICATED)
    REVOKED_CREDENTIAL = ("revoked_credential", Code.UNAUTHENTICATED)
    EXPIRED_CREDENTIAL = ("expired_credential", Code.UNAUTHENTICATED)
    REVOKED_BY_AUTHORITY = ("revoked_by_authority", Code.UNAUTHENTICATED)
    REVOCATION_UNKNOWN = ("revocation_unknown", Code.UNAUTHENTICATED)
    SPENT_HANDSHAKE = ("spent_handshake", Code.UNAUTHENTICATED)
    UNTRUSTED_CERTIFICATE = ("untrusted_certificate", Code.UNAUTHENTICATED)
    VERB_NOT_GRANTED = ("verb_not_granted", Code.FORBIDDEN)
    ADDRESS_NOT_ALLOWED = ("address_not_allowed", Code.FORBIDDEN)


class TenantReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    NAME_TAKEN = ("name_taken", Code.CONFLICT)
    BAD_NAME = ("bad_name", Code.INVALID)


class PrincipalReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    NAME_TAKEN = ("name_taken", Code.CONFLICT)
    BAD_NAME = ("bad_name", Code.INVALID)
    STILL_OWNS_FILES = ("still_owns_files", Code.CONFLICT)


class CredentialReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    ALREADY_REGISTERED = ("already_registered", Code.CONFLICT)
    NOT_A_CERTIFICATE = ("not_a_certificate", Code.INVALID)


class TokenReason(Reason):
    """Access tokens: what is refused to whoever asks for one (RFC 6749, 5.2), and to whoever brings one."""

    UNSUPPORTED_GRANT = ("unsupported_grant", Code.INVALID)
    SCOPE_NOT_GRANTED = ("scope_not_granted", Code.INVALID)
    SCOPE_MISSING = ("scope_missing", Code.FORBIDDEN)
    TENANT_NOT_GRANTED = ("tenant_not_granted", Code.FORBIDDEN)


class SigningKeyReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)


class SpaceReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    NAME_TAKEN = ("name_taken", Code.CONFLICT)
    BAD_NAME = ("bad_name", Code.INVALID)
    NOT_EMPTY = ("not_empty", Code.CONFLICT)
    NUMBER_TAKEN = ("number_taken", Code.CONFLICT)
    BAD_POLICY = ("bad_policy", Code.INVALID)


class BusinessTypeReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    NUMBER_TAKEN = ("number_taken", Code.CONFLICT)
    BAD_NAME = ("bad_name", Code.INVALID)
    WRONG_DIRECTION = ("wrong_direction", Code.CONFLICT)
    IN_USE = ("in_use", Code.CONFLICT)


class RuleReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    EXISTS = ("exists", Code.CONFLICT)
    SAME_SPACE = ("same_space", Code.INVALID)


class GrantReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)


class QuotaReason(Reason):
    EXCEEDED = ("exceeded", Code.NO_SPACE)


class FileReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    BAD_NAME = ("bad_name", Code.INVALID)
    NAME_REFUSED = ("name_refused", Code.INVALID)
    BAD_MEDIA_TYPE = ("bad_media_type", Code.INVALID)
    BAD_TIME_FRAME = ("bad_time_frame", Code.INVALID)
    INCOMPLETE = ("incomplete", Code.NOT_FOUND)
    NOT_YET_OR_NO_LONGER = ("not_yet_or_no_longer", Code.NOT_FOUND)
    CONTENT_GONE = ("content_gone", Code.GONE)
    CHECKSUM_MISMATCH = ("checksum_mismatch", Code.CHECKSUM_MISMATCH)
    RANGE_NOT_SATISFIABLE = ("range_not_satisfiable", Code.RANGE)
    WRONG_STATE = ("wrong_state", Code.CONFLICT)
    CONDITION_FAILED = ("condition_failed", Code.PRECONDITION)


class UploadReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    BAD_LENGTH = ("bad_length", Code.INVALID)
    LENGTH_EXCEEDED = ("length_exceeded", Code.TOO_LARGE)
    LENGTH_CHANGED = ("length_changed", Code.INVALID)
    MAX_SIZE = ("max_size", Code.TOO_LARGE)
    BAD_METADATA = ("bad_metadata", Code.INVALID)
    METADATA_TOO_LARGE = ("metadata_too_large", Code.TOO_LARGE)
    OFFSET_MISMATCH = ("offset_mismatch", Code.OFFSET_MISMATCH)
    CHECKSUM_MISMATCH = ("checksum_mismatch", Code.CHECKSUM_MISMATCH)
    CHECKSUM_UNSUPPORTED = ("checksum_unsupported", Code.INVALID)
    LOCKED = ("locked", Code.LOCKED)
    TAKEN_OVER = ("taken_over", Code.LOCKED)
    FINISHED = ("finished", Code.FORBIDDEN)
    FINAL_IS_READ_ONLY = ("final_is_read_only", Code.FORBIDDEN)
    NOT_A_PART = ("not_a_part", Code.INVALID)
    PARTS_MISSING = ("parts_missing", Code.INVALID)
    DISK_FULL = ("disk_full", Code.NO_SPACE)


class FileRequestReason(Reason):
    """What somebody was asked for, and the link by which they send it."""

    UNKNOWN = ("unknown", Code.NOT_FOUND)
    BAD_NAME = ("bad_name", Code.INVALID)
    SLOT_COUNT = ("slot_count", Code.INVALID)
    BAD_LIMIT = ("bad_limit", Code.INVALID)
    COMPLETED = ("completed", Code.CONFLICT)
    EXPIRED = ("expired", Code.GONE)
    SLOTS_EMPTY = ("slots_empty", Code.CONFLICT)


class SlotReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    WRONG_TYPE = ("wrong_type", Code.UNSUPPORTED)
    EMPTY_FILE = ("empty_file", Code.INVALID)


class ContactReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    BAD_NAME = ("bad_name", Code.INVALID)
    BAD_ADDRESS = ("bad_address", Code.INVALID)
    IN_USE = ("in_use", Code.CONFLICT)


class ShareReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    EMPTY = ("empty", Code.INVALID)


class WebhookReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    BAD_ADDRESS = ("bad_address", Code.INVALID)


class TaskReason(Reason):
    UNKNOWN = ("unknown", Code.NOT_FOUND)
    WRONG_STATE = ("wrong_state", Code.CONFLICT)
    TAKEN_OVER = ("taken_over", Code.LOCKED)
    TARGET_REFUSED = ("target_refused", Code.FORBIDDEN)


class SearchReason(Reason):
    EMPTY = ("empty", Code.INVALID)
    TOO_MANY_HITS = ("too_many_hits", Code.INVALID)
    WORD_TOO_WIDE = ("word_too_wide", Code.INVALID)
    QUERY_TOO_WIDE = ("query_too_wide", Code.INVALID)
    INDEX_BUSY = ("index_busy", Code.UNAVAILABLE)


class SourceReason(Reason):
    """Places elsewhere that are synchronised: why one, or something in it, could not be read."""

    UNKNOWN = ("unknown", Code.NOT_FOUND)
    NAME_TAKEN = ("name_taken", Code.CONFLICT)
    BAD_NAME = ("bad_name", Code.INVALID)
    BAD_LOCATION = ("bad_location", Code.INVALID)
    IN_USE = ("in_use", Code.CONFLICT)
    EMPTY = ("empty", Code.UNAVAILABLE)
    UNREACHABLE = ("unreachable", Code.UNAVAILABLE)
    LOGIN_REFUSED = ("login_refused", Code.UNAVAILABLE)
    NOT_THERE = ("not_there", Code.NOT_FOUND)
    UNREADABLE = ("unreadable", Code.UNAVAILABLE)
    CHANGED = ("changed", Code.CONFLICT)
    TOO_LARGE = ("too_large", Code.TOO_LARGE)


class LinkReason(Reason):
    """The file share: a folder through which files are handed over on the server itself."""

    OUTSIDE_SHARE = ("outside_share", Code.INVALID)
    UNKNOWN_FILE = ("unknown_file", Code.NOT_FOUND)
    NOT_CONFIGURED = ("not_configured", Code.UNAVAILABLE)
    UNWRITABLE = ("unwritable", Code.UNAVAILABLE)


FAMILIES: tuple[type[Reason], ...] = tuple(Reason.__subclasses__())


def _all_reasons() -> Iterator[Reason]:
    for family in FAMILIES:
        yield from family


REASONS: tuple[Reason, ...] = tuple(_all_reasons())


class KadeError(Exception):
    """A refusal that a caller can understand."""

    __slots__ = ("facts", "reason", "subject")

    internal: ClassVar[Reason] = RequestReason.UNEXPECTED

    def __init__(self, reason: Reason, subject: str = "", **facts: int | str) -> None:
        super().__init__(f"{reason} {subject}".rstrip())
        self.reason = reason
        self.subject = subject
        self.facts = facts

    @property
    def code(self) -> Code:
        """The kind of trouble, by which a dialect chooses a status."""
        return self.reason.code
