"""Shapes of requests and answers; a request and its answer are different classes."""
