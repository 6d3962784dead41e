"""What can be done with segments."""

from __future__ import annotations

from abplat.domain.catalogue import SEGMENTS
from abplat.services.definitions import Verbs

_verbs = Verbs(SEGMENTS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
list_versions = _verbs.list_versions
