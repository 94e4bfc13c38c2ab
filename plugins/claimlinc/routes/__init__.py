"""The routes of claims, of their review, and of authorizations."""

from claimlinc.routes.authorizations import authorization_router
from claimlinc.routes.claims import router
from claimlinc.routes.reviews import review_router

__all__ = ["authorization_router", "review_router", "router"]
