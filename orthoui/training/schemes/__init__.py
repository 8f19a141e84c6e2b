"""Training that leaves behind what a later forgetting needs: logged updates, or shards with checkpoints.

Nothing is imported here, so that the command line can read a scheme's options without torch.
"""
