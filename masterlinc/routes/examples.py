"""Examples of what MasterLinc's own routes take, for the documentation of the API; a test sends each of them."""

from typing import Any

from litestar.enums import RequestEncodingType
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg

EXECUTE = {"task": "masterlinc.echo", "input": {"message": "hello"}}
GRAPH = {
    "workflow_name": "say it twice",
    "workflow_description": "The second step uses what the first one answered",
    "execution_mode": "mixed",
    "context": {"name": "Huda"},
    "steps": [
        {
            "step_id": "first",
            "agent_id": "masterlinc",
            "action": "echo",
            "input_data": {"message": "Peace be upon you, ${context.name}"},
            "depends_on": [],
            "timeout": 30,
        },
        {
            "step_id": "second",
            "agent_id": "masterlinc",
            "action": "echo",
            "input_data": {"message": {"said": "${first.message}"}},
            "depends_on": ["first"],
        },
    ],
    "wait_seconds": 10,
}
DELEGATE = {
    "task_description": "Check whether the policy covers this service",
    "task_description_ar": "التحقق من تغطية الوثيقة للخدمة",
    "context": {"policy_number": "P101-B"},
    "priority": 3,
    "timeout": 300,
}
MESSAGE = {
    "sender_id": "claimlinc",
    "receiver_id": "policylinc",
    "message_type": "note",
    "content": {"text": "Please look at member M1002730"},
    "priority": 5,
}


def body(example: dict[str, Any]) -> BodyKwarg:
    """Return what marks a JSON body, with an example."""
    return BodyKwarg(media_type=RequestEncodingType.JSON, examples=[Example(value=example)])
