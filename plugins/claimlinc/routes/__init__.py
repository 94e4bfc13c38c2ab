"""The routes of claims, and those of their review."""

from claimlinc.routes.claims import router
from claimlinc.routes.reviews import review_router

__all__ = ["review_router", "router"]
