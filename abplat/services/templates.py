"""What can be done with templates."""

from __future__ import annotations

from abplat.domain.catalogue import TEMPLATES
from abplat.services.definitions import Verbs

_verbs = Verbs(TEMPLATES)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
