"""What the server's verbs refuse, as sentences for whoever typed the command."""

from __future__ import annotations

from kade.core.errors import (
    BusinessTypeReason,
    CredentialReason,
    FileReason,
    FileRequestReason,
    GrantReason,
    KadeError,
    PrincipalReason,
    QuotaReason,
    Reason,
    RequestReason,
    RuleReason,
    SearchReason,
    SigningKeyReason,
    SourceReason,
    SpaceReason,
    TenantReason,
    UploadReason,
)

_SENTENCES: dict[Reason, str] = {
    RequestReason.BAD_VALUE: "the value of {subject} is not allowed",
    TenantReason.UNKNOWN: "there is no tenant {subject!r}",
    TenantReason.NAME_TAKEN: "there is a tenant {subject!r} already",
    TenantReason.BAD_NAME: "{subject} cannot be the name of a tenant",
    BusinessTypeReason.UNKNOWN: "there is no business type {subject}",
    BusinessTypeReason.NUMBER_TAKEN: "there is a business type {subject} already",
    BusinessTypeReason.BAD_NAME: "{subject} cannot be the name of a business type",
    BusinessTypeReason.WRONG_DIRECTION: "files of type {subject} do not go that way",
    BusinessTypeReason.IN_USE: "a tenant has a space for type {subject}; remove that first",
    RuleReason.UNKNOWN: "there is no such rule: {subject}",
    RuleReason.EXISTS: "there is such a rule already",
    RuleReason.SAME_SPACE: "a rule cannot lead from a space into itself",
    GrantReason.UNKNOWN: "there is no such right",
    PrincipalReason.UNKNOWN: "there is no user {subject!r}",
    PrincipalReason.NAME_TAKEN: "there is a user {subject!r} already",
    PrincipalReason.BAD_NAME: "{subject} cannot be the name of a user",
    PrincipalReason.STILL_OWNS_FILES: "{subject!r} still has files; remove them first",
    CredentialReason.UNKNOWN: "there is no such proof, or it is revoked already: {subject}",
    CredentialReason.ALREADY_REGISTERED: "{subject!r} is registered already, for this user or another",
    CredentialReason.NOT_A_CERTIFICATE: "{subject} holds no certificate",
    SigningKeyReason.UNKNOWN: "there is no such key, or it is revoked already: {subject}",
    SpaceReason.UNKNOWN: "there is no space {subject!r}",
    SpaceReason.NAME_TAKEN: "there is a space {subject!r} already",
    SpaceReason.BAD_NAME: "{subject} cannot be the name of a space",
    SpaceReason.NUMBER_TAKEN: "the space, or another one for type {subject}, is taken",
    SpaceReason.BAD_POLICY: "--keep-record must be at least as long as --keep-content, which it needs",
    SpaceReason.NOT_EMPTY: "files are still in it; remove them first",
    SourceReason.UNKNOWN: "there is no installation or service {subject!r}",
    SourceReason.NAME_TAKEN: "{subject!r} is there already",
    SourceReason.BAD_NAME: "{subject} cannot be the name of an installation or a service",
    SourceReason.BAD_LOCATION: "no such service can be there: {subject}",
    SourceReason.IN_USE: "{subject!r} is in use still, or what came from it is being removed",
    FileRequestReason.UNKNOWN: "there is no request {subject!r}, or it is closed",
    FileRequestReason.BAD_NAME: "{subject} can be the name of neither a request nor a file that is asked for",
    FileRequestReason.SLOT_COUNT: "up to ten files can be asked for, not {subject}",
    FileRequestReason.BAD_LIMIT: "the {subject} is out of range",
    FileReason.BAD_MEDIA_TYPE: "{subject} is no media type such as image/* or application/pdf",
    SearchReason.EMPTY: "there is nothing in it that could be looked for",
    SearchReason.WORD_TOO_WIDE: "{word} stands for too many words",
    SearchReason.QUERY_TOO_WIDE: "that is too much to look for at once",
    SearchReason.INDEX_BUSY: "the index is being changed by another process; try again in a moment",
    FileReason.WRONG_STATE: "the file {subject} is not what it was a moment ago",
    FileReason.UNKNOWN: "there is no file {subject}",
    QuotaReason.EXCEEDED: "the quota does not allow it",
    UploadReason.DISK_FULL: "the disk is full",
}


def sentence(error: KadeError) -> str:
    """The refusal in words; a reason without words of its own is named with its subject."""
    if error.reason is TenantReason.UNKNOWN and not error.subject:
        return "nothing is initialised here: run `kade init`"
    words = _SENTENCES.get(error.reason)
    return words.format(subject=error.subject, **{"word": "a word", **error.facts}) if words else str(error)
