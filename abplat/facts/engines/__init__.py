"""Engines that read the lake."""
