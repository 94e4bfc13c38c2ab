"""The declaration of the agent."""

from masterlinc.agent import Agent

agent = Agent(name="policylinc", title="PolicyLinc", title_ar="بوليصة لينك", version="0.1.0", kernel=">=0.1,<1")
