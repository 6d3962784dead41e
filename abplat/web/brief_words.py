"""The words of the brief in English and French; what people wrote themselves stays in their own language."""

from __future__ import annotations

from typing import Final

from abplat.web.charts import forest

EN: Final = "en"
FR: Final = "fr"
LANGUAGES: Final = {EN: "English", FR: "Fran\u00e7ais"}

WORDS: Final[dict[str, dict[str, str]]] = {
    EN: {
        "brief": "Brief",
        "question": "The question",
        "answer": "The answer",
        "numbers": "The numbers",
        "where": "Where on the way it changed",
        "where_note": "An account of the whole difference, not the effect of changing one link alone.",
        "harm": "What could still go wrong",
        "learned": "What was learned",
        "not_concluded": "Not concluded yet.",
        "next": "What comes next",
        "observed": "Observed beside the experiment",
        "observed_note": "Not randomised: it explains and does not prove.",
        "owner": "Owner",
        "journey": "Journey",
        "ran": "Ran",
        "customers": "Customers",
        "channels": "Channels",
        "decides": "decides",
        "guards": "must not get worse",
        "explains": "explains only",
        "helps": "helps to understand",
        "plausible": "plausible",
        "to": "to",
        "until": "until",
        "since": "since",
        "nobody": "nobody yet",
        "exposed": "Exposed",
        "none_harm": "Within the plausible range, no harm to the goal is left.",
        "harm_goal": "{metric} could be as low as {bound} against control.",
        "harm_goal_high": "{metric} could be as high as {bound} against control.",
        "harm_guardrail": "{metric} could be {bound}, past its margin of {margin}.",
        "harm_ok": "{metric} is shown to stay within its margin of {margin}.",
        "footer": "From the stored report {hash} of {at}. A plausible range holds the true change in {level} of such experiments.",
        "print": "Print, or keep as PDF, with the browser\u2019s print command.",
        "html": "Download as one HTML file",
        "pdf": "Download as PDF",
        "back": "The whole result",
        "language": "Language",
        "variant_against": "{variant} against control",
        "adds": "adds",
        "verdict": "Verdict",
        "metric": "What was measured",
        "change": "Change",
        "role": "Its part",
        "trusted": "Can the numbers be trusted?",
        "all_passed": "Every check has passed ({n}).",
        "warned": "{warned} of {n} checks warn: {found}.",
        "reached": "{title}",
        "link": "{name}: {points}, plausible {plausible}; control goes on with {control}, the variant with {treatment}",
    },
    FR: {
        "brief": "Synth\u00e8se",
        "question": "La question",
        "answer": "La r\u00e9ponse",
        "numbers": "Les chiffres",
        "where": "O\u00f9 le parcours a chang\u00e9",
        "where_note": "Une r\u00e9partition de l\u2019\u00e9cart total, et non l\u2019effet d\u2019un changement de cette seule \u00e9tape.",
        "harm": "Ce qui peut encore mal tourner",
        "learned": "Ce que nous avons appris",
        "not_concluded": "Pas encore conclu.",
        "next": "La suite",
        "observed": "Observ\u00e9 \u00e0 c\u00f4t\u00e9 de l\u2019exp\u00e9rience",
        "observed_note": "Sans tirage au sort\u00a0: cela explique, cela ne prouve pas.",
        "owner": "Responsable",
        "journey": "Parcours",
        "ran": "Dur\u00e9e",
        "customers": "Clients",
        "channels": "Canaux",
        "decides": "d\u00e9cide",
        "guards": "ne doit pas se d\u00e9grader",
        "explains": "explique seulement",
        "helps": "aide \u00e0 comprendre",
        "plausible": "plausible",
        "to": "\u00e0",
        "until": "jusqu\u2019au",
        "since": "depuis le",
        "nobody": "personne encore",
        "exposed": "Expos\u00e9s",
        "none_harm": "Dans la plage plausible, aucun dommage pour l\u2019objectif n\u2019est possible.",
        "harm_goal": "{metric}\u00a0: jusqu\u2019\u00e0 {bound} par rapport au t\u00e9moin reste possible.",
        "harm_goal_high": "{metric}\u00a0: jusqu\u2019\u00e0 {bound} par rapport au t\u00e9moin reste possible.",
        "harm_guardrail": "{metric}\u00a0: {bound} reste possible, au-del\u00e0 de la marge de {margin}.",
        "harm_ok": "{metric}\u00a0: il est montr\u00e9 que la marge de {margin} est respect\u00e9e.",
        "footer": "D\u2019apr\u00e8s le rapport enregistr\u00e9 {hash} du {at}. Une plage plausible contient le vrai changement dans {level} de telles exp\u00e9riences.",
        "print": "Pour imprimer ou garder en PDF, utilisez la commande d\u2019impression du navigateur.",
        "html": "T\u00e9l\u00e9charger en un seul fichier HTML",
        "pdf": "T\u00e9l\u00e9charger en PDF",
        "back": "Le r\u00e9sultat complet",
        "language": "Langue",
        "variant_against": "{variant} par rapport au t\u00e9moin",
        "adds": "apporte",
        "verdict": "Verdict",
        "metric": "Mesure",
        "change": "Changement",
        "role": "R\u00f4le",
        "trusted": "Peut-on se fier aux chiffres\u00a0?",
        "all_passed": "Tous les contr\u00f4les sont bons ({n}).",
        "warned": "{warned} contr\u00f4les sur {n} avertissent\u00a0: {found}.",
        "reached": "\u00c9tape atteinte\u00a0: {stage}",
        "link": "{name}\u00a0: {points}, plausible {plausible}\u00a0; le t\u00e9moin continue \u00e0 {control}, la variante \u00e0 {treatment}",
    },
}
DECISIONS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    EN: {
        "not_trusted": ("Not trusted", "Do not decide yet: a check that every number rests on has failed. What failed: {block}."),
        "rollback": ("Worse", "Roll back: the change makes the journey worse."),
        "conflict": ("Conflict", "Do not ship: a touchpoint won and the journey lost."),
        "ship": ("Better", "Ship it: the journey is better and no guardrail is harmed."),
        "ship_neutral": ("No harm shown", "It may be shipped: no harm is shown, and no gain either."),
        "extend": ("Too early", "Keep it running: it is too early to say."),
        "stop_no_effect": ("No effect worth having", "Stop: if there is an effect, it is too small to matter."),
        "inconclusive": ("Inconclusive", "Nothing is shown: gain and loss are both still possible."),
        "aa": ("As it should be", "This test of equal variants finds no difference in its goal: the platform can be trusted."),
        "local_win": ("Local win only", "Do not ship yet: a touchpoint won, the journey has not been shown to."),
    },
    FR: {
        "not_trusted": ("Pas fiable", "Ne d\u00e9cidez pas encore\u00a0: un contr\u00f4le dont d\u00e9pendent tous les chiffres a \u00e9chou\u00e9. En cause\u00a0: {block}."),
        "rollback": ("Moins bien", "Revenez en arri\u00e8re\u00a0: le changement d\u00e9grade le parcours."),
        "conflict": ("Conflit", "Ne d\u00e9ployez pas\u00a0: un point de contact a gagn\u00e9 et le parcours a perdu."),
        "ship": ("Mieux", "D\u00e9ployez\u00a0: le parcours est meilleur et aucune mesure de garde n\u2019est touch\u00e9e."),
        "ship_neutral": ("Aucun dommage montr\u00e9", "Le d\u00e9ploiement est possible\u00a0: aucun dommage n\u2019est montr\u00e9, aucun gain non plus."),
        "extend": ("Trop t\u00f4t", "Laissez tourner\u00a0: il est trop t\u00f4t pour conclure."),
        "stop_no_effect": ("Sans effet utile", "Arr\u00eatez\u00a0: s\u2019il y a un effet, il est trop petit pour compter."),
        "inconclusive": ("Ind\u00e9cis", "Rien n\u2019est montr\u00e9\u00a0: un gain et une perte restent possibles."),
        "aa": ("Comme il se doit", "Ce test de variantes \u00e9gales ne trouve aucune diff\u00e9rence\u00a0: on peut se fier \u00e0 la plateforme."),
        "local_win": ("Gain local seulement", "Ne d\u00e9ployez pas encore\u00a0: un point de contact a gagn\u00e9, le parcours ne l\u2019a pas montr\u00e9."),
    },
}  # fmt: skip
NEXT: Final[dict[str, dict[str, str]]] = {
    EN: {
        "not_trusted": "Find out why the check failed, mend it, and run the experiment again.",
        "rollback": "Give everybody control, and look for the link at which the journey lost customers.",
        "conflict": "Look at the link after the touchpoint: keep what won there without losing them later.",
        "ship": "Give it to everybody, and keep a holdout to see whether it lasts.",
        "ship_neutral": "Ship it if it is worth its upkeep.",
        "extend": "Wait for the planned number of customers.",
        "stop_no_effect": "Try something bolder on the same journey.",
        "inconclusive": "Run it longer, or try something bolder.",
        "local_win": "Test a change further down the same journey.",
        "aa": "Nothing to decide: equal variants show no difference, as it has to be.",
    },
    FR: {
        "not_trusted": "Trouver pourquoi le contr\u00f4le a \u00e9chou\u00e9, corriger, puis refaire l\u2019exp\u00e9rience.",
        "rollback": "Rendre la version t\u00e9moin \u00e0 tous, et chercher l\u2019\u00e9tape o\u00f9 le parcours perd ses clients.",
        "conflict": "Regarder l\u2019\u00e9tape qui suit le point de contact\u00a0: garder son gain sans perdre les clients ensuite.",
        "ship": "Le donner \u00e0 tous, et garder un groupe \u00e0 part pour voir si l\u2019effet dure.",
        "ship_neutral": "D\u00e9ployer si cela vaut son entretien.",
        "extend": "Attendre le nombre de clients pr\u00e9vu.",
        "stop_no_effect": "Essayer quelque chose de plus audacieux sur le m\u00eame parcours.",
        "inconclusive": "Prolonger, ou essayer quelque chose de plus audacieux.",
        "local_win": "Tester un changement plus loin sur le m\u00eame parcours.",
        "aa": "Rien \u00e0 d\u00e9cider\u00a0: des variantes \u00e9gales ne montrent aucune diff\u00e9rence, comme il se doit.",
    },
}
METRIC_WORDS: Final[dict[str, dict[str, str]]] = {
    EN: {"better": "Better", "worse": "Worse", "inconclusive": "Inconclusive", "too_early": "Too early",
         "not_trusted": "Not trusted", "not_computable": "Not computable", "descriptive": "Descriptive"},
    FR: {"better": "Mieux", "worse": "Moins bien", "inconclusive": "Ind\u00e9cis", "too_early": "Trop t\u00f4t",
         "not_trusted": "Pas fiable", "not_computable": "Non calculable", "descriptive": "Descriptif"},
}  # fmt: skip
OUTCOMES: Final[dict[str, dict[str, str]]] = {
    EN: {"won": "Won", "lost": "Lost", "inconclusive": "Inconclusive", "invalid": "Not to be trusted"},
    FR: {"won": "Gagn\u00e9", "lost": "Perdu", "inconclusive": "Ind\u00e9cis", "invalid": "Pas fiable"},
}


BAR_WORDS: Final = {
    EN: forest.ENGLISH,
    FR: forest.Words(
        best="Meilleure estimation",
        zone="Changements trop petits pour agir",
        harm="Au-del\u00e0 de la marge",
        beyond="La plage continue au-del\u00e0 de l\u2019\u00e9chelle",
    ),
}


def localise(text: str, language: str) -> str:
    """Write numbers the way a language does: French uses a comma, and a narrow space for thousands.

    Examples:
        >>> localise("+1,234.5 pts", "fr")
        '+1\u202f234,5 pts'
    """
    if language != FR:
        return text
    marked = []
    for index, letter in enumerate(text):
        between = 0 < index < len(text) - 1 and text[index - 1].isdigit() and text[index + 1].isdigit()
        marked.append({",": "\u202f", ".": ","}.get(letter, letter) if between else letter)
    said = "".join(marked)
    for english, french in (
        ("days", "jours"),
        ("hours", "heures"),
        (" to ", " \u00e0 "),
        ("not yet", "pas encore"),
    ):
        said = said.replace(english, french)
    return said
