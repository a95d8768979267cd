"""Losses: the multi-level contrastive loss and the baselines from other papers."""
