"""Words that passwords are made of by whoever guesses first; chosen by hand, in their folded form."""

_WORDS = """
abc abcd abcde abcdef access account acura admin administrator alexander amanda america andrea andrew angel angela
anthony apple arsenal asd asdf asdfg asdfgh asdfghjkl ashley asshole austin baby babygirl bailey banana baseball
basketball batman beautiful berlin biteme blink blue bonjour boomer brandon british brooklyn buster butterfly calvin
camaro canada carlos casper change changeit changeme charlie chelsea cheese chester chicken chocolate chris christian
cinderella classic clinic coffee compaq computer contact cookie cooper correct corvette cowboy dakota dallas daniel
database david december default demo diablo diamond doctor dolphin donald dragon eagle elephant eminem enter europe
extreme family february ferrari fish flower football forever freedom friday friend friends fuckyou gandalf garfield
george ginger golden golfer google guest guitar hacker hammer hannah happy harley harry health heaven hello helpme
hockey home horse hospital hotdog hottie hunter iceman iloveu iloveyou information insurance internet jackson jasmine
jennifer jessica jesus jordan joseph joshua junior justin killer king kitty kristina ladies lakers laptop letmein
letmeinnow liverpool login london loveme lovely lover loveyou lucky maggie magic manager manchester mango marina
mariposa market master matrix matthew maverick medical melissa mercedes merlin michael michelle mickey midnight
mohammed mohammad money monika monkey monster morgan mother mountain mustang mylove naruto nascar nature newyork
nicholas nicole ninja november nurse october office oracle orange oxford packers pass passcode passphrase password
passw passwd patient patrick payment peanut pepper pepsi phoenix player please pokemon police porsche postgres power
prince princess private purple qazwsx qazwsxedc qwe qwert qwerty qwertyu qwertyui qwertyuiop rabbit rainbow ranger
raiders redsox remember robert rocket root royal samantha samsung saturn saudi saudiarabia scooby scooter secret
secure security september server service shadow silver simple skippy slayer smokey snoopy soccer sophie spanky spider
spiderman spring starwars steelers summer sunday sunflower sunshine superman support sweet system taylor teacher temp
temporary test tester testing thomas thunder tigger trustme trustno tucker turtle user username vanessa victoria
victory viper warrior welcome whatever william winner winter wizard wonderful yamaha yankees yellow zaq zaqwsx zxc
zxcvb zxcvbn zxcvbnm correcthorsebatterystaple monday tuesday wednesday thursday saturday january march april june
july august autumn ramadan riyadh jeddah makkah mecca madinah medina dammam khobar taif tabuk abha kingdom vision
vision2030 neom hilal alhilal ittihad alnassr nassr ahli alahli mohamed muhammad ahmed ahmad abdullah abdulaziz
abdulrahman khalid faisal salman sultan fahad turki bandar nawaf saleh ibrahim yousef omar ali hassan hussain fatima
aisha noura nora sara maryam layla habibi habibti bismillah inshallah mashallah alhamdulillah subhanallah allah
allahuakbar كلمة المرور كلمةالمرور كلمةالسر كلمة السر سر سري مرحبا اهلا السعودية الرياض جدة مكة المدينة الدمام الهلال
الاتحاد النصر الاهلي محمد احمد عبدالله عبدالعزيز خالد فيصل سلمان سلطان فهد تركي نواف صالح ابراهيم يوسف عمر علي حسن
حسين فاطمة عائشة نورة سارة مريم ليلى حبيبي حبيبتي بسم الله بسمالله الله ماشاءالله الحمدلله انشاءالله رمضان مستشفى طبيب
مريض تامين صحة مدير ادمن اختبار تجربة
"""

# Walks over a keyboard, and the alphabets: parts of them, forwards and backwards, are no secret.
RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "qawsedrftgyhujikolp",
    "azerty",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "ابجدهوزحطيكلمنسعفصقرشتثخذضظغ",
    "ضصثقفغعهخحجد",
    "شسيبلاتنمكط",
    "ئءؤرلاىةوزظ",
)

WORDS = frozenset(_WORDS.split())
