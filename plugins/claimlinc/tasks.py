"""What other agents and the workflow may ask of claims."""

from claimlinc.contract import (
    DecidedSubmission,
    DecideSubmission,
    LoadClaim,
    LoadedClaim,
    RecordAnswer,
    RecordClaim,
    RecordedAnswer,
    RecordedClaim,
)
from claimlinc.schemas import ValidateClaim, ValidatedClaim
from claimlinc.service import answering, deciding, intake, loading, recording, steps
from masterlinc.agent import StepDone, StepInput, Task

TASKS = (
    Task(
        RecordClaim,
        RecordedClaim,
        recording.record_claim,
        "Record a submission and start its workflow",
        "تسجيل مطالبة وبدء معالجتها",
        joins_transaction=True,
    ),
    Task(
        LoadClaim,
        LoadedClaim,
        loading.load_claim,
        "Load a claim with its normalised lines",
        "تحميل مطالبة مع بنودها الموحدة",
        joins_transaction=True,
    ),
    Task(
        DecideSubmission,
        DecidedSubmission,
        deciding.decide_submission,
        "Decide a submission as its payer",
        "اتخاذ قرار الجهة الدافعة في مطالبة",
        joins_transaction=True,
    ),
    Task(
        RecordAnswer,
        RecordedAnswer,
        answering.record_answer,
        "Record what the payer answered",
        "تسجيل رد الجهة الدافعة",
        joins_transaction=True,
    ),
    Task(
        ValidateClaim,
        ValidatedClaim,
        intake.validate,
        "Check a claim without recording it",
        "التحقق من مطالبة دون تسجيلها",
        permission="claim:submit",
        joins_transaction=True,
        tool=True,
        name="validate",
    ),
    Task(
        StepInput,
        StepDone,
        steps.normalize,
        "Normalise a claim's codes",
        "توحيد رموز المطالبة",
        joins_transaction=True,
        name="normalize",
    ),
    Task(
        StepInput,
        StepDone,
        steps.apply_financial_rules,
        "Check a claim's arithmetic",
        "التحقق من حسابات المطالبة",
        joins_transaction=True,
        name="apply_financial_rules",
    ),
    Task(
        StepInput,
        StepDone,
        steps.validate_policy,
        "Find a claim's cover",
        "البحث عن تغطية المطالبة",
        joins_transaction=True,
        name="validate_policy",
    ),
    Task(
        StepInput,
        StepDone,
        steps.sign,
        "Sign a claim",
        "توقيع المطالبة",
        joins_transaction=True,
        name="sign",
    ),
)
