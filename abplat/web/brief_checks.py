"""What a check has found and why a number is missing, in plain English and French: for the brief.

The report says both in English for people who read statistics; here each code has one phrase that
goes into a sentence. A test holds the tables against every code that an analysis can give.
"""

from __future__ import annotations

from typing import Final

from abplat.domain.report import Finding
from abplat.web import wording

FOUND_EN: Final[dict[str, str]] = {
    "sample_ratio": "customers did not reach the variants as planned",
    "crossover": "too many customers met several variants",
    "identification": "the variant changes who is recognised",
    "merge_rate": "the groups are not recognised alike",
    "identity_sensitivity": "the result depends on who is taken for whom",
    "coherence": "too few customers kept their variant from one channel to the next",
    "coherence_drift": "fewer customers keep their variant than before",
    "coherence_source": "one source of exposures does not keep the variant",
    "coverage": "a channel does not show the variant",
    "limited_ids": "some ids are beyond their limit",
    "unidentified_ids": "many customers are known by no customer id",
    "cluster_ids": "some ids name a whole group",
    "shared_ids": "some ids are shared by several customers",
    "refused_links": "some links between ids were refused",
    "unknown_variant": "some exposures name a variant that was not planned",
    "overrides": "some customers were put into a variant by hand",
    "no_exposures": "a variant was met by nobody",
    "too_few": "there are few customers yet",
    "immature": "many customers have not been watched to the end yet",
    "phase": "only the present phase is judged",
    "deviations": "something was done otherwise than planned",
    "clustered": "whole groups were drawn, and there are few of them",
    "no_cluster": "some exposures do not name their group",
    "conflict": "a touchpoint won and the journey lost",
    "novelty": "the effect fades or grows with time",
    "weeks": "the effect is not the same in every week",
    "interaction": "the effect differs between kinds of customers",
    "qualitative_interaction": "it helps some customers and hurts others",
    "simpson": "the total contradicts every part of it",
    "response_bias": "the groups did not answer equally often",
    "paths": "customers take other ways than before",
    "freshness": "the data are not fresh",
    "days_left": "the planned end is not reached yet",
    "peeking": "it is decided at the planned end",
    "negative_control": "control is below zero",
    "denominator_moved": "what a figure is counted per has moved as well",
    "covariate_imbalance": "the groups already differed before the test",
    "covariate_singular": "what was known before was of no use",
    "covariate_dropped": "what was known before was left out",
    "strata_merged": "small groups of customers were joined",
    "strata_dropped": "groups of customers were not used",
    "exact_test_disagrees": "two ways of testing disagree",
    "normal_interval_unreliable": "a few large values may decide",
    "non_proportional_hazards": "the change works early or late, not all the time",
    "missing_by_arm": "values are missing more often in one group",
}
FOUND_FR: Final[dict[str, str]] = {
    "sample_ratio": "les clients ne sont pas répartis comme prévu",
    "crossover": "trop de clients ont rencontré plusieurs variantes",
    "identification": "la variante change qui est reconnu",
    "merge_rate": "les groupes ne sont pas reconnus de la même façon",
    "identity_sensitivity": "le résultat dépend de la manière de reconnaître les clients",
    "coherence": "trop peu de clients ont gardé leur variante d’un canal à l’autre",
    "coherence_drift": "moins de clients qu’avant gardent leur variante",
    "coherence_source": "une source d’expositions ne garde pas la variante",
    "coverage": "un canal ne montre pas la variante",
    "limited_ids": "certains identifiants dépassent leur limite",
    "unidentified_ids": "beaucoup de clients n’ont pas d’identifiant client",
    "cluster_ids": "certains identifiants désignent tout un groupe",
    "shared_ids": "certains identifiants sont partagés par plusieurs clients",
    "refused_links": "certains liens entre identifiants ont été refusés",
    "unknown_variant": "certaines expositions nomment une variante non prévue",
    "overrides": "certains clients ont été placés à la main dans une variante",
    "no_exposures": "une variante n’a été rencontrée par personne",
    "too_few": "il y a encore peu de clients",
    "immature": "beaucoup de clients n’ont pas encore été suivis jusqu’au bout",
    "phase": "seule la phase actuelle est jugée",
    "deviations": "tout n’a pas été fait comme prévu",
    "clustered": "des groupes entiers ont été tirés au sort, et ils sont peu nombreux",
    "no_cluster": "certaines expositions ne nomment pas leur groupe",
    "conflict": "un point de contact a gagné et le parcours a perdu",
    "novelty": "l’effet change avec le temps",
    "weeks": "l’effet n’est pas le même chaque semaine",
    "interaction": "l’effet diffère selon les clients",
    "qualitative_interaction": "le changement aide certains clients et nuit à d’autres",
    "simpson": "le total contredit chacune de ses parties",
    "response_bias": "les groupes n’ont pas répondu aussi souvent",
    "paths": "les clients prennent d’autres chemins qu’avant",
    "freshness": "les données ne sont pas récentes",
    "days_left": "la fin prévue n’est pas encore atteinte",
    "peeking": "la décision se prend à la fin prévue",
    "negative_control": "le témoin est inférieur à zéro",
    "denominator_moved": "la base d’un chiffre a changé elle aussi",
    "covariate_imbalance": "les groupes différaient déjà avant le test",
    "covariate_singular": "ce que l’on savait avant n’a pas servi",
    "covariate_dropped": "ce que l’on savait avant a été laissé de côté",
    "strata_merged": "de petits groupes de clients ont été réunis",
    "strata_dropped": "les groupes de clients n’ont pas été utilisés",
    "exact_test_disagrees": "deux manières de tester se contredisent",
    "normal_interval_unreliable": "quelques grandes valeurs peuvent décider",
    "non_proportional_hazards": "le changement agit tôt ou tard, pas tout le temps",
    "missing_by_arm": "des valeurs manquent plus souvent dans un groupe",
}
OTHER_FR: Final = "un contrôle a échoué"
"""Of a check that a later version adds, until it has its phrase."""
REASONS_FR: Final[dict[str, str]] = {
    "no_units": "pas encore de clients",
    "no_exposures": "pas encore de clients",
    "too_few_units": "trop peu de clients pour conclure",
    "zero_variance": "tous les clients ont la même valeur",
    "precision_lost": "les sommes ont perdu leur précision",
    "zero_denominator": "rien à diviser pour l’instant",
    "no_denominator": "rien à diviser pour l’instant",
    "zero_baseline": "le témoin est à zéro, un changement relatif n’a pas de sens",
    "control_mean_near_zero": "le témoin est trop proche de zéro",
    "unstable_baseline": "le témoin est trop proche de zéro",
    "unbounded": "le témoin est trop proche de zéro",
    "non_positive_mean": "un groupe n’est pas au-dessus de zéro",
    "no_events": "rien ne s’est encore passé dans un groupe",
    "no_starts": "personne n’a commencé le parcours",
    "no_completions": "personne n’a encore terminé le parcours",
    "too_few_events": "trop peu de parcours terminés pour conclure",
    "tau_beyond_follow_up": "personne n’a encore été suivi aussi longtemps",
    "empty_link": "personne n’a atteint cette étape dans un groupe",
    "empty_cell": "personne n’est entré par un des canaux dans un groupe",
    "too_few_strata": "moins de deux groupes à comparer",
    "no_cubes": "l’asymétrie n’a pas été relevée",
    "no_local_variability": "trop de clients ont la même valeur",
    "quantile_out_of_reach": "trop peu d’événements pour ce quantile",
    "cap_is_zero": "la plupart des clients n’ont pas de valeur",
    "too_few_bins": "les pas de temps sont trop grands",
    "no_missing_values": "aucune valeur ne manque",
    "information_not_grown": "rien de nouveau depuis la dernière fois",
    "not_ended": "le test continue",
    "not_reached": "pas atteint dans le temps permis",
    "too_few_categories": "une seule catégorie reste",
    "too_few_clusters": "trop peu de groupes pour conclure",
    "not_clustered": "non calculé quand des groupes sont tirés au sort",
    "too_few_ages": "trop peu de jours pour voir une tendance",
    "no_responses": "personne n’a répondu dans un groupe",
    "after_exposure": "mesuré après l’exposition, donc non jugé",
    "not_converged": "le calcul n’a pas trouvé de réponse",
    "too_early": "il est trop tôt pour conclure",
    "not_mature": "aucun client n’a encore été suivi jusqu’au bout",
}
NO_NUMBER_FR: Final = "non calculable"


def say_found(finding: Finding, language: str) -> str:
    """Say in one phrase what a check has found."""
    if language == "fr":
        return FOUND_FR.get(finding.code, OTHER_FR)
    return FOUND_EN.get(finding.code) or finding.title.rstrip(".")


def say_missing(reason: str | None, language: str) -> str:
    """Say why there is no number."""
    if language == "fr":
        return REASONS_FR.get(reason or "", NO_NUMBER_FR)
    return wording.say_reason(reason)
