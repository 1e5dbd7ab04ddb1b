"""What went wrong, from the server's status and words, which are passed on. Pure."""

from proxy.core.errors import InvalidRequest, LimitReached, ModelNotFound, ServerError, UpstreamFailed

_LONGEST_TEXT = 2000
_LONGEST_PAUSE = 3600


def refused(status: int, text: str, retry_after: str = "") -> ServerError:
    """The error that a client gets for an answer with that status and those words."""
    words = " ".join(text[:_LONGEST_TEXT].splitlines()).strip() or f"the Ollama server answered with status {status}"
    pause = min(int(retry_after), _LONGEST_PAUSE) if retry_after.isascii() and retry_after.isdecimal() else None
    if status == 401:
        # It is this server's key that is not good: no client can mend that.
        return UpstreamFailed(f"the Ollama server refuses the key of this one: {words}", fault="operator")
    if status == 404:
        return ModelNotFound(words, should_retry=False)
    if status == 429:
        return LimitReached(words, retry_after=pause)
    if 400 <= status < 500:
        return InvalidRequest(words, status=status, should_retry=False)
    if 500 <= status < 600:
        return UpstreamFailed(words, status=status, retry_after=pause)
    return misunderstood()


def failed(text: object) -> ServerError:
    """The error for what the server says in the middle of an answer."""
    words = " ".join(str(text)[:_LONGEST_TEXT].splitlines()).strip()
    return UpstreamFailed(words or "the Ollama server failed without saying why", status=500)


def out_of_reach() -> UpstreamFailed:
    """Nobody listens where the server should be."""
    return UpstreamFailed("the Ollama server of this model is out of reach", status=503)


def cut_off() -> UpstreamFailed:
    """The connection ended before the answer did."""
    return UpstreamFailed("the Ollama server went away before its answer was complete")


def misunderstood() -> UpstreamFailed:
    """What came is not what an Ollama server says."""
    return UpstreamFailed("the Ollama server said what no Ollama server says", fault="operator")
