"""The wording of messages that users meet, in one place: see make_messages.py."""

from pathlib import Path

import make_messages


def test_mistakes_are_answered_in_these_words(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("RSH_TOKEN", raising=False)
    told, kept = make_messages.messages(tmp_path), make_messages.FILE.read_text()
    assert told.splitlines() == kept.splitlines(), "python tests/make_messages.py writes them again"
