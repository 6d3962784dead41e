"""From touchpoints to journeys."""
