"""Every kind of mail is there in every language, and says the same."""

from pathlib import Path

import pytest

from holdfast.domain.mail import BODY_CHARS_MAX, KINDS, LANGUAGES, MailText, check_texts, placeholders_of
from holdfast.services.mail_texts import FOLDER, words, written

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "mail.md"


def test_there_is_a_file_a_language() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_is_there_and_keeps_the_rules_for_owners(language: str) -> None:
    assert list(words(language)) == list(KINDS)
    check_texts(
        {kind: {language: MailText(text.subject, text.body.strip("\n"))} for kind, text in words(language).items()}
    )
    assert all(len(text.body) < BODY_CHARS_MAX for text in words(language).values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_names_the_same_in_every_language(kind: str) -> None:
    first, *others = [
        (placeholders_of(words(each)[kind].subject), placeholders_of(words(each)[kind].body)) for each in LANGUAGES
    ]
    assert others == [first] * len(others)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_unfilled(kind: str, language: str) -> None:
    values = dict.fromkeys(KINDS[kind].placeholders, "value")
    said = written(kind, language, values)
    assert not placeholders_of(said.subject + said.text)
    assert f'<html lang="{language}">' in said.html and "value" in said.text


def test_an_owners_subject_that_comes_to_nothing_is_replaced_by_ours() -> None:
    values = dict.fromkeys(KINDS["booking_cancelled"].placeholders, "value") | {"reason": ""}
    said = written("booking_cancelled", "en", values, MailText("{reason}", "{reason}"))
    assert "cancelled" in said.subject and "cancelled" in said.text


def test_the_guide_names_every_kind_and_placeholder() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    names = {*KINDS, *(f"{{{name}}}" for each in KINDS.values() for name in each.placeholders)}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
