"""The words of pages, in the viewer's language: the same messages that the modules in the browser use."""

from collections.abc import Mapping
from typing import Any

from holdfast.console.assets import Assets

LANGUAGES = {"en": "English", "de": "Deutsch"}
DEFAULT = "en"
COOKIE = "language"


def language_of(request: Any) -> str:
    """What the viewer chose, else the first language of their browser's that there is."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    for part in request.headers.get("accept-language", "").split(",")[:10]:
        language = part.split(";")[0].strip().split("-")[0].lower()
        if language in LANGUAGES:
            return str(language)
    return DEFAULT


class Words:
    """Messages of one language; `{name}` in one stands for a value."""

    def __init__(self, assets: Assets, language: str) -> None:
        self.language = language
        self._words: Mapping[str, str] = assets.words[language]

    def knows(self, key: str) -> bool:
        return key in self._words

    def __call__(self, key: str, **values: object) -> str:
        message = self._words[key]
        for name, value in values.items():
            message = message.replace("{" + name + "}", str(value))
        return message
