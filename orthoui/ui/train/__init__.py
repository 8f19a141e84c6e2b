"""The Train page: what is to be trained, the trainings under way, their curves."""
