"""The declaration of the agent."""

from masterlinc.agent import Agent

agent = Agent(name="claimlinc", title="ClaimLinc", title_ar="كليم لينك", version="0.1.0", kernel=">=0.1,<1")
