"""Patients, practitioners, schedules and appointments."""

from doctorlinc.contract import AppointmentBooked, PatientRegistered
from doctorlinc.demo import demo
from doctorlinc.routes import router
from doctorlinc.tables import TABLES
from doctorlinc.tasks import TASKS
from masterlinc.agent import Agent, Permission

agent = Agent(
    name="doctorlinc",
    title="DoctorLinc",
    title_ar="دكتور لينك",
    version="0.1.0",
    kernel=">=0.1,<1",
    description="Patients, practitioners and their appointments.",
    description_ar="المرضى والممارسون ومواعيدهم.",
    category="clinical",
    capabilities=("patient_records", "practitioner_directory", "scheduling"),
    requires=("authlinc",),
    routers=(router,),
    tables=TABLES,
    publishes=(PatientRegistered, AppointmentBooked),
    tasks=TASKS,
    demo=demo,
    permissions=(
        Permission("patient:read", "See and search patients", "عرض المرضى والبحث عنهم"),
        Permission("patient:create", "Register patients", "تسجيل المرضى"),
        Permission("appointment:create", "Book appointments", "حجز المواعيد"),
    ),
)
