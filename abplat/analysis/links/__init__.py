"""Where on the journey a difference arose: links, channels, hand-offs, latencies, the mechanism."""

from abplat.analysis.links.chain import count_chain, decompose, required_stages
from abplat.analysis.links.section import describe_links

__all__ = ["count_chain", "decompose", "describe_links", "required_stages"]
