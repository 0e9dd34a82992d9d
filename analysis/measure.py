"""What the errors of a result file are errors of, as figures and tables call it."""

from dataclasses import dataclass


@dataclass
class Measure:
    """A relative error: its name, and its definition as mathtext and as plain text."""

    name: str
    symbol: str
    definition: str
    method: str  # what the caption adds about the algorithm; empty for Algorithm 1 as it is


def of(settings, row_norms):
    """The Measure of a file with these settings (its attribute, as a dictionary), and these row norms in its cells."""
    if settings.get("algorithm", "sgda") == "sgda":
        return Measure(
            "relative error",
            r"$‖AA^{\top} - Z^{*}‖_F \;/\; ‖Z^{*}‖_F$",
            "||A A^T - Z*||_F / ||Z*||_F",
            "rows projected onto learned norms" if row_norms == {"learned"} else "",
        )
    discriminator = settings["discriminator"].replace("_", " ")
    return Measure(
        "relative error of the norms",
        r"$\max_i\,|‖a_i‖ - ‖a^{*}_i‖| \;/\; \max_i\,‖a^{*}_i‖$",
        "max_i | ||a_i|| - ||a*_i|| | / max_i ||a*_i||",
        f"marginals learned by a {discriminator} discriminator",
    )
