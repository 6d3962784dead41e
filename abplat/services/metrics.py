"""What can be done with metrics."""

from __future__ import annotations

from abplat.domain.catalogue import METRICS
from abplat.services.definitions import Verbs

_verbs = Verbs(METRICS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
