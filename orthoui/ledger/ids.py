"""Names of runs: they sort by time, fit into an address, and are never given twice."""

import secrets
import threading
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no letter that is taken for a digit
DRAWN = 6

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Return e.g. ``20261121-073012345678-x7k2mq``: UTC to the microsecond, then six drawn characters.

    Later calls in one process sort after earlier ones, also when the clock stands still or is set back.
    """
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000)
        microseconds = _last
    seconds, rest = divmod(microseconds, 1_000_000)
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(DRAWN))
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(seconds))}{rest:06d}-{drawn}"
