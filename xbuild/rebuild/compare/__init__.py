"""What differs between two wheels that should be the same, and probably why."""

from xbuild.rebuild.compare.model import Cause, Comparison, Difference, EntryDifference, SectionDifference
from xbuild.rebuild.compare.wheels import compare_wheels

__all__ = ["Cause", "Comparison", "Difference", "EntryDifference", "SectionDifference", "compare_wheels"]
