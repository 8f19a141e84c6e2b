"""The served page as a whole: where it answers, what it loads, and light and dark."""

import http.client
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driver import Server, wait_settled

BACKGROUNDS = {"light": "rgb(252, 251, 248)", "dark": "rgb(21, 21, 20)"}


def test_the_page_loads_nothing_from_elsewhere(server: Server, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda websocket: asked.append(websocket.url))
    page.goto(server.url)
    wait_settled(page)
    hosts = {urlsplit(address).hostname for address in asked if not address.startswith(("data:", "blob:"))}
    assert hosts == {"localhost"}
    assert any(address.startswith("ws://") for address in asked)


def test_the_server_is_reachable_from_this_machine_only(server: Server) -> None:
    port = urlsplit(server.url).port
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server.process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    ]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_systems_choice(server: Server, browser: Browser, scheme: str) -> None:
    context = browser.new_context(color_scheme="light" if scheme == "light" else "dark")
    page = context.new_page()
    page.goto(server.url)
    wait_settled(page)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUNDS[scheme])
    context.close()


def test_light_and_dark_can_be_chosen_in_the_menu(server: Server, page: Page) -> None:
    page.goto(server.url)
    wait_settled(page)
    for choice, colour in (("Dark", BACKGROUNDS["dark"]), ("Light", BACKGROUNDS["light"])):
        page.get_by_test_id("stMainMenu").get_by_role("button").click()
        page.get_by_test_id(f"stMainMenuItem-theme-{choice}").click()
        expect(page.get_by_test_id("stApp")).to_have_css("background-color", colour)
        page.keyboard.press("Escape")


def test_a_foreign_page_cannot_open_a_session(server: Server) -> None:
    place = urlsplit(server.url)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }
    answers = {}
    for origin in (server.url, "https://elsewhere.example"):
        connection = http.client.HTTPConnection("localhost", place.port or 80, timeout=10)
        connection.request("GET", "/_stcore/stream", headers=headers | {"Origin": origin})
        try:
            answers[origin] = connection.getresponse().status
        except (TimeoutError, http.client.HTTPException):
            answers[origin] = 0
        connection.close()
    assert answers[server.url] == 101
    assert answers["https://elsewhere.example"] != 101
