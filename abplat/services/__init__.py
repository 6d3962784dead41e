"""Use cases: one module per noun, one public function per verb. No Flask, no commit."""
