"""Figures on the report's page: numbered, with captions, within the room that there is."""

import inline_svg
import markup

MOST_BYTES = 3_500_000


class Gallery:
    """Gives figures their numbers. What does not fit in MOST_BYTES is left out, and named."""

    def __init__(self):
        self.count = 0
        self.room = MOST_BYTES

    def show(self, pages, stem):
        """The pages of a figure, up to the first for which there is no room; `stem` is the name under
        which figures.py saves them."""
        shown = []
        for number, page in enumerate(pages, start=1):
            svg = inline_svg.convert(page.svg(), f"figure-{self.count + 1}", page.alt)
            if len(svg) > self.room:
                suffix = "" if number == 1 else f"-{number}"
                shown.append(markup.paragraph(
                    f"The rest of this figure would make the page too large: <code>analysis/figures.py</code> "
                    f"writes it to <code>{markup.text(stem + suffix)}.svg</code>"
                    f"{' and on' if number > 1 else ''}.", "soft",
                ))  # fmt: skip
                break
            self.count += 1
            self.room -= len(svg)
            shown.append(self._figure(svg, page.caption))
        return "".join(shown)

    def _figure(self, svg, caption):
        box = markup.scroll(f"Figure {self.count}", svg, "figure")
        text = f"<b>Figure {self.count}.</b> {markup.math(caption)}"
        return f"<figure>\n{box}<figcaption>{text}</figcaption>\n</figure>\n"
