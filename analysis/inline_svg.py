"""Makes a figure of matplotlib part of a page: unique ids, colours for light and dark pages."""

import re
from xml.etree import ElementTree

import palette

ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
PIXELS = 96 / 72  # of a point
NARROWEST = 0.75  # of its own width, to which a figure shrinks before it scrolls


def convert(source, key, alt):
    """The figure of an SVG file as inline SVG.

    `key` begins every id, and so keeps figures apart; `alt` is what screen readers say. Colours
    become variables that palette.css() defines for those that occur.
    """
    root = ElementTree.fromstring(source)
    for element in (root.find(f"{SVG}metadata"), root.find(f"{SVG}defs")):
        root.remove(element)  # an address; a style that would hold for the whole page
    _rename(root, key)
    for element in root.iter():
        _restyle(element)
        _round(element)
    width = float(root.get("width").removesuffix("pt")) * PIXELS
    root.attrib = {
        "viewBox": root.get("viewBox"),
        "role": "img",
        "aria-label": alt,
        "style": f"fill:currentColor;min-width:{NARROWEST * width:.0f}px;max-width:{width:.0f}px",
    }
    return _text(root)


def _rename(root, key):
    """Ids that are referred to begin with the key; the others go."""
    used = {element.get(HREF)[1:] for element in root.iter() if HREF in element.attrib}
    used |= set(re.findall(r"url\(#([^)]*)\)", " ".join(_values(root))))
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{key}-{name}")
        if HREF in element.attrib:
            element.set("href", f"#{key}-{element.attrib.pop(HREF)[1:]}")
        for attribute, value in element.attrib.items():
            element.set(attribute, value.replace("url(#", f"url(#{key}-"))


def _values(root):
    return (value for element in root.iter() for value in element.attrib.values())


def _restyle(element):
    """Colours as variables."""
    style = element.get("style")
    if style:
        style = re.sub(r"#[0-9a-f]{6}", lambda match: palette.variable(match[0]), style)
        element.set("style", style.replace(": ", ":").replace("; ", ";"))


def _round(element):
    """Hundredths of a point are enough, and half the bytes."""
    for name in ("d", "x", "y", "width", "height"):
        if name in element.attrib:
            element.set(name, _rounded(element.get(name)))
    if "translate" in element.get("transform", ""):
        places, bracket, rest = element.get("transform").partition(")")
        element.set("transform", _rounded(places) + bracket + rest)


def _rounded(numbers):
    short = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), numbers)
    return " ".join(short.split())


def _text(root):
    """As HTML has it: without namespaces and indentation."""
    for element in root.iter():
        element.tail = None
        if element.text and not element.text.strip():
            element.text = None
    text = ElementTree.tostring(root, encoding="unicode")
    return text.replace(' xmlns="http://www.w3.org/2000/svg"', "") + "\n"
