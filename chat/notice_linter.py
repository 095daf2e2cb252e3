"""Keeps health information out of SMS, e-mail and push notices: spec section 10.

Whoever sees the lock screen of somebody's phone must learn nothing but that a message waits. So a notice is a template
and a few parameters of known kinds; there is no free text. What is rendered is read again here: identity numbers,
HSA-ids, codes of diagnoses, and words that name an illness, a medicine or a kind of clinic are refused, in Swedish and
English, compounds included. A refusal that was not needed costs a more neutral name; the opposite cannot be undone.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

Cause = Literal[
    "identity_number", "hsa_id", "diagnosis_code", "health_word", "address", "control_character", "too_long"
]

MAX_TEXT_CHARACTERS: Final = 459
"""Three SMS of the 7-bit alphabet; Swedish letters belong to it."""

_ANYWHERE: Final = """
abort addikt alkohol allerg alzheimer ambulans anafyla anestesi antibiot antidepress artros astma autism barnmorsk
behandling beroende bipolär blodprov blodtryck blödning bulimi cancer celiaki cellprov cytosta demens depress
dermatolog diabet diagnos dialys endokrin epileps fertilit fibromyalg fysioterap förlossning gastroent geriatr
glaukom graviditet gravid gynekolog hematolog hemofili hepatit herpes hjärnskak hormon hospice hospis immunolog
impotens infarkt infektion inkontinens insulin intensivvård kardiolog kemoterap kirurg klamydia klimakteri
koloskopi kronisk kvinnoklinik könsbekräft könssjuk laborator leukemi logoped läkemedel lymfom mammografi medicin
melanom metadon migrän missbruk missfall morfin mödrahälso mödravård narkos narkotik nefrolog neonatal neurolog
neuropsyk onkolog opioid operation ordination ortoped osteopor palliativ parkinson pediatri pneumoni preventiv
prostata provsvar psoriasis psykiat psykisk psykolog psykos psykoter rehab remiss reumat röntgen schizofren sepsis
sexolog sexuell sjukdom sjukhus sjukskriv sköldkört sklero smitta smärtklinik smärtmott spermie stroke strålbehand
substitu suicid syfilis symtom självmord terap testosteron transplant trauma trombos tuberkul tumör ultraljud
ungdomsmott urolog vaccin vasektomi venere virus vårdavdel våldtäkt ätstörn ångest överdos överkänslig
androlog amning barnhäls bröst dysfunk endoskop familjeplan foster genetisk gastro gynekol habilit hjärn hörsel
kognit kvinnohäls kvinnofrid könsid könskorr könsmott lymfödem menopaus minnesmott minnesutred mödra neuro obes
reproduk samlevnad sexhäls sexmott smärtc smärtrehab stomi syncentral sömnap sömnmott sömnlab tarmcent tarmmott tarmsj
tillväxtmott traumac venhäls övervikt
breast bowel cognitive dementia fertil hearing obesity sleep
addict anorexi anxiety biopsy chemotherap chronic diagnosis disease disorder emergency gynaec gynec hospital illness
infection kidney maternity medicine medication mental midwife miscarriage obstetric oncolog orthop overdose paediatr
pharmac physiother pregnan prescri psychiat psycholog psychother radiolog referral sexual surgery surgeon symptom
syndrome therapy therapist treatment ultrasound
alvedon atarax bensodiazepin buprenorfin citalopram concerta diazepam elvanse fentanyl finasterid fluoxetin
ibuprofen ipren kodein lamotrigin lergigan levaxin levotyrox litium metformin metoprolol metylfenidat mirtazapin
olanzapin omeprazol oxikodon oxycodon oxynorm ozempic panodil paracetamol prednisolon quetiapin ritalin semaglutid
sertralin sildenafil simvastatin sobril stilnoct suboxone subutex tramadol trombyl valproat venlafaxin viagra
warfarin xanax zoloft zopiklon
"""
ANYWHERE: Final = frozenset(_ANYWHERE.split())
"""Parts of words that are refused wherever they stand in a word: Swedish compounds hide them in the middle."""

_AT_THE_START: Final = """
akut barnklinik barnmott geropsyk hjärtk hjärtm hjärts hjärtf hudk hudm hudl lungk lungm lungc lungs njurk njurm
njursv receptf receptb sjuk tandl tandv öronm öronk ögonk ögonm ögonl
hudv hudc hörc kärlk kärlm könsm leverc leverm leversj magm minnesm ryggm sårm sårc sårv tarm urinv
"""
AT_THE_START: Final = frozenset(_AT_THE_START.split())
"""Parts that are refused at the beginning of a word only."""

_WHOLE: Final = """
add adhd aids als bb bup bvc cystor dna drug drugs ecg ekg gyn hiv hud ibs ibd iva ivf kbt kol lsd mvc ms ocd pcos ptsd
recept recepten receptet pain skin std sti tbc tbe trans ward
"""
WHOLE: Final = frozenset(_WHOLE.split())
"""Words that are refused as they are: shorter than what other words may begin with (Huddinge, Stina, address)."""

_PHRASES: Final = re.compile(
    r"\b(?:birth control|gender (?:clinic|identity|care)|(?:memory|weight) clinic|women['\u2019]s health|heart failure|"
    r"test results?|blood test|cystisk fibros)\b"
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_IDENTITY: Final = re.compile(
    r"(?<!\d)(?:(?:18|19|20|99)\d{2}|\d{2})(?:\d{4})[-+ ]?[\dA-Z]{4}[A-Z]?(?![\dA-Za-z])", re.IGNORECASE
)
_LONG_NUMBER: Final = re.compile(r"(?<!\d)(?:\d[ -]?){9,}\d(?!\d)")
_HSA: Final = re.compile(r"\bSE\d{10}-[A-Z0-9]{4,}", re.IGNORECASE)
_DIAGNOSIS: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]\d{2}(?:\.\d{1,2}|[0-9A-Z])?(?![A-Za-z0-9])")
_TIME: Final = re.compile(r"(?<![\d-])20[2-9]\d-[01]\d-[0-3]\d [0-2]\d:[0-5]\d(?!\d)")
_LINK: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_INVISIBLE: Final = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])


@dataclass(frozen=True)
class Finding:
    """Why a text is refused. It does not say which word: findings are counted and logged."""

    cause: Cause


class NoticeRefusedError(ValueError):
    """A notice that the linter does not let out."""

    def __init__(self, causes: tuple[str, ...]) -> None:
        super().__init__(", ".join(causes))
        self.causes = causes


def lint(text: str, *, own_address: str = "") -> tuple[Finding, ...]:
    """Everything that is wrong with a text. ``own_address``: the only address that it may have."""
    plain = unicodedata.normalize("NFKC", text).translate(_INVISIBLE)
    found: list[Cause] = []
    if len(text) > MAX_TEXT_CHARACTERS:
        found.append("too_long")
    if any(unicodedata.category(character) in ("Cc", "Cf") and character != "\n" for character in text):
        found.append("control_character")
    links = _LINK.findall(plain)
    if any(not own_address or link.rstrip(".,") != own_address for link in links):
        found.append("address")
    rest = _TIME.sub(" ", _LINK.sub(" ", plain))
    if _IDENTITY.search(rest) or _LONG_NUMBER.search(rest):
        found.append("identity_number")
    if _HSA.search(rest):
        found.append("hsa_id")
    if _DIAGNOSIS.search(rest):
        found.append("diagnosis_code")
    if _has_health_word(rest.casefold()):
        found.append("health_word")
    return tuple(map(Finding, found))


def check(text: str, *, own_address: str = "") -> None:
    """``NoticeRefusedError`` unless the text says nothing about anybody's health."""
    findings = lint(text, own_address=own_address)
    if findings:
        raise NoticeRefusedError(tuple(finding.cause for finding in findings))


def _has_health_word(text: str) -> bool:
    if _PHRASES.search(text):
        return True
    for word in _WORD.findall(text):
        if word in WHOLE or any(part in word for part in ANYWHERE):
            return True
        if any(word.startswith(part) for part in AT_THE_START):
            return True
    return False
