"""Names for made-up people, in both languages; common ones, so that no real person is meant."""

MALE = (
    ("Mohammed", "محمد"), ("Abdullah", "عبدالله"), ("Fahad", "فهد"), ("Khalid", "خالد"), ("Saud", "سعود"), ("Turki", "تركي"),
    ("Omar", "عمر"), ("Yousef", "يوسف"), ("Ibrahim", "إبراهيم"), ("Hassan", "حسن"), ("Majed", "ماجد"), ("Nasser", "ناصر"),
    ("Ali", "علي"), ("Sultan", "سلطان"), ("Bandar", "بندر"), ("Rashid", "راشد"), ("Anas", "أنس"), ("Ziyad", "زياد"),
)
FEMALE = (
    ("Noura", "نورة"), ("Sara", "سارة"), ("Fatimah", "فاطمة"), ("Reem", "ريم"), ("Haya", "هيا"), ("Lama", "لمى"),
    ("Maha", "مها"), ("Amal", "أمل"), ("Hind", "هند"), ("Aisha", "عائشة"), ("Dana", "دانة"), ("Wafa", "وفاء"),
    ("Maryam", "مريم"), ("Latifah", "لطيفة"), ("Shahad", "شهد"), ("Jawahir", "جواهر"), ("Abeer", "عبير"), ("Rana", "رنا"),
)
FAMILY = (
    ("Alharbi", "الحربي"), ("Alotaibi", "العتيبي"), ("Alqahtani", "القحطاني"), ("Alghamdi", "الغامدي"), ("Alshehri", "الشهري"),
    ("Aldossari", "الدوسري"), ("Almutairi", "المطيري"), ("Alzahrani", "الزهراني"), ("Alshammari", "الشمري"), ("Aljohani", "الجهني"),
    ("Almalki", "المالكي"), ("Alsubaie", "السبيعي"), ("Alanazi", "العنزي"), ("Albalawi", "البلوي"), ("Alyami", "اليامي"),
    ("Khan", "خان"), ("Hussain", "حسين"), ("Ahmed", "أحمد"), ("Osman", "عثمان"), ("Rahman", "رحمن"),
)
