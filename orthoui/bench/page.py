"""The Forget page as a stopwatch sees it: when it is complete, and how long a slider step takes to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

HEADLINE = ".st-key-headline h2"
ESTIMATED = "≈"
WAITING = "measuring"
SLIDER = ".st-key-ratio_choice input[type=range]"
POLL_MS = 20
QUIET_MS = 250

# Runs inside the page, so that no time of the driver is measured: the clock starts at the key, and notes when the
# slider sends its value to the server, when the headline first differs, and when it is exact.
_PROBE = """
const [HEADLINE, ESTIMATED] = %s;
const probe = window.orthouiProbe = { armed: false };
const headline = () => document.querySelector(HEADLINE)?.textContent ?? '';
probe.arm = () => Object.assign(
    probe, { armed: true, pressed: null, sent: null, changed: null, exact: null, before: headline() });
const look = () => {
    if (probe.pressed === null || !probe.armed) return;
    const text = headline();
    if (text === '') return;
    if (probe.changed === null && text !== probe.before) probe.changed = performance.now();
    if (probe.changed !== null && !text.includes(ESTIMATED)) {
        probe.exact = performance.now();
        probe.armed = false;
    }
};
window.addEventListener('keydown', () => {
    if (probe.armed && probe.pressed === null) probe.pressed = performance.now();
}, true);
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (...given) {
    if (probe.armed && probe.pressed !== null && probe.sent === null) probe.sent = performance.now();
    return send.apply(this, given);
};
new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
"""

_EXACT = """([headline, estimated]) => {
    const text = document.querySelector(headline)?.textContent ?? '';
    const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
    return text !== '' && !text.includes(estimated)
        && charts.length > 0 && charts.every(chart => chart.querySelector('.main-svg') !== null)
        && document.querySelector('[data-testid="stSkeleton"]') === null;
}"""

_COMPLETE = """waiting => {
    const table = document.querySelector('.evidence table');
    return table !== null && !table.textContent.includes(waiting);
}"""

# Streamlit names the state of the script and of the connection on the app's element; its running icon stays for a
# moment longer. A page is settled when all of them have been calm for a while.
SETTLED = """quiet => {
    const app = document.querySelector('[data-testid="stApp"]');
    const calm = app !== null
        && app.getAttribute('data-test-script-state') === 'notRunning'
        && app.getAttribute('data-test-connection-state') === 'CONNECTED'
        && document.querySelector('[data-testid="stStatusWidget"]') === null
        && document.querySelector('[data-testid="stSkeleton"]') === null;
    const now = performance.now();
    if (!calm || window.orthouiCalmSince === undefined) window.orthouiCalmSince = now;
    return calm && now - window.orthouiCalmSince >= quiet;
}"""


@dataclass(frozen=True)
class Step:
    """One slider step, milliseconds from the key press."""

    sent: float
    """Until the slider had sent its value: what Streamlit's own control takes."""
    changed: float
    """Until the headline's text was another."""
    exact: float
    """Until the headline was no longer an estimate."""


def watch(context: BrowserContext) -> None:
    """Put the stopwatch into every page that is opened in a context from now on."""
    context.add_init_script("{" + _PROBE % [HEADLINE, ESTIMATED] + "}")


def wait_exact(page: Page, seconds: float) -> None:
    """Wait for an exact headline with every chart drawn."""
    page.wait_for_function(_EXACT, arg=[HEADLINE, ESTIMATED], polling=POLL_MS, timeout=1000 * seconds)


def wait_complete(page: Page, seconds: float) -> None:
    """Wait until nothing in the table is still being measured."""
    page.wait_for_function(_COMPLETE, arg=WAITING, polling=POLL_MS, timeout=1000 * seconds)


def wait_settled(page: Page, seconds: float) -> None:
    """Wait until the page is connected and its script has stopped, and has stayed so for a moment."""
    page.evaluate("window.orthouiCalmSince = undefined")
    page.wait_for_function(SETTLED, arg=QUIET_MS, polling=POLL_MS, timeout=1000 * seconds)


def press(page: Page, key: str, seconds: float) -> Step:
    """Press a key on the ratio slider and time what follows until the headline is exact."""
    page.focus(SLIDER)
    page.evaluate("window.orthouiProbe.arm()")
    page.keyboard.press(key)
    page.wait_for_function("window.orthouiProbe.exact !== null", polling=POLL_MS, timeout=1000 * seconds)
    probe = page.evaluate("window.orthouiProbe")
    return Step(*(probe[name] - probe["pressed"] for name in ("sent", "changed", "exact")))


def slider_value(page: Page) -> float:
    """Return where the ratio slider stands."""
    return float(page.get_attribute(SLIDER, "aria-valuetext") or "nan")
