"""The declaration of the agent."""

from masterlinc.agent import Agent

agent = Agent(name="authlinc", title="AuthLinc", title_ar="أوث لينك", version="0.1.0", kernel=">=0.1,<1")
