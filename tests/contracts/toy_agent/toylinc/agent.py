"""The declaration of the agent."""

from pathlib import Path

from masterlinc.agent import Agent, Permission, Step, StepDone, StepInput, Subscription, Task, Workflow
from toylinc import cli, service
from toylinc.config import ToyConfig
from toylinc.contract import Greet, Greeted, Greeting
from toylinc.routes import router
from toylinc.tables import GreetingRow

agent = Agent(
    name="toylinc",
    title="ToyLinc",
    title_ar="لعبة لينك",
    version="2.0.0",
    kernel=">=0.1,<1",
    config=ToyConfig,
    routers=(router,),
    tables=(GreetingRow,),
    migrations=str(Path(__file__).parent / "migrations"),
    publishes=(Greeted,),
    subscribes=(Subscription("count", Greeted, service.count),),
    tasks=(
        Task(Greet, Greeting, service.greet, "Greet somebody", "تحية شخص", permission="toy:greet"),
        Task(StepInput, StepDone, service.wave, "Wave", "تلويح", name="wave", joins_transaction=True),
    ),
    workflows=(Workflow("waving", 1, (Step("wave", "toylinc.wave"),)),),
    permissions=(Permission("toy:greet", "Greet people", "تحية الناس"),),
    health=service.check,
    lifespan=service.lifespan,
    cli=(cli.add,),
)
