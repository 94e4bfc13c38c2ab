"""The declaration of the agent."""

from masterlinc.agent import Agent

agent = Agent(name="sbslinc", title="SbsLinc", title_ar="إس بي إس لينك", version="0.1.0", kernel=">=0.1,<1")
