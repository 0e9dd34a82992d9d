"""analysis/report.py on small real sweeps: a valid page that needs nothing else, its numbers, refusals."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest
from harness import DIVERGING, SOURCE, SWEEP, ProgramTest, forget, read
from report_page import Page, fit_of, report

sys.path.insert(0, str(SOURCE / "analysis"))
import document
import fit as fits
import gallery
import palette
import results
import style
import table

pytestmark = pytest.mark.release

FOUR_DONE = {"done": 4, "diverged": 0, "failed": 0}
ONE_CELL = ("--set", "grid.d=3", "--set", "grid.n=100", "--set", "grid.activation=tanh")


class Report(ProgramTest):
    def page(self, path, *arguments):
        """The report of a file, valid and self-contained."""
        done = report(path, "--out", self.folder, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        written = self.folder / f"{Path(path).stem}.report.html"
        self.assertEqual(done.stdout, f"{written}\n")
        self.check_valid(written)
        page = Page(written)
        self.check_ids(page)
        self.check_self_contained(page)
        self.check_figures(page)
        self.check_tables(page)
        return page

    def check_valid(self, path):
        done = subprocess.run(["tidy", "-quiet", "-errors", path], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def check_ids(self, page):
        """Each is there once, and each that is referred to is there."""
        attributes = [element.attributes for element in page.root]
        ids = [found["id"] for found in attributes if "id" in found]
        self.assertEqual(len(ids), len(set(ids)))
        values = " ".join(value for found in attributes for value in found.values() if value)
        referred = set(re.findall(r"url\(#([^)]*)\)", values))
        referred |= {found["href"][1:] for found in attributes if found.get("href", "").startswith("#")}
        referred |= {found["aria-labelledby"] for found in attributes if "aria-labelledby" in found}
        self.assertGreater(len(referred), 7)
        self.assertLessEqual(referred, set(ids))

    def check_self_contained(self, page):
        self.assertEqual(page.root.all("script", "img", "iframe", "object", "embed", "form"), [])
        for element in page.root:
            for name, value in element.attributes.items():
                self.assertFalse(name.startswith("on") or name == "src", name)
                if name in ("href", "xlink:href"):
                    self.assertRegex(value, r"^(#|data:,$)")
                self.assertNotRegex(value or "", r"\w://")
        (rules,) = (element.text for element in page.root.all("style"))
        self.assertNotRegex(rules, r"@import|url\(|\w:/")

    def check_figures(self, page):
        for svg in page.root.all("svg"):
            self.assertEqual(svg.attributes["role"], "img")
            self.assertRegex(svg.attributes["aria-label"], r"\w+.*: .*\d")
            self.assertTrue(svg.parent.parent.all("figcaption")[0].text)

    def check_tables(self, page):
        self.assertTrue(page.root.all("table"))
        for table in page.root.all("table"):
            self.assertTrue(table.all("caption")[0].text)
            self.assertTrue(all(heading.attributes["scope"] in ("col", "row") for heading in table.all("th")))
        for element in page.root.all("table", "pre", "svg"):
            box = element.parent.attributes
            self.assertEqual((box["role"], box["tabindex"]), ("region", "0"))
            self.assertTrue(box["aria-label"])

    def write_fit(self, name, runs, **changes):
        return self.write("fit.json", json.dumps(fit_of(name, runs) | changes))

    def check_refused(self, message, *arguments):
        """Exit 2, one line that contains `message`, and nothing written."""
        done = report(*arguments, "--out", self.folder / "refused.html")
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertFalse((self.folder / "refused.html").exists())

    def test_numbers_are_those_of_the_file_and_the_same_bytes_come_again(self):
        path = self.run_sweep(SWEEP, "tiny")
        page = self.page(path)
        final = read(path, "error")[:, :, -1] / read(path, "run")["truth_norm"]
        rows = page.root.section("cells").table("Final errors")
        self.assertEqual([int(row["cell"]) for row in rows], list(range(8)))
        for row, values in zip(rows, final):
            self.assertEqual([row[name] for name in ("requested", "committed", "done", "pending")], ["4", "4", "4", "0"])
            self.assertEqual(row["remarks"], "fewer than 5 runs")
            for name, value in (
                ("mean", values.mean()), ("median", np.median(values)), ("std.err", values.std(ddof=1) / 2)
            ):  # fmt: skip
                self.assertEqual(row[name], f"{value:.4g}")
        spoken = [svg.attributes["aria-label"] for svg in page.root.all("svg")]
        mean = final.mean(axis=1)  # leaky ReLU and tanh take turns; n = 100, n = 300
        self.assertIn(f"tanh, d = 3 {mean[1]:.3g} at n = 100 to {mean[3]:.3g} at n = 300", spoken[0])
        self.assertIn(f"tanh, d = 5 {mean[7]:.3g} (n = 300) to {mean[5]:.3g} (n = 100)", spoken[1])
        both = final[[1, 3]]
        self.assertIn(f"tanh, d = 3 8 runs from {both.min():.3g} to {both.max():.3g}", spoken[-1])
        self.assertIn("32 runs, of 50 iterations. All are committed. 32 done", page.root.all("header")[0].text)
        (execution,) = page.root.section("executions").table("Each run")
        self.assertEqual((execution["runs"], execution["exit status"]), ("32", "0"))
        attributes = {row["attribute"]: row["value"] for row in page.root.section("provenance").table("Attributes")}
        with h5py.File(path) as file:
            self.assertEqual(set(attributes), set(file.attrs))
            self.assertEqual(attributes["plan_digest"], file.attrs["plan_digest"])
        fit = self.folder / "asked.json"
        self.succeed("fit", path, "--json", fit)
        self.assertEqual(self.page(path, "--fit", fit).source, page.source)
        law = json.loads(fit.read_text(encoding="utf-8"))["families"][1]
        row = page.root.section("scaling-law").table(f"{law['label']}: fits")[1]
        for heading, name in (("a", "a"), ("b", "b"), ("α", "alpha"), ("β", "beta")):
            self.assertTrue(row[heading].startswith(f"{law['fits'][0][name]['value']:.2f} ["), row)
        self.assertIn(law["verdict"][0], page.root.section("scaling-law").text)

    def test_texts_of_the_file_are_only_text(self):
        text = "# <script>alert(1)</script> </pre> &amp; \"'\n" + SWEEP
        path = self.run_sweep(text, "tiny", *ONE_CELL, "--set", "record={at: [0, 50]}")
        page = self.page(path)
        spec, overrides = page.root.section("sweep-file").all("pre")
        self.assertEqual(spec.text.rstrip(), text.rstrip())
        self.assertIn("record={at: [0, 50]}", overrides.text)

    def test_unfinished_sweep_says_so_at_the_top_and_marks_its_cells(self):
        path = self.run_sweep(SWEEP.replace("count: 4", "count: 6"), "tiny")
        forget(path, 2, slice(1, None))
        forget(path, 5, slice(None))
        program = self.write("program", f"#!/bin/sh\nprintf '%s\\n' \"$@\" >'{self.folder}/asked'\nexit 2\n")
        program.chmod(0o755)
        page = self.page(path, "--program", program)
        warning = page.root.all("header")[0].all("p")[1]
        self.assertEqual(warning.attributes["class"], "warning")
        self.assertIn("not finished: 11 of its 48 runs are pending", warning.text)
        rows = page.root.section("cells").table("Final errors")
        remarks = {row["cell"]: row["remarks"] for row in rows if row["remarks"]}
        self.assertEqual(remarks, dict.fromkeys("25", "fewer than 5 runs, runs missing"))
        self.assertEqual((rows[5]["done"], rows[5]["mean"]), ("0", "–"))
        self.assertIn("--partial", (self.folder / "asked").read_text().split())

    def test_one_run(self):
        page = self.page(self.run_sweep(SWEEP, "tiny", *ONE_CELL, "--set", "grid.seed=[7]"))
        self.assertIn("1 cell with 1 seed each: 1 run", page.root.all("header")[0].text)
        self.assertEqual(len(page.root.all("svg")), 3)

    def test_diverged_runs_are_counted_and_a_sweep_of_nothing_else_has_no_figures(self):
        spec = self.write("all.yaml", DIVERGING.replace("ascent_step: 2.2", "ascent_step: 4").replace("leaky_relu(0.2), ", ""))
        path = self.folder / "all.h5"
        self.assertEqual(self.call("run", spec, "-o", path).returncode, 3)
        page = self.page(path)
        self.assertEqual(page.root.all("svg"), [])
        self.assertIn("0 done, 16 diverged", page.root.all("header")[0].text)
        self.assertIn("nothing to draw", page.root.section("result").text)

    def test_certificates_dimension_alone_and_a_shard(self):
        sets = ("grid.d=[2,3,4,6]", "grid.k=d", "grid.n=200", "record.certificate=true")
        options = [word for setting in sets for word in ("--set", setting)]
        path = self.run_sweep(SWEEP, "tiny", *options, "--shard", "2/2")
        page = self.page(path)
        spoken = [svg.attributes["aria-label"] for svg in page.root.all("svg")]
        self.assertTrue(any("ε of the certificate" in words for words in spoken))
        self.assertIn("Shard 2/2 of the sweep", page.root.all("header")[0].text)

    def test_shards_of_wide_runs_merged(self):
        text = SWEEP.replace("[100, 300]", "100").replace("[leaky_relu(0.2), tanh]", "tanh")
        text += "wide: {from_d: 5}\n"
        shards = [
            self.run_sweep(text, f"half{i}", "--shard", f"{i}/2", ranks=2) for i in (1, 2)
        ]
        path = self.folder / "merged.h5"
        self.succeed("merge", *shards, "-o", path)
        page = self.page(path)
        self.assertIn("8 runs", page.root.all("header")[0].text)
        kernels = {row["kernel"] for row in page.root.table("Each run of saddlesweep")}
        self.assertEqual(len(page.root.table("Each run of saddlesweep")), 2)
        self.assertNotIn("", kernels)
        self.assertEqual([row["d"] for row in page.root.table("Final errors")], ["3", "5"])

    def test_older_formats(self):
        for version, executions in ((2, "Not recorded"), (3, "Each run of saddlesweep")):
            packed = SOURCE / f"tests/data/version-{version}.h5.gz"
            path = self.folder / f"version-{version}.h5"
            path.write_bytes(gzip.decompress(packed.read_bytes()))
            self.assertIn(executions, self.page(path).root.section("executions").text)

    def test_fit_beside_the_bound(self):
        path = self.run_sweep(SWEEP, "tiny", *ONE_CELL)
        page = self.page(path, "--fit", self.write_fit("tiny", FOUR_DONE))
        section = page.root.section("scaling-law")
        bound, first, crossings = section.table("tanh, k = 2, k0 = k, m = n: fits")
        self.assertEqual((bound["a"], bound["b"]), ("5", "2"))
        self.assertEqual((first["a"], first["b"], first["log C"]), ("2.50 [2.00, 2.75]", "2.00 [–, 2.25]", "–"))
        self.assertEqual((first["fit to"], crossings["fit to"], crossings["R²"]), ("cells", "crossings", "0.987"))
        self.assertIn("a <is> less than 5 & b may be 2.", section.text)
        self.assertIn("No fit: only one d", section.text)
        errors, needed = (svg.attributes["aria-label"] for svg in section.all("svg"))
        self.assertIn("falls as n to the power -0.50 and grows as d to the power 1.25", errors)
        self.assertIn("n grows as d to the power 2.50 and ε to the power -2.00", needed)
        residuals = section.table("tanh, k = 2, k0 = k, m = n: cells")
        self.assertEqual([row["residual"] for row in residuals], ["0"] * 4)

    def test_without_a_fit_its_section_says_why(self):
        path = self.run_sweep(SWEEP, "tiny", *ONE_CELL)
        refusing = self.write("program", "#!/bin/sh\necho 'error: only one d <3>' >&2\nexit 2\n")
        refusing.chmod(0o755)
        section = self.page(path, "--program", "no-such-program").root.section("scaling-law")
        self.assertIn("no-such-program: no such program", section.text)
        with mock.patch.dict(os.environ, SADDLESWEEP=str(refusing)):
            section = self.page(path).root.section("scaling-law")
        self.assertIn("error: only one d <3>", section.text)
        self.assertEqual(section.all("svg"), [])

    def test_wrong_files_are_refused(self):
        path = self.run_sweep(SWEEP, "tiny", *ONE_CELL)
        self.check_refused("no such file", self.folder / "absent.h5")
        self.check_refused("cannot be read as an HDF5 file", self.write("text.h5", "not HDF5\n"))
        damaged = self.folder / "damaged.h5"
        shutil.copyfile(path, damaged)
        with h5py.File(damaged, "r+") as file:
            del file["error"]
        self.check_refused("damaged", damaged)
        self.check_refused("cannot be read", path, "--fit", self.folder / "absent.json")
        self.check_refused("is not JSON", path, "--fit", self.write("fit.json", "{"))
        self.check_refused("is not what `saddlesweep fit", path, "--fit", self.write("fit.json", "{}"))
        self.check_refused("format_version 2", path, "--fit", self.write_fit("tiny", FOUR_DONE, format_version=2))
        self.check_refused("another result file", path, "--fit", self.write_fit("other", FOUR_DONE))
        self.check_refused("earlier state", path, "--fit", self.write_fit("tiny", FOUR_DONE | {"done": 3}))
        self.check_refused("damaged or incomplete", path, "--fit", self.write_fit("tiny", FOUR_DONE, families=[{}]))
        done = report(path, "--out", path / "below" / "a.html")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("cannot be written", done.stderr)

    def test_long_tables_and_large_figures_are_cut_and_say_where_the_rest_is(self):
        path = self.run_sweep(SWEEP, "tiny")
        with mock.patch.object(table, "MOST_ROWS", 3), mock.patch.object(gallery, "MOST_BYTES", 99):
            text = document.build(results.read(path), fits.FitError("not asked"))
        page = Page(self.write("cut.html", text))
        self.assertEqual(len(page.root.section("cells").table("Final errors")), 3)
        self.assertIn("5 more cells left out here: analysis/figures.py writes all to tiny.csv", text)
        self.assertEqual(page.root.all("svg"), [])
        self.assertIn("tiny-iterations.svg", page.root.section("result").text)

    def test_colours_have_contrast_on_light_and_dark_pages(self):
        rules = (SOURCE / "analysis/report.css").read_text(encoding="utf-8")
        for scheme, block in zip(("light", "dark"), re.findall(r":root \{([^}]*)\}", rules)):
            named = dict(re.findall(r"--(\w+(?:-\w+)?): (#[0-9a-f]{6})", block))
            self.assertEqual(named["paper"], palette.BACKGROUND[scheme])
            for name in ("ink", "soft", "link"):
                self.assertGreaterEqual(contrast(named[name], named["paper"]), 4.5, (scheme, name))
                self.assertGreaterEqual(contrast(named[name], named["warn-shade"]), 4.5, (scheme, name))
            colours = {*style.LINE_COLOURS, *(to_hex(colour) for colour in style.ordered_colours(40))}
            for colour in colours:
                shown = palette.adapted(colour.lower(), scheme)
                self.assertGreaterEqual(contrast(shown, named["paper"]), 4.5, (scheme, colour))


def to_hex(colour):
    return "#" + "".join(f"{round(255 * value):02x}" for value in colour[:3])


def contrast(first, second):
    """As WCAG 2 defines it, without palette.py's matrices."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
