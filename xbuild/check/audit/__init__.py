"""Static audit of wheels: what can be known about a wheel without running it."""

from xbuild.check.audit.audit import audit
from xbuild.check.model import AuditResult, Finding, ModuleFacts
from xbuild.check.native.parser import Parsers

__all__ = ["AuditResult", "Finding", "ModuleFacts", "Parsers", "audit"]
