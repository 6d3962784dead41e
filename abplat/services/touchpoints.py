"""What can be done with touchpoints."""

from __future__ import annotations

from abplat.domain.catalogue import TOUCHPOINTS
from abplat.services.definitions import Verbs

_verbs = Verbs(TOUCHPOINTS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
