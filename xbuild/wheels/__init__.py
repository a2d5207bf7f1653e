"""Static audit of wheels: what can be known about a wheel without running it."""

from xbuild.wheels.audit import audit
from xbuild.wheels.model import AuditResult, Finding, ModuleFacts
from xbuild.wheels.probing import Parsers

__all__ = ["AuditResult", "Finding", "ModuleFacts", "Parsers", "audit"]
