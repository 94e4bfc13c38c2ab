"""Made-up people from a fixed seed: the same seed makes the same people everywhere."""

import random
from datetime import date, timedelta

from masterlinc.agent import DemoPerson
from masterlinc.demo.names import FAMILY, FEMALE, MALE
from masterlinc.identity import make_saudi_id

CLASSES = ("A", "B", "B", "C", "C", "C", "VIP")
PAYERS = 3
_OLDEST = date(1946, 1, 1)
_DAYS = 28_800  # to late 2024
_IQAMA_SHARE = 0.35


def people(seed: int, count: int) -> tuple[DemoPerson, ...]:
    """Make `count` people."""
    chance = random.Random(seed)  # nosec B311 # noqa: S311 - the same people for the same seed is the point
    return tuple(_person(chance, number) for number in range(1, count + 1))


def _person(chance: random.Random, number: int) -> DemoPerson:
    male = bool(chance.getrandbits(1))
    given, father, family = chance.choice(MALE if male else FEMALE), chance.choice(MALE), chance.choice(FAMILY)
    foreign = chance.random() < _IQAMA_SHARE
    return DemoPerson(
        number=number,
        name=f"{given[0]} {father[0]} {family[0]}",
        name_ar=f"{given[1]} {father[1]} {family[1]}",
        gender="male" if male else "female",
        birth_date=_OLDEST + timedelta(days=chance.randrange(_DAYS)),
        identifier=make_saudi_id("iqama" if foreign else "national_id", 40_000_000 + number * 7919),
        phone=f"+96655{number:07d}",
        email=f"patient{number}@demo.masterlinc.test",
        record_number=f"MRN-{number:05d}",
        member_number=f"M{1_000_000 + number * 13}",
        payer=number % PAYERS,
        policy_class=chance.choice(CLASSES),
    )
