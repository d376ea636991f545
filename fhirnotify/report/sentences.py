# ruff: noqa: RUF001  # the dash of the page is the en dash
"""What the page says at length, and all it says about missed visits, in Swedish and in English."""

SWEDISH = {
    "helping": "Hjälper påminnelserna?",
    "helping-lead": "Andel uteblivna besök, av dem där det är känt om patienten kom eller uteblev.",
    "helping-told": "Av dem som påmindes uteblev {reminded}, av de övriga {unreminded}: "
    "skillnaden är {difference} procentenheter (95 % konfidensintervall {low} till {high}).",
    "helping-no-proof": "Det är inget bevis: de som påmindes skiljer sig från de övriga på fler sätt, "
    "till exempel har de samtyckt till sms.",
    "helping-apart": "Här ingår inte besök yngre än två veckor, inte heller sådana där patienten kan ha blivit påmind "
    "ändå (dubbelbokat, oklart, väntar) eller inte väntades (inte längre bokat, deltar inte, avliden).",
    "helping-unknown": "Hur det gick är inte känt för {count} av besöken.",
    "helping-neither": "{count} besök räknas inte: de ingår inte, blev avbokade eller flyttade, eller så är det inte "
    "känt hur det gick.",
    "helping-none": "Det är inte känt hur besöken gick. ”fhirnotify outcomes” läser det ur journalen, "
    "helst varje natt; besök visas här när de är två veckor gamla.",
    "helping-few": "Hur många som uteblev visas inte: något av antalen är mellan ett och fyra.",
    "helping-unit": "Hur många som uteblev visas bara för alla enheter tillsammans.",
    "helping-causes": "Uteblivna bland dem som inte påmindes, efter skäl",
    "helping-scale": "Punkten är andelen, strecket dess 95 % konfidensintervall, på en skala från 0 till {most}.",
    "missed": "Uteblev",
    "of-known": "Av",
    "missed-share": "Andel",
    "difference": "Skillnad {difference} procentenheter ({low} till {high})",
    "others": "Övriga",
    "group": "Grupp",
    "privacy": "Antal från ett till fyra visas som ”<5”, och så många andra antal visas som ”–” att de inte kan "
    "räknas ut ur denna rapport. Den som jämför två rapporter om samma eller överlappande tid kan få veta mer: sprid "
    "en rapport per månad, två veckor efter dess slut.",
    "basis": "Ett besök räknas den dag det börjar. En patient räknas en gång för varje bokat besök. "
    "Påmind är den vars sms operatören har tagit emot.",
    "too-few-more": "Minst fem besök med påminnelse, och minst fem utan (eller inga alls), "
    "behövs innan något mer kan visas utan att det går att förstå vilka patienter det gäller.",
}

ENGLISH = {
    "helping": "Does it help?",
    "helping-lead": "Share of missed visits, among those of which it is known whether the patient came.",
    "helping-told": "Of those reminded {reminded} missed the visit, of the others {unreminded}: "
    "a difference of {difference} percentage points (95 % confidence interval {low} to {high}).",
    "helping-no-proof": "This is no proof: those who were reminded differ from the others in more ways, "
    "for example by having consented to SMS.",
    "helping-apart": "Left out are visits of the last two weeks, and those where the patient may have been reminded "
    "after all (booked twice, uncertain, waiting) or was not to come (no longer booked, not attending, deceased).",
    "helping-unknown": "What became of {count} of the visits is not known.",
    "helping-neither": "{count} visits are not counted: they are left out, were cancelled or moved, or what became of "
    "them is not known.",
    "helping-none": "What became of the visits is not known. “fhirnotify outcomes” reads it from the journal system, "
    "best every night; visits are shown here when they are two weeks old.",
    "helping-few": "How many were missed is not shown: one of the numbers is between one and four.",
    "helping-unit": "How many visits were missed is shown for all units together only.",
    "helping-causes": "Missed among those not reminded, by reason",
    "helping-scale": "The dot is the share, the line its 95 % confidence interval, on a scale from 0 to {most}.",
    "missed": "Missed",
    "of-known": "Of",
    "missed-share": "Share",
    "difference": "Difference {difference} percentage points ({low} to {high})",
    "others": "Others",
    "group": "Group",
    "privacy": "Counts from one to four are shown as “<5”, and as many others as “–” as it takes that they "
    "cannot be worked out from this report. Who compares two reports of the same or overlapping times may learn more: "
    "give out one report per month, two weeks after its end.",
    "basis": "A visit is counted on the day it starts. A patient is counted once for each booked visit. "
    "Reminded is whose message the provider has accepted.",
    "too-few-more": "At least five visits with a reminder, and at least five without (or none at all), are needed "
    "before more can be shown without it being possible to understand which patients they are.",
}
