"""The words of the collection: what is asked, in which forms it is written, and what only looks like it.

A topic has a query as somebody types it and, for each of its two words, the forms in which a document may
write it, then words that merely look alike: another word with the same beginning, the same stem by chance, or
nearly the same letters.
"""

from typing import NamedTuple


class Topic(NamedTuple):
    """What is looked for. A document is about it when it connects a form of *one* with a form of *other*."""

    language: str
    query: str
    one: tuple[str, ...]
    other: tuple[str, ...]
    alike: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _topic(language: str, query: str, one: str, other: str, alike: str) -> Topic:
    return Topic(language, query, _words(one), _words(other), _words(alike))


TOPICS = [
    _topic(
        "nl", "facturen betaling", "factuur facturen", "betaling betalingen", "factor fractuur betaalbaar"
    ),
    _topic("nl", "salaris verhoging", "salarissen salaris", "verhoging verhogingen", "salade verhoor sala"),
    _topic(
        "nl",
        "opzegtermijn huurcontract",
        "opzegtermijnen opzegtermijn",
        "huurcontracten huurcontract",
        "opzetten termijn huurder contractie",
    ),
    _topic("nl", "verzekering schade", "verzekeringen verzekering", "schades schade", "zekerheid schaduw"),
    _topic(
        "nl", "coordinatie projecten", "coördinatie", "project projecten", "ordinaat projectie subordinatie"
    ),
    _topic("nl", "financiën gemeente", "financien financiën", "gemeenten gemeente", "finale gemeend finesse"),
    _topic(
        "nl",
        "werknemer contract",
        "werknemers werknemer",
        "contracten contract",
        "werkgever contrast contact",
    ),
    _topic("nl", "huizen taxatie", "huis huizen", "taxaties taxatie", "huid taxi huig"),
    _topic("nl", "brief bezwaar", "brieven brief", "bezwaren bezwaar", "briefing bezaan bezwering"),
    _topic(
        "nl",
        "vergunning aanvraag",
        "vergunningen vergunning",
        "aanvragen aanvraag",
        "gunst aanvaring vergunt",
    ),
    _topic("nl", "geïnde premies", "geïnde geinde innen", "premie premies", "geeind premier primeur"),
    _topic(
        "nl",
        "jaarrekening accountant",
        "jaarrekeningen jaarrekening",
        "accountants accountant",
        "jaarring account rekenen",
    ),
    _topic(
        "nl",
        "belastingen aanslag",
        "belasting belastingen",
        "aanslagen aanslag",
        "belastbaar aanslibben last",
    ),
    _topic(
        "nl", "voertuig onderhoud", "voertuigen voertuig", "onderhoud onderhouden", "voeding onderhandelen"
    ),
    _topic("nl", "patiënt dossier", "patiënten patient patiënt", "dossiers dossier", "patio dossen patent"),
    _topic("nl", "reünie kosten", "reünie reunie reünies", "kosten", "renie kostuum reunion"),
    _topic(
        "nl",
        "offerte leverancier",
        "offertes offerte",
        "leveranciers leverancier",
        "offer levering offerande",
    ),
    _topic(
        "nl",
        "bestuursleden vergadering",
        "bestuurslid bestuursleden",
        "vergaderingen vergadering",
        "bestuurder vergeven leden",
    ),
    _topic(
        "nl", "subsidies regeling", "subsidie subsidies", "regelingen regeling", "subsidiair regel regelaar"
    ),
    _topic("nl", '"intern beleid"', "intern", "beleid", "internet beleidvol beled"),
    _topic("en", "invoices overdue", "invoice invoices", "overdue", "involve overdo invocation"),
    _topic("en", "company policies", "companies company", "policy policies", "companion police polite"),
    _topic("en", "insurance claim", "insurance", "claims claim claimed", "insurgent clamour assurance"),
    _topic("en", "lease renewal", "leases lease leased", "renewals renewal", "leash renown least"),
    _topic("en", "employee benefits", "employees employee", "benefit benefits", "employer beneath employ"),
    _topic("en", "shipping delays", "shipped shipping", "delay delays delayed", "shape relays sheep"),
    _topic("en", "tax returns", "taxes tax", "return returns", "taxi retina taxonomy"),
    _topic("en", "building permits", "buildings building", "permits permit", "bilge permeate guild"),
    _topic("en", "board meetings", "board boards", "meeting meetings", "boarder metering broad"),
    _topic("en", "purchase orders", "purchase purchases", "orders order", "purveyor ordinal border"),
    _topic("en", "patient records", "patients patient", "record records", "patience recorder reckon"),
    _topic("en", "vehicle inspections", "vehicles vehicle", "inspection inspections", "vehement inspire"),
    _topic("en", "cafe licence", "café cafe cafés", "licence licences", "caffeine license cave"),
    _topic("en", "resume applicants", "résumé resume résumés", "applicants applicant", "resumption applause"),
    _topic("en", "wages increase", "wage wages", "increase increases increased", "wager incense wagon"),
    _topic("en", "supplier quotes", "suppliers supplier", "quotes quote quoted", "supply quota supple"),
    _topic("en", "facility repairs", "facilities facility", "repair repairs repaired", "facile repartee"),
    _topic("en", "pension funds", "pensions pension", "fund funds", "pensive founder tension"),
    _topic("en", "audit findings", "audits audit audited", "findings finding", "audition finder audible"),
    _topic("en", '"annual report"', "annual", "report", "annul reporter reporting"),
]

CONNECTED = {
    "nl": (
        "De {one} en de {other} horen hier bij elkaar.",
        "Over {one} {other} is met de afdeling gesproken.",
        "Het gaat om de {other} bij de {one} van dit jaar.",
        "Inzake {one} met {other} is een besluit genomen.",
    ),
    "en": (
        "The {one} and the {other} belong together here.",
        "We spoke with the department about {one} {other} today.",
        "This concerns the {other} for the {one} of this year.",
        "As to {one} with {other} a decision was taken.",
    ),
}
ADJACENT = {
    "nl": "Dit stuk beschrijft {one} {other} in het kort.",
    "en": "This paper describes {one} {other} in short.",
}
ALONE = {
    "nl": (
        "Er werd kort aan {word} gedacht.",
        "Ook {word} kwam nog ter sprake.",
        "Een vraag over {word} bleef open.",
        "Daarna volgde iets over {word} en de rest.",
    ),
    "en": (
        "Somebody briefly thought of {word}.",
        "There was a mention of {word} as well.",
        "One question about {word} stayed open.",
        "Then came something on {word} and the rest.",
    ),
}
FILLING = {
    "nl": (
        "De {noun} van de {noun} is {state}.",
        "Wij hebben de {noun} naar de {noun} gestuurd.",
        "Voor de {noun} geldt dat de {noun} {state} blijft.",
        "In de {noun} staat een {noun} die {state} is.",
        "Volgens de {noun} wordt de {noun} later {state}.",
        "Graag ontvangen wij de {noun} met de {noun} voor het einde van de week.",
    ),
    "en": (
        "The {noun} of the {noun} is {state}.",
        "We have sent the {noun} to the {noun}.",
        "As for the {noun}, the {noun} remains {state}.",
        "In the {noun} there is a {noun} that is {state}.",
        "According to the {noun} the {noun} will be {state} later.",
        "Please let us have the {noun} with the {noun} before the end of the week.",
    ),
}
NOUNS = {
    "nl": _words(
        "tafel stoel lamp deur gang trap kelder zolder tuin straat plein brug haven kade schip "
        "lading doos kist map ordner lijst tabel kolom regel bladzijde hoofdstuk bijlage kaart "
        "plattegrond sleutel kast lade printer scherm toetsenbord kabel stekker batterij klok "
        "agenda week maand kwartaal seizoen ochtend avond receptie kantine keuken koffie thee lunch "
        "bezoeker gast collega stagiair monteur schilder chauffeur fietser wandelaar"
    ),
    "en": _words(
        "table chair lamp door hallway stairs cellar attic garden street square bridge harbour quay "
        "ship cargo box crate folder binder list sheet column line page chapter appendix map "
        "floorplan key cupboard drawer printer screen keyboard cable plug battery clock calendar "
        "week month quarter season morning evening reception canteen kitchen coffee tea lunch "
        "visitor guest colleague trainee mechanic painter driver cyclist walker"
    ),
}
STATES = {
    "nl": _words(
        "groen rood leeg vol oud nieuw open gesloten schoon vuil zwaar licht rond vierkant warm koud"
    ),
    "en": _words("green red empty full old new open closed clean dirty heavy light round square warm cold"),
}
