"""The report's page in Chromium: no complaint, no request, not wider than its window, all in reach of Tab."""

import json
from pathlib import Path

from browser import Browser
import pytest
from harness import SWEEP, ProgramTest
from report_page import fit_of, report

pytestmark = pytest.mark.release

WIDTHS = (400, 1400)
SCHEMES = ("light", "dark")
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}
FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
REACHABLE = "[...document.querySelectorAll('a, [tabindex]')].map(e => e.getAttribute('aria-label') || e.textContent)"
TOO_WIDE = """[...document.querySelectorAll('body *')].filter(element =>
    !element.closest('.scroll > *') && element.getBoundingClientRect().right > innerWidth + 1
).map(element => element.outerHTML.slice(0, 80))"""
BLACK_ON_DARK = """[...document.querySelectorAll('svg use, svg path')].filter(element => {
    const style = getComputedStyle(element);
    return style.stroke == 'rgb(0, 0, 0)' || style.fill == 'rgb(0, 0, 0)' && style.stroke == 'none';
}).length"""


class ReportInBrowser(ProgramTest):
    def write_report(self):
        path = self.run_sweep(SWEEP, "tiny", "--set", "record.certificate=true")
        fit = self.write("fit.json", json.dumps(fit_of("tiny", {"done": 32, "diverged": 0, "failed": 0})))
        done = report(path, "--fit", fit)
        self.assertEqual(done.returncode, 0, done.stderr)
        return Path(done.stdout.strip())

    def test_page_in_both_colour_schemes_narrow_and_wide(self):
        page = self.write_report()
        with Browser() as browser:
            for scheme in SCHEMES:
                for width in WIDTHS:
                    with self.subTest(scheme=scheme, width=width):
                        browser.open(page, width, scheme)
                        self.check_view(browser, page, scheme, width)

    def check_view(self, browser, page, scheme, width):
        self.assertEqual(browser.evaluate("innerWidth"), width)
        self.assertEqual(browser.evaluate(TOO_WIDE), [])
        self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), width)
        paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        self.assertEqual(paper, PAPER[scheme])
        if scheme == "dark":
            self.assertEqual(browser.evaluate(BLACK_ON_DARK), 0)
        self.check_tab_order(browser)
        self.assertEqual(browser.requests(), [page.as_uri()])
        self.assertEqual(browser.complaints(), [])

    def check_tab_order(self, browser):
        """Tab reaches every link, table, figure and listing, in the order of the page."""
        expected = browser.evaluate(REACHABLE)
        self.assertGreater(len(expected), 15)
        reached = []
        for _ in expected:
            browser.press_tab()
            reached.append(browser.evaluate(FOCUSED))
        self.assertEqual(reached, expected)

    def test_requests_and_complaints_would_be_noticed(self):
        page = self.write("bad.html", "<!DOCTYPE html><img src=absent.png><script>console.error('no')</script>")
        with Browser() as browser:
            browser.open(page, WIDTHS[0], SCHEMES[0])
            self.assertEqual(len(browser.requests()), 2)
            self.assertGreaterEqual(len(browser.complaints()), 1)
