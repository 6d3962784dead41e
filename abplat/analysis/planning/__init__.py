"""From a request for a plan to its answer: the past becomes an outcome and a curve of arrivals."""
