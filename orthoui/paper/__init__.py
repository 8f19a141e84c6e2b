"""The paper's tables (arXiv 2506.19891), measured here beside the printed numbers.

How the parts fit: ``printed`` reads what the paper prints, ``setting`` says on what is measured, ``plans`` lays
out the cells of a table, ``finding`` looks for the models a cell needs and says how to train one that is missing.
``measures``, ``others`` and ``pictures`` register what a cell can measure, ``reproduce`` fills a table cell by cell
and ``job`` makes that a job. ``schema`` is what is written, ``store`` where it lies, ``answers`` and ``curves`` say
what the cells mean, with the ``phrases`` for their numbers.
"""
