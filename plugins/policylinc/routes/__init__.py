"""The routes of policies, of their members, and of the terms that they stand on."""

from policylinc.routes.members import router as member_router
from policylinc.routes.policies import router
from policylinc.routes.terms import router as term_router

__all__ = ["member_router", "router", "term_router"]
