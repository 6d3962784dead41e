"""What can be done with personas."""

from __future__ import annotations

from abplat.domain.catalogue import PERSONAS
from abplat.services.definitions import Verbs

_verbs = Verbs(PERSONAS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
list_versions = _verbs.list_versions
