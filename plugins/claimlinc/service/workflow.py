"""The claim's workflow: `submitted` is done with the commit that starts it; the exchange's steps are nphieslinc's.

An authorization has one that waits for its last day, a request that is not answered at once one that watches the time.
Research has a workflow of its own, which a schedule starts.
"""

from masterlinc.agent import Step, Workflow

CLAIM = Workflow(
    name="claim",
    version=1,
    steps=(
        Step("normalized", "claimlinc.normalize"),
        Step("financial_rules", "claimlinc.apply_financial_rules"),
        Step("policy_validation", "claimlinc.validate_policy"),
        Step("signing", "claimlinc.sign"),
        Step("nphies_submission", "nphieslinc.submit_claim", outside=True),
        Step("adjudicated", "nphieslinc.record_answer"),
    ),
)
CLAIM_NAME = f"claimlinc.{CLAIM.name}"
RESEARCH = Workflow(name="research", version=1, steps=(Step("published", "claimlinc.publish_research"),))
AUTHORIZATION = Workflow(name="authorization", version=1, steps=(Step("expired", "claimlinc.expire_authorization"),))
AUTHORIZATION_CLOCK = Workflow(
    name="authorization_clock", version=1, steps=(Step("answered", "claimlinc.watch_authorization"),)
)
