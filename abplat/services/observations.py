"""What can be done with observations: evidence items and external series."""

from __future__ import annotations

from abplat.domain.catalogue import OBSERVATIONS
from abplat.services.definitions import Verbs

_verbs = Verbs(OBSERVATIONS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
