"""The explorer's widget in Chromium, with real clicks; a small server stands in for the notebook and its kernel."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import immunoode as imo
from immunoode.explorer.model_explorer import ModelExplorer
from immunoode.explorer.state import ExplorerState

from .explorer_page import served

pytestmark = pytest.mark.slow
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
DRUG = "pembrolizumab_concentration"
SIZE = '[data-panel="sum_of_diameters"] svg'
FIRST_LINE = f"{SIZE} path.imo-line.imo-colour-0"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no Chromium at {CHROMIUM}; state it as CHROMIUM=...")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def explorer() -> ModelExplorer:
    model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    return ModelExplorer(model, ["pembrolizumab_3_weekly", None], "24 weeks", sliders=["growth_rate", "weight"], patients=20)


@pytest.fixture
def page(browser: Any, explorer: ModelExplorer) -> Iterator[Any]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], accept_downloads=True)
    with served(explorer) as url:
        opened = context.new_page()
        errors = list[str]()
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto(url)
        opened.wait_for_selector(SIZE)
        opened.wait_for_timeout(100)
        yield opened
        assert errors == []
        context.close()


def after(page: Any, act: Any) -> None:
    """Do something, and wait until the panels are redrawn."""
    before = page.evaluate("window.redrawn.length")
    act()
    page.wait_for_function(f"window.redrawn.length > {before}")


def test_a_slider_moves_the_panels(page: Any) -> None:
    slider = page.get_by_label("Growth rate", exact=True)
    line, text = page.locator(FIRST_LINE).get_attribute("d"), page.get_by_label("Growth rate, value")
    assert text.input_value() == "0.006" and page.locator(".imo-panel").count() == 7
    box = slider.bounding_box()
    after(page, lambda: page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2))
    assert float(text.input_value()) > 0.01
    assert page.locator(FIRST_LINE).get_attribute("d") != line
    after(page, page.get_by_label("reset Growth rate to 0.006").click)
    assert text.input_value() == "0.006" and page.locator(FIRST_LINE).get_attribute("d") == line


def test_a_line_passes_the_points_that_are_left_out_of_it(page: Any, explorer: ModelExplorer) -> None:
    lines = [one for one in explorer.panels(explorer.state)["sum_of_diameters"].series if not one.reference]
    width, highest = float(page.locator(SIZE).get_attribute("width")), max(one.values.max() for one in lines)
    at = 52 + lines[0].days / lines[0].days[-1] * (width - 62)
    level = 176 - lines[0].values / (1.06 * highest) * 166
    drawn = np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", page.locator(FIRST_LINE).get_attribute("d")), dtype=float)
    assert len(drawn) < len(at) / 4
    assert np.abs(np.interp(at, *drawn.T) - level).max() < 0.2


WATCH = """(name) => {
  const counts = (window.changes ??= {}), drawing = document.querySelector(`[data-panel="${name}"] .imo-drawing`);
  counts[name] = 0;
  const observer = new MutationObserver((seen) => (counts[name] += seen.length));
  observer.observe(drawing, { subtree: true, childList: true, attributes: true });
}"""


def test_only_what_changed_is_drawn_again(page: Any) -> None:
    for name in (DRUG, "sum_of_diameters"):
        page.evaluate(WATCH, name)
    page.get_by_label("Growth rate", exact=True).focus()
    after(page, lambda: page.keyboard.press("ArrowRight"))
    changes = page.evaluate("window.changes")
    assert changes[DRUG] == 0 and changes["sum_of_diameters"] > 0


def test_sources_are_shown_on_focus(page: Any) -> None:
    tip = page.locator('[data-parameter="growth_rate"] [role=tooltip]')
    assert not tip.is_visible()
    page.get_by_label("Growth rate, value").focus()
    page.wait_for_timeout(600)
    assert (
        tip.is_visible() and "Bounds: 0.0001 to 0.1 1/day" in tip.text_content() and "Source: ribba2022" in tip.text_content()
    )


def test_a_wrong_row_is_said_beside_it_and_mended(page: Any) -> None:
    amount = page.get_by_label("amount, row 1 of pembrolizumab 3 weekly")
    after(page, lambda: (amount.fill("2 hundred"), amount.press("Tab")))
    told = page.locator(".imo-below .imo-problem").first
    assert told.is_visible() and "amount" in told.text_content() and amount.get_attribute("aria-invalid") == "true"
    after(page, lambda: (amount.fill("400"), amount.press("Tab")))
    page.wait_for_function("document.querySelector('.imo-below .imo-problem').textContent === ''")
    assert page.locator(FIRST_LINE).count() == 1 and amount.get_attribute("aria-invalid") is None


def test_rows_and_regimens_are_added_and_removed(page: Any) -> None:
    after(page, page.get_by_label("add a row to untreated").click)
    assert "does not begin with a number" in page.locator(".imo-below .imo-problem:visible").text_content()
    after(page, page.get_by_label("remove row 1 of untreated").click)
    assert page.get_by_text("No treatment.").count() == 1
    after(page, page.get_by_label("copy pembrolizumab 3 weekly as a further regimen").click)
    assert page.locator(f"{SIZE} path.imo-line").count() == 3
    after(page, page.get_by_label("remove the regimen untreated").click)
    assert page.locator(".imo-regimen").count() == 2


def test_parameters_and_panels_are_chosen(page: Any) -> None:
    chooser = page.get_by_label("Add a parameter")
    after(page, lambda: (chooser.fill("kill_rate"), chooser.press("Enter")))
    assert page.get_by_label("Kill rate", exact=True).count() == 1
    page.get_by_text("Choose panels").click()
    after(page, page.get_by_label("PD-1 occupancy", exact=True).click)
    assert page.locator('[data-panel="pd1_occupancy"] svg').count() == 1
    until = page.get_by_label("until")
    after(page, lambda: (until.fill("never"), until.press("Tab")))
    assert "never" in page.locator(".imo-problems").text_content()
    after(page, page.get_by_role("button", name="Reset all").click)
    assert page.locator(".imo-panel").count() == 7 and page.locator(".imo-problems").text_content() == ""


def test_the_copied_code_makes_the_numbers_of_the_panels(page: Any, explorer: ModelExplorer) -> None:
    text = page.get_by_label("Growth rate, value")
    after(page, lambda: (text.fill("0.0123"), text.press("Tab")))
    page.get_by_role("button", name="Copy as code").click()
    page.get_by_text("The code is on the clipboard.").wait_for()
    made: dict[str, Any] = {}
    exec(page.evaluate("navigator.clipboard.readText()"), made)
    state = ExplorerState.from_json({**explorer.state.to_json(), "parameters": {"growth_rate": 0.0123, "weight": 75}})
    panels = explorer.panels(state)
    for one in panels["sum_of_diameters"].series:
        if not one.reference:
            assert np.array_equal(one.values, made["runs"][panels.regimens[one.regimen]]["sum_of_diameters"])
    for one in panels["survival"].series:
        assert np.array_equal(one.values, made["survival"][panels.regimens[one.regimen]]["survival"])


def test_files_are_saved_and_the_page_opens_without_a_server(page: Any, browser: Any, tmp_path: Path) -> None:
    for name, ending in (("Save figure (SVG)", "svg"), ("Save figure (PNG)", "png"), ("Save page (HTML)", "html")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name).click()
        waiting.value.save_as(tmp_path / f"explorer.{ending}")
        assert (tmp_path / f"explorer.{ending}").stat().st_size > 10_000
    offline = browser.new_context(offline=True).new_page()
    offline.goto((tmp_path / "explorer.html").as_uri())
    offline.wait_for_selector(SIZE)
    assert offline.locator(".imo-panel").count() == 7
    assert offline.locator(FIRST_LINE).get_attribute("d").count("L") > 10


@pytest.mark.parametrize(
    ("background", "theme"), [("white", "light"), ("rgb(20, 20, 24)", "dark"), ("oklch(0.99 0 0)", "light")]
)
def test_the_theme_is_that_of_the_page(browser: Any, explorer: ModelExplorer, background: str, theme: str) -> None:
    with served(explorer, background) as url:
        opened = browser.new_page()
        opened.goto(url)
        opened.wait_for_selector(SIZE)
        assert opened.locator(".imo-explorer").get_attribute("data-theme") == theme
        opened.close()


def test_the_keyboard_reaches_everything(page: Any) -> None:
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()")
        )
    assert {"Copy as code", "Save page (HTML)", "amount, row 1 of pembrolizumab 3 weekly", "Growth rate, value"} <= reached
    unnamed = page.evaluate(
        "[...document.querySelectorAll('.imo-explorer :is(input, button, select, textarea)')].filter((e) =>"
        " !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim()).length"
    )
    assert unnamed == 0
