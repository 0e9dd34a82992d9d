"""Colours of figures on light and on dark pages: the same hues, light enough or dark enough."""

import re

import numpy as np

VARIABLE = re.compile(r"var\(--c-([0-9a-f]{6})\)")
KNEE = 8
"""Of lightness: how far before a bound colours begin to be drawn together."""
WHITE = np.array([0.95047, 1.0, 1.08883])  # XYZ of sRGB's white, D65
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
BACKGROUND = {"light": "#ffffff", "dark": "#14171c"}  # as in report.css
GREY = 6
"""Chroma up to which a colour is a grey: these are turned round on dark pages, white to the page."""
DARKEST, LIGHTEST = 55, 49
"""Lightness (CIE L*) of a colour on dark and on light pages: contrast 4.5:1, so that it does for words."""


def variable(colour):
    """The CSS variable of a colour `#rrggbb`."""
    return f"var(--c-{colour[1:]})"


def css(page):
    """Rules that define the variables that the text of a page uses."""
    names = sorted(set(VARIABLE.findall(page)))
    light, dark = (
        "".join(f"--c-{digits}:{adapted(f'#{digits}', scheme)};" for digits in names)
        for scheme in BACKGROUND
    )
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"


def adapted(colour, scheme):
    """The colour as a `light` or `dark` page shows it; the order of lightness is kept."""
    lab = _to_lab(colour)
    if np.hypot(*lab[1:]) <= GREY:
        if scheme == "dark":
            paper = _to_lab(BACKGROUND["dark"])[0]
            lab[0] = paper + (95 - paper) * max(0, 1 - lab[0] / 100) ** 0.75
    elif scheme == "dark":
        lab[0] = 100 - _limited(100 - lab[0], 100 - DARKEST)
    else:
        lab[0] = _limited(lab[0], LIGHTEST)
    return _to_hex(lab)


def _limited(lightness, bound):
    """At most `bound`, in the same order as before."""
    knee = bound - KNEE
    return lightness if lightness <= knee else knee + (lightness - knee) * KNEE / (100 - knee)


def _linear(colour):
    """Red, green and blue in proportion to light, 0 to 1."""
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _to_lab(colour):
    """CIE L*a*b*."""
    x, y, z = np.cbrt(np.maximum(TO_XYZ @ _linear(colour) / WHITE, 0))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _to_hex(lab):
    y = (lab[0] + 16) / 116
    xyz = np.array([y + lab[1] / 500, y, y - lab[2] / 200]) ** 3 * WHITE
    linear = np.clip(np.linalg.solve(TO_XYZ, xyz), 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * value):02x}" for value in encoded)
