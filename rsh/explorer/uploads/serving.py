"""The loop of a process that answers the messages of a dashboard's kernel."""

import os
import select
import sys
from collections.abc import Callable

from rsh.errors import InputError
from rsh.explorer.uploads.messages import Message, packed_message, read_message

IDLE_TIMEOUT = 300  # seconds without a message


def answer_messages(answer: Callable[[Message], Message]) -> None:
    """Answer each message with one message, until the connection closes or is idle for too long.

    An `InputError` is answered with its sentence.

    Args:
        answer: a message.
    """
    source = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries must not mix with messages
    while select.select([source], [], [], IDLE_TIMEOUT)[0]:
        try:
            message = read_message(source)
        except EOFError:
            return
        try:
            answers.write(packed_message(*answer(message)))
        except InputError as error:
            answers.write(packed_message({"error": str(error)}))
        except MemoryError:
            answers.write(packed_message({"error": "the image takes more memory than there is"}))
        answers.flush()
