"""Rules of a space: what happens by itself to a file that goes live in it.

``apply`` is a reaction of the journal: it follows after commit, reads rows as they are then, and does nothing
the second time.
"""

from kade.core.clock import now
from kade.core.contents import ContentState
from kade.core.errors import KadeError, RuleReason, SpaceReason
from kade.core.events import Event, JournalEntry, Outcome
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.rules import Action, Rule
from kade.core.spaces import Space
from kade.services import access, arrivals, uploads
from kade.services.naming import Namers
from kade.services.uploads import Rules

_ARRIVALS = ("file.created", "file.published")


def create(tx: Tx, caller: Caller, space: Space, action: Action, target: Space) -> Rule:
    """What arrives in *space* from now on is published in *target*, too, which may be another tenant's.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED`` unless the caller manages both spaces;
            ``RuleReason.EXISTS`` or ``SAME_SPACE``.
    """
    access.require(tx, caller, Verb.MANAGE, space.id)
    access.require(tx, caller, Verb.MANAGE, target.id)
    if space.id == target.id:
        raise KadeError(RuleReason.SAME_SPACE, space.id)
    rule = Rule(new_id(), space.tenant_id, space.id, action, target.id, caller.principal_id, now())
    tx.rules.add(rule)
    tx.journal.append(Event.by(caller, "rule.created", rule.id, space=space.id, target=target.id))
    return rule


def of_space(tx: Tx, caller: Caller, space: Space) -> list[Rule]:
    """The rules of a space that the caller manages, oldest first."""
    access.require(tx, caller, Verb.MANAGE, space.id)
    return tx.rules.of_space(space.id)


def remove(tx: Tx, caller: Caller, rule: Rule) -> None:
    """End a rule; what it published stays.

    Raises:
        KadeError: ``RuleReason.UNKNOWN`` when it was removed before.
    """
    access.require(tx, caller, Verb.MANAGE, rule.space_id)
    if not tx.rules.remove(rule.id):
        raise KadeError(RuleReason.UNKNOWN, rule.id)
    tx.journal.append(Event.by(caller, "rule.removed", rule.id, space=rule.space_id, target=rule.target_id))


def apply(tx: Tx, namers: Namers, entry: JournalEntry) -> None:
    """Do with a file that arrived what the rules of its space say; a refusal is noted, and stands alone."""
    if entry.kind not in _ARRIVALS:
        return
    file = tx.files.get(Id(entry.subject))
    if file is None or file.state != FileState.LIVE:
        return
    for rule in tx.rules.of_space(file.space_id):
        if (file.arrived_at or 0) < rule.created_at:
            continue
        try:
            _publish(tx, namers, rule, file)
        except KadeError as error:
            tx.journal.append(_refused(rule, file, error))


def _publish(tx: Tx, namers: Namers, rule: Rule, file: File) -> None:
    """The file's content as a file of the rule's target, once, however the rules lead there."""
    origin = tx.files.get(file.origin_id) if file.origin_id else file
    target = tx.spaces.get(rule.target_id)
    if target is None or target.removed_at is not None:
        raise KadeError(SpaceReason.UNKNOWN, rule.target_id)
    if origin is None or origin.space_id == target.id or tx.files.from_origin(origin.id, target.id):
        return
    content = tx.contents.lock(file.content_id) if file.content_id else None
    if content is None or content.state != ContentState.LIVE:
        return  # it was removed meanwhile
    target.policy.require_name(file.name_folded)
    uploads.check_size(Rules(), target, content.length)
    tx.quotas.use((target.tenant_id, target.id), content.length)
    published = file._replace(
        id=new_id(),
        tenant_id=target.tenant_id,
        space_id=target.id,
        version=1,
        created_at=now(),
        changed_at=now(),
        origin_id=origin.id,
        **arrivals.live(target),
    )
    tx.files.add(published)
    namers.name_file(tx, target.id, published.id)
    arrivals.announce(tx, published, _published(rule, file, published))


def _published(rule: Rule, file: File, published: File) -> Event:
    return Event(
        "file.published",
        published.id,
        tenant_id=published.tenant_id,
        principal_id=published.created_by,
        detail={
            "name": published.name,
            "length": published.length or 0,
            "space": published.space_id,
            "from": file.id,
            "rule": rule.id,
        },
    )


def _refused(rule: Rule, file: File, error: KadeError) -> Event:
    return Event(
        "rule.refused",
        file.id,
        outcome=Outcome.REFUSED,
        reason=str(error.reason),
        tenant_id=file.tenant_id,
        principal_id=file.created_by,
        detail={"name": file.name, "rule": rule.id, "target": rule.target_id},
    )
