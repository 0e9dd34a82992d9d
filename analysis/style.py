"""How the figures look: fonts, colours, ticks of logarithmic axes, page layout, saving."""

import io
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib import ticker
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

# Okabe and Ito's colours, safe for colour-blind readers, in an order whose greys differ.
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))

PANEL_WIDTH, PANEL_HEIGHT = 2.9, 2.4  # inches, all lengths below too
LEFT, RIGHT, BOTTOM = 0.86, 0.17, 0.46
GAP_X, GAP_Y = 0.22, 0.42
LEGEND_ROW, CAPTION_ROW, SUBTITLE_ROW = 0.2, 0.15, 0.16
ABOVE_TICKS = 6  # points: where a text at the bottom edge begins
CAPTION_SIZE = 8  # points
SHADOW_INK = 0.42  # opacity that the shadows of a panel share

RC = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 10,
    "axes.labelsize": 10.5,
    "axes.titlesize": 10.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9.5,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "saddlesweep",
}


class Page:
    """A grid of panels with one legend above, laid out in inches.

    `caption` goes below it in a file of its own, and is left to the report's page there; both may
    hold mathtext. `alt` says in words what the figure shows, for those who do not see it.
    """

    def __init__(self, rows, columns, caption, legend_entries, alt, entry_width=1.1, subtitles=False):
        self.caption, self.alt = caption, alt
        gap_y = GAP_Y + SUBTITLE_ROW * subtitles
        self.width = LEFT + RIGHT + columns * PANEL_WIDTH + (columns - 1) * GAP_X
        self.legend_columns = max(1, min(legend_entries, int(self.width / entry_width)))
        self.top = 0.32 + SUBTITLE_ROW * subtitles + LEGEND_ROW * -(-legend_entries // self.legend_columns)
        self.panels_height = rows * PANEL_HEIGHT + (rows - 1) * gap_y
        self.figure, self.axes = plt.subplots(
            rows, columns, sharex=True, sharey=True, squeeze=False,
            gridspec_kw={"wspace": GAP_X / PANEL_WIDTH, "hspace": gap_y / PANEL_HEIGHT},
        )  # fmt: skip
        self._leave_below(BOTTOM)

    def _leave_below(self, bottom):
        """Gives the figure its height, with `bottom` below the panels."""
        height = self.top + bottom + self.panels_height
        self.figure.set_size_inches(self.width, height)
        self.figure.subplots_adjust(
            left=LEFT / self.width, right=1 - RIGHT / self.width,
            bottom=bottom / height, top=1 - self.top / height,
        )  # fmt: skip
        return height

    def _write_caption(self):
        lines = wrap(self.caption, self.width - 2 * RIGHT)
        height = self._leave_below(BOTTOM + CAPTION_ROW * len(lines) + 0.12)
        self.figure.text(
            RIGHT / self.width, 0.06 / height, "\n".join(lines), fontsize=CAPTION_SIZE,
            color="0.25", va="bottom", linespacing=1.2,
        )  # fmt: skip

    def label(self, x, y):
        """Labels the outer axes, and hides panels without data."""
        for axes in self.axes.flat:
            axes.set_visible(axes.has_data())
        for column in self.axes.T:
            shown = [axes for axes in column if axes.get_visible()]
            if shown:
                shown[-1].set_xlabel(x)
                shown[-1].tick_params(labelbottom=True)
        for axes in self.axes[:, 0]:
            axes.set_ylabel(y)

    def legend(self, handles):
        self.figure.legend(
            handles=handles, loc="upper center", ncol=self.legend_columns, frameon=False,
            borderaxespad=0.3, handlelength=2.6, columnspacing=1.6,
        )  # fmt: skip

    def save(self, stem, formats):
        """Writes stem.png, .pdf or .svg, the same bytes for the same data; returns the paths."""
        self._write_caption()
        undated = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
        paths = [Path(f"{stem}.{suffix}") for suffix in formats]
        for path, suffix in zip(paths, formats):
            self.figure.savefig(path, format=suffix, metadata=undated[suffix])
        plt.close(self.figure)
        return paths

    def svg(self):
        """The figure without caption and background as the text of an SVG file, letters as outlines:
        they look the same wherever the page is read."""
        text = io.StringIO()
        with plt.rc_context({"svg.fonttype": "path"}):
            self.figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
        plt.close(self.figure)
        return text.getvalue()


def use():
    """Sets matplotlib up for the figures of this folder."""
    plt.rcParams.update(RC)


def wrap(text, width):
    """Splits text into lines of at most `width` inches, between words; a formula is one."""
    font = FontProperties(size=CAPTION_SIZE)
    measure = TextToPath().get_text_width_height_descent
    space = 0.25 * CAPTION_SIZE
    lines, room = [], 0.0
    for word in re.findall(r"(?:\$[^$]*\$|[^\s$])+", text):
        length = measure(word, font, ismath="$" in word)[0] + space
        if length > room or not lines:
            lines.append([])
            room = width * 72 + space
        lines[-1].append(word)
        room -= length
    return [" ".join(words) for words in lines]


def category_styles(count):
    """Colour, marker and dashes for each of `count` lines to be told apart."""
    if count <= len(LINE_COLOURS):
        colours = LINE_COLOURS
    else:
        colours = ordered_colours(count)
    return [
        {
            "color": colours[i],
            "marker": MARKERS[i % len(MARKERS)],
            "linestyle": DASHES[i % len(DASHES)],
        }
        for i in range(count)
    ]


def ordered_colours(count):
    """Colours from light to dark for an ascending parameter; their greys are in order too."""
    if count == 1:
        return [LINE_COLOURS[0]]
    return [tuple(colour) for colour in plt.get_cmap("viridis")(np.linspace(0.85, 0, count))]


def shadow_opacity(lines):
    """Opacity of one shadow, such that those of all lines of a panel together stay light."""
    return min(0.16, SHADOW_INK / lines)


def limits(values, margin=0.06):
    """Limits of a logarithmic axis around the positive finite values; None if there are none."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values) & (values > 0)]
    if values.size == 0:
        return None
    low, high = np.log10([values.min(), values.max()])
    pad = max(margin * (high - low), 0.05)
    return 10 ** (low - pad), 10 ** (high + pad)


def set_log_y(axes, bounds):
    """A logarithmic y axis with readable ticks; left linear without bounds (all values zero)."""
    if bounds is None:
        return
    axes.set_yscale("log")
    axes.set_ylim(bounds)
    set_ticks(axes.yaxis, log_ticks(*bounds))


def set_log_x(axes, places, texts=None):
    """A logarithmic x axis with ticks at the data's own places, ascending, as far as their labels fit."""
    bounds = limits(places, 0.07)
    texts = texts or [plain_number(place) for place in places]
    inches = np.log(places) / np.log(bounds[1] / bounds[0]) * PANEL_WIDTH
    kept = thin(inches, texts)
    axes.set_xscale("log")
    axes.set_xlim(bounds)
    set_ticks(axes.xaxis, np.asarray(places)[kept], [texts[i] for i in kept])


def set_titles(axes, title, subtitle, size):
    """A title, and a smaller line below it (which a Page with subtitles has room for)."""
    axes.set_title(title, fontsize=size, pad=6 + 72 * SUBTITLE_ROW * bool(subtitle))
    axes.annotate(
        subtitle, (0.5, 1), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points",
        ha="center", va="bottom", fontsize=8,
    )  # fmt: skip


def floor(bounds):
    """Where shadows end that go below the axis."""
    return bounds[0] if bounds else -np.inf


def chunks(items, size):
    """Splits a list into lists of at most `size`: the rows or columns of a page."""
    return [items[first : first + size] for first in range(0, len(items), size)]


def log_ticks(low, high):
    """Labelled places of a logarithmic axis: decades if these are enough, else 1-2-5, else even."""
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5)):
        places = np.sort(np.outer(10.0**decades, digits).ravel())
        places = places[(places >= low) & (places <= high)]
        if len(places) >= 3:
            step = -(-len(places) // 9)
            return places[::step]
    even = ticker.MaxNLocator(5).tick_values(low, high)
    return even[(even >= low) & (even <= high)]


def set_ticks(axis, places, texts=None):
    """Labels exactly these places of a logarithmic axis; the usual minor ticks stay unlabelled."""
    axis.set_major_locator(ticker.FixedLocator(places))
    axis.set_major_formatter(ticker.FixedFormatter(texts or [plain_number(p) for p in places]))
    axis.set_minor_formatter(ticker.NullFormatter())


def plain_number(value):
    """A number as a tick label: 0.05, 500 or 20000 as they are, others as powers of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.6g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    digits = f"{float(mantissa):g}"
    power = rf"10^{{{int(exponent)}}}"
    return f"${power}$" if digits == "1" else rf"${digits}{{\times}}{power}$"


def thin(places, texts):
    """Indices of tick labels that fit: the ends, and from the left on what leaves room.

    `places` are ascending, in inches.
    """
    half = [0.04 + 0.033 * len(text) for text in texts]

    def fit(i, j):
        return places[j] - places[i] >= half[i] + half[j]

    last = len(places) - 1
    kept = [0]
    for i in range(1, last):
        if fit(kept[-1], i) and fit(i, last):
            kept.append(i)
    return kept + [last] if last else kept
