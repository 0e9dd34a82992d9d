"""Functions of analysis/ by themselves, at the edges that whole figures and reports do not come to."""

import sys
import unittest

import pytest
from harness import SOURCE

sys.path.insert(0, str(SOURCE / "analysis"))
import document  # noqa: E402

pytestmark = pytest.mark.release


class Document(unittest.TestCase):
    def test_eight_values_are_listed_and_more_are_counted(self):
        self.assertEqual(document._listed([3]), "3")
        self.assertEqual(document._listed(range(1, 9)), "1, 2, 3, 4, 5, 6, 7, 8")
        self.assertEqual(document._listed(range(1, 10)), "1 to 9 (9 values)")
