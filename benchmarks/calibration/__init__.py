"""The simulated experiments of benchmarks/calibrate.py, by the part of abplat.stats that they try."""
