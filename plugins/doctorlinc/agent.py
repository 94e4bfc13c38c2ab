"""The declaration of the agent."""

from masterlinc.agent import Agent

agent = Agent(name="doctorlinc", title="DoctorLinc", title_ar="دكتور لينك", version="0.1.0", kernel=">=0.1,<1")
