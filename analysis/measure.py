"""What the errors of a result file are errors of, as figures and tables call it."""

from dataclasses import dataclass


@dataclass
class Measure:
    """A relative error: its name, and its definition as mathtext and as plain text."""

    name: str
    symbol: str
    definition: str
    method: str  # what the caption adds about the algorithm; empty for Algorithm 1 as it is


def of(settings):
    """The Measure of a file with these settings (its attribute, as a dictionary)."""
    if settings.get("algorithm", "sgda") == "sgda":
        learned = settings.get("train.row_norm") == "learned"
        return Measure(
            "relative error",
            r"$‖AA^{\top} - Z^{*}‖_F \;/\; ‖Z^{*}‖_F$",
            "||A A^T - Z*||_F / ||Z*||_F",
            "rows projected onto learned norms" if learned else "",
        )
    discriminator = settings["discriminator"].replace("_", " ")
    return Measure(
        "relative error of the norms",
        r"$\max_i\,|‖a_i‖ - ‖a^{*}_i‖| \;/\; \max_i\,‖a^{*}_i‖$",
        "max_i | ||a_i|| - ||a*_i|| | / max_i ||a*_i||",
        f"marginals learned by a {discriminator} discriminator",
    )
