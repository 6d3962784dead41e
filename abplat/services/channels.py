"""What can be done with channels."""

from __future__ import annotations

from abplat.domain.catalogue import CHANNELS
from abplat.services.definitions import Verbs

_verbs = Verbs(CHANNELS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
