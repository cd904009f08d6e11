"""What is said in one scripted chat: sentences in turn, and now and then richer content."""

from __future__ import annotations

import json
from math import gcd
from random import Random

from local.scripted.phrases import Language

type Words = tuple[str, str]
"""A content type and the content."""

INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"
INTERACTIVE_RESPONSE = "application/vnd.amazonaws.connect.message.interactive.response"
JSON = "application/json"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"

ATTACHMENTS = (
    ("receipt.pdf", "application/pdf"),
    ("screenshot 1.png", "image/png"),
    ("foto_del_daño.jpg", "image/jpeg"),
    ("invoice-2026-08.pdf", "application/pdf"),
    ("ログ.txt", "text/plain"),
    ("statement.csv", "text/csv"),
    ("letter.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
)
"""File names with their content types."""

_MARKDOWN = (
    "**Please try this:**\n\n1. Open *Settings*\n2. Choose `Reset`\n3. Sign in again",
    "Your options:\n- ~~standard~~\n- **express**, see [delivery](https://shop.example/delivery)",
    "| item | price |\n|---|---|\n| cable | 9.90 |\n| adapter | 14.50 |",
    "# Summary\nRefund of **24.90** for your order ✅",
)
_LOG_LINE = "connection to 192.0.2.17 lost, next attempt in 30 s; code 0x80070035 ünexpected\n"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _question(template: str, title: str, *elements: str) -> tuple[str, tuple[str, ...]]:
    """Return the content of a question with buttons, and the content of each possible click."""
    head = {"templateType": template, "version": "1.0"}
    content = {"title": title, "elements": [{"title": element} for element in elements]}
    clicks = (_compact(head | {"action": element, "data": {}}) for element in elements)
    return _compact(head | {"data": {"content": content}}), tuple(clicks)


_QUESTIONS = (
    _question("ListPicker", "What is it about?", "Delivery", "Billing", "Technical", "Other"),
    _question("QuickReply", "Did that solve it?", "Yes", "No"),
    _question("Carousel", "Which product do you mean?", "Router", "Mesh point", "Cable"),
)
_RECORDS = tuple(
    _compact({"form": "return", "order": 100_000 + number, "reason": reason, "photos": number % 3})
    for number, reason in enumerate(("damaged", "too late", "wrong size", "changed my mind 🤷"))
)


class _Voice:
    """Says each of its sentences once before it says one again."""

    def __init__(self, rng: Random, sentences: tuple[str, ...]) -> None:
        self._rng = rng
        self._sentences = sentences
        self._next = int(rng.random() * len(sentences))
        self._step = pick(rng, _STEPS[len(sentences)])

    def say(self) -> str:
        text = self._sentences[self._next]
        self._next = (self._next + self._step) % len(self._sentences)
        return with_number(self._rng, text)


# Steps that share no divisor with the count lead past every sentence.
_STEPS = {
    count: tuple(step for step in range(1, count + 1) if gcd(step, count) == 1)
    for count in range(1, 64)
}


def pick[T](rng: Random, values: tuple[T, ...]) -> T:
    """Return one of some values; much faster than ``rng.choice``."""
    return values[int(rng.random() * len(values))]


def with_number(rng: Random, text: str) -> str:
    """Return a sentence with its number, if it has a place for one."""
    if "{" not in text:
        return text
    return text.replace("{n}", str(100_000 + int(rng.random() * 900_000)))


class Speech:
    """The words of everyone in one chat.

    Parameters
    ----------
    rng
        The source of every choice.
    language
        The language that all of them speak.
    markdown
        Whether the agents' tool writes markdown.
    """

    def __init__(self, rng: Random, language: Language, *, markdown: bool) -> None:
        self.language = language
        self._rng = rng
        self._markdown = markdown
        self._customer = _Voice(rng, language.customer)
        self._agent = _Voice(rng, language.agent)
        self._opened = False
        self._clicks: tuple[str, ...] = ()

    def customer(self) -> Words:
        """Return a message of the customer."""
        rng = self._rng
        luck = rng.random()
        if not self._opened:
            self._opened = True
            return PLAIN, with_number(rng, pick(rng, self.language.openings))
        if luck < 0.80:
            return PLAIN, self._customer.say()
        if luck < 0.985:
            return PLAIN, f"{self._customer.say()} {self._customer.say()}"
        if luck < 0.995:
            return JSON, pick(rng, _RECORDS)
        return PLAIN, _LOG_LINE * (1 + int(rng.expovariate(0.1))) + "😕"

    def agent(self) -> Words:
        """Return a message of an agent or supervisor."""
        rng = self._rng
        luck = rng.random()
        if self._markdown and luck < 0.25:
            return MARKDOWN, pick(rng, _MARKDOWN)
        if luck < 0.75:
            return PLAIN, self._agent.say()
        return PLAIN, f"{self._agent.say()} {self._agent.say()}"

    def bot(self, *, first: bool) -> Words:
        """Return a message of the bot; after one with buttons the customer may click."""
        rng = self._rng
        self._clicks = ()
        luck = rng.random()
        if luck < 0.30:
            content, self._clicks = pick(rng, _QUESTIONS)
            return INTERACTIVE, content
        if luck < 0.32:
            return JSON, pick(rng, _RECORDS)
        if first:
            return PLAIN, self.language.bot[0]
        return PLAIN, with_number(rng, pick(rng, self.language.bot))

    def answer(self) -> Words:
        """Return what the customer answers to the bot."""
        if self._clicks and self._rng.random() < 0.8:
            return INTERACTIVE_RESPONSE, pick(self._rng, self._clicks)
        return self.customer()
