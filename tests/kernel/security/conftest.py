import pytest
from gates import Gate


@pytest.fixture
def gate() -> Gate:
    return Gate()
