"""A retailer in accelerated time: the main job on planted truth, through the real doors."""
