"""Greetings over HTTP."""

from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from masterlinc.context import Context
from toylinc import service
from toylinc.contract import Greet, Greeting


@post("/toys/greetings", opt={"permission": "toy:greet"}, summary="Greet somebody")
async def greet(ctx: NamedDependency[Context], data: JSONBody[Greet]) -> Greeting:
    """Greet somebody, and count it."""
    return await service.greet(ctx, data)


router = Router("/", route_handlers=[greet])
