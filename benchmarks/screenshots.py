"""Take the pictures of the page that the documents show: `make page`, then

    python benchmarks/screenshots.py

A user likes five films; wide and narrow, light and dark, the reasons and their data.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from browser import BROWSER, SWITCHES, served

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
WIDE, NARROW, NARROWEST = (1280, 800), (390, 844), (320, 640)
LIKED = ("Toy Story", "Aladdin", "The Matrix", "Alien", "Fargo")


def like(page: Page, title: str) -> None:
    """Find a film by its title and like it; done when the new list is there."""
    before = page.get_attribute("html", "data-rank")
    page.get_by_test_id("search").fill(title)
    grid = page.get_by_test_id("grid")
    grid.get_by_role("button", name=f"Like {title}", exact=True).click()
    page.wait_for_selector(f"html:not([data-rank='{before}'])")


def main() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with served("movielens-1m") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=SWITCHES)
        for name, (width, height), scheme in (
            ("wide-light", WIDE, "light"),
            ("wide-dark", WIDE, "dark"),
            ("narrow-light", NARROW, "light"),
            ("narrow-dark", NARROWEST, "dark"),
        ):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(url)
            page.wait_for_selector("html[data-state=ready]")
            for title in LIKED:
                like(page, title)
            page.get_by_test_id("search").fill("")
            page.evaluate("scrollTo(0, 0)")
            if name == "wide-dark":
                page.get_by_test_id("why").first.click()
                page.get_by_test_id("why-text").filter(has_text="Because").first.wait_for()
            if name == "narrow-dark":
                page.get_by_role("tab", name="Your data").click()
            page.screenshot(path=FOLDER / f"{name}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
