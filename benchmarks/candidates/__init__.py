"""Published detectors of poisoned training images, written from their papers, to be measured.

One file a method: `judge(seen) -> (score (n,), flagged (n,))`, the flags at the paper's own
threshold. Nothing here is part of the package; what earns its place is written again in
`foretaste.detectors`, where no method is told a rate or a threshold.
"""
