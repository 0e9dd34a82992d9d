"""Pieces of HTML as text. Whatever comes from a file goes through text() or math()."""

import html
import re

SYMBOLS = {r"\epsilon": "ε", r"\alpha": "α", r"\beta": "β", r"\log": "log", r"\,": " "}


def text(value):
    """Any value as plain text of a page."""
    return html.escape(str(value))


def math(value):
    """Text with mathtext between dollar signs, as the captions have it."""
    pieces = re.split(r"\$([^$]*)\$", str(value))
    return "".join(_formula(piece) if i % 2 else text(piece) for i, piece in enumerate(pieces))


def _formula(piece):
    for command, symbol in SYMBOLS.items():
        piece = piece.replace(command, symbol)
    piece = re.sub(r"(?<![^\W_])([A-Za-z])(?![^\W_])", r"<i>\1</i>", text(piece))
    for mark, tag in (("_", "sub"), (r"\^", "sup")):
        piece = re.sub(mark + r"(?:\{([^}]*)\}|(\w))", rf"<{tag}>\1\2</{tag}>", piece)
    return piece.replace("-", "−").replace(" ", "\u00a0")


def paragraph(content, kind=""):
    return f"<p{_class(kind)}>{content}</p>\n"


def section(key, heading, content):
    """A section that the table of contents can point to."""
    return (
        f'<section id="{key}" aria-labelledby="{key}-heading">\n'
        f'<h2 id="{key}-heading">{text(heading)}</h2>\n{content}</section>\n'
    )


def scroll(label, content, kind=""):
    """A box that scrolls by itself, and that the keyboard reaches."""
    return (
        f'<div class="{f"scroll {kind}".strip()}" role="region" tabindex="0" aria-label="{text(label)}">\n'
        f"{content}</div>\n"
    )


def listing(label, content):
    """A file, verbatim."""
    return scroll(label, f"<pre>{text(content)}</pre>\n")


def table(caption, headings, rows, marked=(), kind=""):
    """A table in a box of its own. The first column has the rows' names; `marked`: indices of rows
    that need attention. Columns of numbers, and of dashes for those that there are none of, go to
    the right."""
    sides = [_side(column) for column in zip(*rows)] or [""] * len(headings)
    head = "".join(
        f'<th scope="col"{_class(side)}>{text(heading)}</th>' for heading, side in zip(headings, sides)
    )
    lines = [
        f"<table>\n<caption>{text(caption)}</caption>",
        f"<thead><tr>{head}</tr></thead>",
        "<tbody>",
        *(_row(row, sides, "marked" if i in marked else "") for i, row in enumerate(rows)),
        "</tbody>\n</table>\n",
    ]
    return scroll(f"Table: {caption}", "\n".join(lines), kind)


def _row(row, sides, kind):
    first, *others = (
        f"{_class(side)}>{cell(value)}" for value, side in zip(row, sides)
    )
    cells = "".join(f"<td{other}</td>" for other in others)
    return f'<tr{_class(kind)}><th scope="row"{first}</th>{cells}</tr>'


def _side(column):
    """`long` for a column that may have several lines."""
    texts = [value for value in column if isinstance(value, str)]
    if max(map(len, texts), default=0) > LONG:
        return "long"
    return "number" if all(re.fullmatch(NUMBER, value) for value in texts) else ""


LONG = 60  # letters of a cell
NUMBER = r"[\d.e+-]+( \[.*\])?|inf|"  # perhaps with an interval
DASH = "–"
"""Of a value that there is none of."""


def cell(value):
    """A value as the content of a table's cell; four digits of a number that is no integer."""
    if value is None or value != value:
        return DASH
    return f"{value:.4g}" if isinstance(value, float) else text(value)


def _class(name):
    return f' class="{name}"' if name else ""
