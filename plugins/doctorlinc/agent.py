"""Patients, practitioners, schedules and appointments."""

from doctorlinc.contract import AppointmentBooked, PatientRegistered
from doctorlinc.demo import demo
from doctorlinc.routes import router
from doctorlinc.tables import TABLES
from doctorlinc.tasks import TASKS
from masterlinc.agent import Agent, Permission, SealedColumn

agent = Agent(
    name="doctorlinc",
    title="DoctorLinc",
    title_ar="دكتور لينك",
    version="0.1.0",
    kernel=">=0.1,<1",
    description="Patients, practitioners and their appointments.",
    description_ar="المرضى والممارسون ومواعيدهم.",
    category="clinical",
    purpose="treatment",
    capabilities=("patient_records", "practitioner_directory", "scheduling"),
    requires=("authlinc",),
    routers=(router,),
    tables=TABLES,
    publishes=(PatientRegistered, AppointmentBooked),
    tasks=TASKS,
    demo=demo,
    sealed=(
        SealedColumn("patient", "medical_record_number", "doctorlinc.patient.medical_record_number/{id}"),
        SealedColumn("patient", "phone", "doctorlinc.patient.phone/{id}"),
        SealedColumn("patient", "email", "doctorlinc.patient.email/{id}"),
        SealedColumn("patient", "policy_number", "doctorlinc.patient.policy_number/{id}"),
        SealedColumn("patient", "member_number", "doctorlinc.patient.member_number/{id}"),
        SealedColumn("patient_identifier", "value", "doctorlinc.patient_identifier.value/{id}"),
        SealedColumn("appointment", "notes", "doctorlinc.appointment.notes/{id}"),
    ),
    permissions=(
        Permission("patient:read", "See and search patients", "عرض المرضى والبحث عنهم"),
        Permission(
            "patient:contact",
            "See patients' phones, e-mail addresses and identity numbers",
            "عرض هواتف المرضى وبريدهم وأرقام هوياتهم",
        ),
        Permission("patient:create", "Register patients", "تسجيل المرضى"),
        Permission("appointment:create", "Book appointments", "حجز المواعيد"),
    ),
)
