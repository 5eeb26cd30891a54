"""What the server's verbs refuse, as sentences for whoever typed the command."""

from __future__ import annotations

from kade.core.errors import (
    CredentialReason,
    KadeError,
    PrincipalReason,
    QuotaReason,
    Reason,
    SigningKeyReason,
    SpaceReason,
    TenantReason,
    UploadReason,
)

_SENTENCES: dict[Reason, str] = {
    TenantReason.UNKNOWN: "nothing is initialised here: run `kade init`",
    TenantReason.NAME_TAKEN: "this folder has been initialised before",
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
    SpaceReason.NOT_EMPTY: "files are still in it; remove them first",
    QuotaReason.EXCEEDED: "the quota does not allow it",
    UploadReason.DISK_FULL: "the disk is full",
}


def sentence(error: KadeError) -> str:
    """The refusal in words; a reason without words of its own is named with its subject."""
    words = _SENTENCES.get(error.reason)
    return words.format(subject=error.subject) if words else str(error)
