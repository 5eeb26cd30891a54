"""A collection to be searched, made anew from a seed, and what is relevant in it by a written rule.

Documents are made for a topic or for none. For each topic there are

    3 of grade 3   about it: three sentences connect its words, one of them has both side by side, and the
                   file's name or a tag says one of them
    4 of grade 2   one sentence connects its words, in a text about nothing in particular
    4 of grade 1   both words are there, the one at the beginning and the other at the end, more often than in
                   grade 2 but never in one sentence
    8 and 8        distractors with one of the words only, many times and in every form
    6              distractors with words that look alike

Words are planted in any of their forms, whatever the query's form is. What no topic planted is grade 0. The
rule knows the plan of a document; it knows nothing of any search engine.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

from tests.relevance.vocabulary import ADJACENT, ALONE, CONNECTED, FILLING, NOUNS, STATES, TOPICS, Topic

FORMATS = ("txt", "html", "eml", "csv", "rtf", "docx")
PLAN = {3: 3, 2: 4, 1: 4}
DISTRACTORS = 22
PLAIN = 900


class Paper(NamedTuple):
    """A document: its grade counts for its topic only, and is 0 where there is none."""

    number: int
    language: str
    format: str
    title: str
    author: str
    tags: tuple[str, ...]
    sentences: tuple[str, ...]
    topic: int | None = None
    grade: int = 0

    @property
    def text(self) -> str:
        return " ".join(self.sentences)

    @property
    def name(self) -> str:
        return f"{self.title}.{self.format}"


class Question(NamedTuple):
    """A query, and the grade of each paper that has one, by number."""

    text: str
    grades: dict[int, int]
    distractors: list[int]


class Collection(NamedTuple):
    papers: list[Paper]
    questions: list[Question]


def collection(seed: int = 5) -> Collection:
    """The same for the same seed, in an order that says nothing."""
    chance = random.Random(seed)
    drafts = [draft for number, topic in enumerate(TOPICS) for draft in _of_topic(chance, number, topic)]
    drafts += [_plain(chance, ("nl", "en")[n % 2]) for n in range(PLAIN)]
    chance.shuffle(drafts)
    papers = [draft._replace(number=n, format=FORMATS[n % 6]) for n, draft in enumerate(drafts)]
    return Collection(papers, [_question(papers, number) for number in range(len(TOPICS))])


def _question(papers: list[Paper], topic: int) -> Question:
    mine = [paper for paper in papers if paper.topic == topic]
    grades = {paper.number: paper.grade for paper in mine if paper.grade}
    return Question(TOPICS[topic].query, grades, [paper.number for paper in mine if not paper.grade])


def _of_topic(chance: random.Random, number: int, topic: Topic) -> Iterator[Paper]:
    for grade, count in PLAN.items():
        for _ in range(count):
            made = {3: _about, 2: _stating, 1: _touching}[grade](chance, topic)
            yield made._replace(topic=number, grade=grade)
    for turn in range(DISTRACTORS):
        words = (topic.one, topic.other, topic.alike)[min(turn // 8, 2)]
        yield _misleading(chance, topic, words)._replace(topic=number)


def _about(chance: random.Random, topic: Topic) -> Paper:
    paper = _plain(chance, topic.language)
    said = [_connected(chance, topic) for _ in range(2)]
    said.append(
        ADJACENT[topic.language].format(one=chance.choice(topic.one), other=chance.choice(topic.other))
    )
    label = chance.choice(topic.one + topic.other)
    sentences = _mixed(chance, paper.sentences, said)
    if chance.random() < 0.5:
        return paper._replace(sentences=sentences, tags=(*paper.tags, label))
    return paper._replace(sentences=sentences, title=f"{paper.title} {label}")


def _stating(chance: random.Random, topic: Topic) -> Paper:
    paper = _plain(chance, topic.language)
    if topic.query.startswith('"'):
        said = ADJACENT[topic.language].format(one=topic.one[0], other=topic.other[0])
    else:
        said = _connected(chance, topic)
    return paper._replace(sentences=_mixed(chance, paper.sentences, [said]))


def _touching(chance: random.Random, topic: Topic) -> Paper:
    paper = _plain(chance, topic.language)
    half = len(paper.sentences) // 3
    begin = _mixed(chance, paper.sentences[:half], [_alone(chance, topic, topic.one) for _ in range(2)])
    end = _mixed(chance, paper.sentences[-half:], [_alone(chance, topic, topic.other) for _ in range(2)])
    return paper._replace(sentences=begin + paper.sentences[half:-half] + end)


def _misleading(chance: random.Random, topic: Topic, words: tuple[str, ...]) -> Paper:
    paper = _plain(chance, topic.language)
    said = [_alone(chance, topic, words) for _ in range(chance.randint(4, 7))]
    label = chance.choice(words)
    title = f"{paper.title} {label}" if chance.random() < 0.3 else paper.title
    return paper._replace(sentences=_mixed(chance, paper.sentences, said), title=title)


def _connected(chance: random.Random, topic: Topic) -> str:
    sentence = chance.choice(CONNECTED[topic.language])
    return sentence.format(one=chance.choice(topic.one), other=chance.choice(topic.other))


def _alone(chance: random.Random, topic: Topic, words: tuple[str, ...]) -> str:
    return chance.choice(ALONE[topic.language]).format(word=chance.choice(words))


def _mixed(chance: random.Random, sentences: tuple[str, ...], said: list[str]) -> tuple[str, ...]:
    mixed = list(sentences)
    for sentence in said:
        mixed.insert(chance.randint(0, len(mixed)), sentence)
    return tuple(mixed)


def _plain(chance: random.Random, language: str) -> Paper:
    """A document about nothing in particular, of 12 to 60 sentences."""
    nouns, states = NOUNS[language], STATES[language]
    sentences = []
    for _ in range(chance.randint(12, 60)):
        parts = chance.choice(FILLING[language]).split("{noun}")
        said = parts[0] + "".join(chance.choice(nouns) + part for part in parts[1:])
        sentences.append(said.format(state=chance.choice(states)))
    title = f"{chance.choice(nouns)} {chance.choice(nouns)} {chance.randint(1, 999)}"
    author = f"{chance.choice('ABCDEFG')}. {chance.choice(nouns).capitalize()}"
    tags = tuple(chance.sample(nouns, chance.randint(0, 2)))
    return Paper(0, language, "txt", title, author, tags, tuple(sentences))
