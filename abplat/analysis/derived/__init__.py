"""Journeys and counted events that are kept between readings, and brought up to date by what is new."""
