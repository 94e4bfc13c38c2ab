from datetime import timedelta

from masterlinc.memory import Memory


def test_a_value_is_remembered_for_its_time(clock):
    memory = Memory(clock, timedelta(seconds=30))
    memory.keep("hospital", "N-F-1", "ORG-1")
    assert (memory.get("N-F-1"), memory.get("ORG-1"), memory.get("N-F-2")) == ("hospital", "hospital", None)
    clock.advance(timedelta(seconds=30))
    assert memory.get("N-F-1") is None


def test_a_value_that_is_kept_again_lives_on(clock):
    memory = Memory(clock, timedelta(seconds=30))
    memory.keep(1, "key")
    clock.advance(timedelta(seconds=20))
    memory.keep(2, "key")
    clock.advance(timedelta(seconds=20))
    assert memory.get("key") == 2


def test_a_full_memory_is_emptied_and_never_grows_beyond_its_bound(clock):
    memory = Memory(clock, timedelta(hours=1), most=3)
    for number in range(4):
        memory.keep(number, number)
    assert [memory.get(number) for number in range(4)] == [None, None, None, 3]


def test_it_can_be_told_to_forget(clock):
    memory = Memory(clock, timedelta(hours=1))
    memory.keep(1, "key")
    memory.clear()
    assert memory.get("key") is None
