"""Figures on the report's page: numbered, with captions, within the room that there is."""

import inline_svg
import markup

MOST_BYTES = 4_000_000  # of all figures together


class Gallery:
    """Gives figures their numbers. None takes more than half of the room that is left: those after
    it have room as well."""

    def __init__(self):
        self.count = 0
        self.room = MOST_BYTES

    def show(self, pages, stem=None):
        """The pages of a figure, as far as there is room. `stem`: of the files in which figures.py
        saves them, if it does."""
        share = self.room / 2
        shown = []
        for page in pages:
            svg = inline_svg.convert(page.svg(), f"figure-{self.count + 1}", page.alt)
            share -= len(svg)
            if share < 0:
                shown.append(markup.paragraph(_left_out(stem), "soft"))
                break
            self.count += 1
            self.room -= len(svg)
            shown.append(self._figure(svg, page.caption))
        return "".join(shown)

    def _figure(self, svg, caption):
        box = markup.scroll(f"Figure {self.count}", svg, "figure")
        text = f"<b>Figure {self.count}.</b> {markup.math(caption)}"
        return f"<figure>\n{box}<figcaption>{text}</figcaption>\n</figure>\n"


def _left_out(stem):
    """Where to find what there is no room for."""
    text = "This figure has more pages than there is room for."
    if stem:
        text += f" analysis/figures.py writes all of them: {stem}.svg, {stem}-2.svg and so on."
    return markup.text(text)
