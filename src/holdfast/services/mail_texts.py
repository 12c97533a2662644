"""What mails say: our words per language from `texts/*.toml`, an owner's where there are some, as text and as HTML.

Values are never looked into: not for placeholders, not for HTML.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, Template

from holdfast.domain.mail import LANGUAGES, SUBJECT_CHARS_MAX, MailText, filled, on_one_line

FOLDER = Path(__file__).parent / "texts"
HTML = "mail.html"


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Subject and body with their placeholders."""

    subject: str
    body: str


class Written(msgspec.Struct, frozen=True):
    """A mail's subject, its plain text and the same as HTML."""

    subject: str
    text: str
    html: str


@cache
def words(language: str) -> Mapping[str, Words]:
    """Our words by kind."""
    text = (FOLDER / f"{language}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Words])


def written(kind: str, language: str, values: Mapping[str, str], own: MailText | None = None) -> Written:
    """The mail in the owner's words where there are some; in ours where theirs come to nothing."""
    assert language in LANGUAGES
    ours = words(language)[kind]
    theirs = own or MailText()
    subject = filled(theirs.subject or "", values) or filled(ours.subject, values)
    text = filled(theirs.body or "", values) or filled(ours.body, values)
    subject = on_one_line(subject, SUBJECT_CHARS_MAX)
    paragraphs = [paragraph.split("\n") for paragraph in text.split("\n\n")]
    html = _template().render(language=language, subject=subject, paragraphs=paragraphs, link=values.get("link"))
    return Written(subject, text + "\n", html + "\n")


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(HTML)
