"""The declaration of the agent."""

from masterlinc.agent import Agent

agent = Agent(name="nphieslinc", title="NphiesLinc", title_ar="نفيس لينك", version="0.1.0", kernel=">=0.1,<1")
