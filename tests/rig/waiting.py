"""Waiting for something to be true, with a deadline: tests never sleep for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, within: float = 30.0) -> T:
    """Returns the first true value of `condition`; fails naming `what` after `within` seconds."""
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within} s: {what}; last seen: {last!r}")
        time.sleep(0.02)
